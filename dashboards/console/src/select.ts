// Moving the selection. Officers do; the page does in the two cases of run.ts only.

import { batch } from '@preact/signals'
import { isFinalTask } from '@banyan/live/protocol'
import { keyOfRow } from './queue.ts'
import { item, list, movedAt, openGroups, pane, queue, rows, selected, selectedRow, selectedTask, timeline } from './state.ts'
import type { List } from './state.ts'

export function select(key: string, task = ''): void {
  batch(() => {
    selected.value = key
    selectedTask.value = task
    movedAt.value = -Infinity
    pane.value = 'incident'
  })
  reveal(key)
}

const reveal = (key: string) => requestAnimationFrame(() =>
  document.querySelector(`[data-row="${CSS.escape(key)}"]`)?.scrollIntoView({ block: 'nearest' }))

// step moves the selection by n rows.
export function step(n: number): void {
  const all = rows.peek()
  if (all.length === 0) return
  const at = all.findIndex((r) => keyOfRow(r) === selected.peek())
  const to = at < 0 ? (n > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + n, 0), all.length - 1)
  const row = all[to]
  if (row) select(keyOfRow(row))
}

export function ends(last: boolean): void {
  const row = last ? rows.peek().at(-1) : rows.peek()[0]
  if (row) select(keyOfRow(row))
}

// nextWaiting selects the most urgent task that waits, after the selected one where that waits itself.
export function nextWaiting(): void {
  const waiting = queue.peek().filter((i) => i.waiting)
  const at = waiting.findIndex((i) => i.key === selected.peek())
  const to = waiting[(at + 1) % Math.max(1, waiting.length)]
  if (!to) return
  if (list.peek() !== 'mine') list.value = 'mine'
  select(to.key)
}

export function showList(to: List): void {
  batch(() => {
    list.value = to
    pane.value = 'incident'
  })
}

export function toggleGroup(key: string): void {
  const open = new Set(openGroups.peek())
  if (!open.delete(key)) open.add(key)
  openGroups.value = open
}

export function openGroup(open: boolean): void {
  const row = selectedRow.peek()
  if (row?.kind === 'group' && row.open !== open) toggleGroup(row.group.key)
}

// chooseTask moves which task of the incident shown the keys act on.
export function chooseTask(n: number): void {
  const i = item.peek()
  if (!i) return
  const open = i.incident.tasks.filter((t) => !isFinalTask(t.state))
  const at = open.findIndex((t) => t.id === i.task?.id)
  const to = open[(at + n + open.length) % Math.max(1, open.length)]
  if (to) selectedTask.value = to.id
}

export const shownTimeline = (incident: string) => (timeline.value?.incident === incident ? timeline.value : undefined)
