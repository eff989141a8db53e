import { useLayoutEffect, useRef } from 'preact/hooks'
import { Act } from './button.tsx'
import { Shape } from './levels.ts'
import { Marks } from './marks.tsx'
import { onTask } from './pending.ts'
import { classes } from './pieces.tsx'
import { entitled, keyOfRow } from './queue.ts'
import type { Item, Row } from './queue.ts'
import { dismiss } from './sending.ts'
import { select, toggleGroup } from './select.ts'
import { desk, draftCount, drafts, flood, list, MAX_ROWS, pending, queue, rows, selected, store, text } from './state.ts'
import { Clock, Deadline } from './clocks.tsx'
import { areaName, heldBy, placeOf, typeName } from './words.ts'

export function Queue() {
  const t = text.value
  const place = useRef<HTMLUListElement>(null)
  useSteady(place)
  const all = rows.value
  const at = all.findIndex((r) => keyOfRow(r) === selected.value)
  const shown = all.slice(0, Math.max(MAX_ROWS, at + 1))
  const withDrafts = (void draftCount.value, drafts.about(desk.value.seat))
  const waiting = queue.value.filter((i) => i.waiting).length
  return (
    <section class="queue" aria-label={list.value === 'mine' ? t.mine : t.all}>
      <div class="queue-head">
        <Act id="mine" label={<>{t.mine} <b>{queue.value.length}</b></>} strong={list.value === 'mine'} />
        <Act id="all" label={<>{t.all} <b>{store.value.incidents.size}</b></>} strong={list.value === 'all'} />
        <span class="grow" />
        <Act id="next" label={<>{t.nextWaiting} <b>{waiting}</b></>} />
      </div>
      <p class="queue-rule">{flood.value && list.value === 'mine' ? <b class="loud">{t.flood}</b> : t.rule}</p>
      <ul class="queue-list" ref={place} role="listbox" tabIndex={0} aria-label={list.value === 'mine' ? t.mine : t.all}
        aria-activedescendant={at >= 0 ? rowId(selected.value) : undefined}>
        {shown.map((r) => r.kind === 'group'
          ? <GroupRow key={r.group.key} row={r} />
          : <ItemRow key={r.item.key} item={r.item} inGroup={r.inGroup} drafted={withDrafts.has(r.item.incident.id)} />)}
      </ul>
      {all.length > 0 ? null : (
        <div class="quiet"><p>{store.value.epoch === 0 ? t.waiting : t.quiet}</p>{store.value.epoch === 0 ? null : <p class="soft">{t.quietHint}</p>}</div>
      )}
      {all.length > shown.length ? <p class="queue-more">{t.more(all.length - shown.length)}</p> : null}
    </section>
  )
}

const rowId = (key: string) => 'row-' + key.replace(/[^\w-]/g, '_')

// useSteady keeps the selected row where it is on the screen while rows come and go around it.
function useSteady(place: { current: HTMLUListElement | null }): void {
  const was = useRef({ key: '', top: 0 })
  useLayoutEffect(() => {
    const ul = place.current
    const key = selected.value
    const row = ul?.querySelector<HTMLElement>(`[data-row="${CSS.escape(key)}"]`)
    if (!ul || !row) {
      was.current = { key: '', top: 0 }
      return
    }
    const moved = row.offsetTop - ul.scrollTop - was.current.top
    // A row that was out of sight is not run after.
    if (was.current.key === key && moved !== 0 && was.current.top > -row.offsetHeight && was.current.top < ul.clientHeight) ul.scrollTop += moved
    was.current = { key, top: row.offsetTop - ul.scrollTop }
    const note = () => {
      was.current = { key, top: row.offsetTop - ul.scrollTop }
    }
    ul.addEventListener('scroll', note, { passive: true })
    return () => ul.removeEventListener('scroll', note)
  })
}

// ItemRow says what, where, in which state, since when and until when.
function ItemRow({ item: i, inGroup, drafted }: { item: Item; inGroup: boolean; drafted: boolean }) {
  const t = text.value
  const task = i.task
  const state = i.kind === 'task' && task ? t.states[task.state] : t.incidentStates[i.incident.state]
  const overdue = task?.overdue === true && i.waiting
  const chosen = i.key === selected.value
  const stopped = i.incident.state === 'suspended'
  return (
    <li id={rowId(i.key)} role="option" aria-selected={chosen} data-row={i.key} data-incident={i.incident.id} data-priority={i.priority}
      data-state={i.kind === 'task' ? task?.state : i.incident.state}
      class={classes('row', i.priority.toLowerCase(), i.waiting && 'waiting', overdue && 'overdue', chosen && 'chosen', i.ended && 'ended', inGroup && 'in-group')}
      onClick={() => select(i.key)}>
      <Shape priority={i.priority} filled={i.waiting} />
      <div class="row-what"><b>{typeName(i.incident.type)}</b><span>{placeOf(i.incident)}</span></div>
      <div class="row-due">{stopped || i.ended ? <span class="soft">{stopped ? t.suspendedClock : t.ended}</span> : <Deadline task={task} waiting={i.waiting} />}</div>
      <div class="row-who">
        <span class={'state' + (i.waiting ? ' unacked' : '')}>{state}</span>
        {task ? <span>{task.role === 'lead' ? t.lead : t.support}</span> : null}
        {task && task.seat !== desk.value.seat ? <span>{entitled(desk.value, task) ? t.escalatedToMe : heldBy(task)}</span> : null}
        <Marks incident={i.incident} />
        {drafted ? <span class="tag">{t.draftHere}</span> : null}
        <Sending task={task?.id ?? ''} />
      </div>
      <div class="row-age"><span class="soft">{t.age}</span> <Clock sinceMs={i.sinceMs} /></div>
      {i.waiting && i.incident.text ? <div class="row-text">{i.incident.text}</div> : null}
    </li>
  )
}

// Sending says what was asked for and the server has not confirmed, or refused.
export function Sending({ task }: { task: string }) {
  const t = text.value
  return (
    <>
      {onTask(pending.value, task).map((p) => p.phase === 'failed'
        ? <button type="button" class="tag bad" key={p.id} title={p.why} onClick={() => dismiss(p.id)}>{t.doing(p.request)} {t.failedMark}：{p.why} ✕</button>
        : <span class="tag sending" key={p.id} data-phase={p.phase}>{t.doing(p.request)} {t.sending}…</span>)}
    </>
  )
}

function GroupRow({ row }: { row: Row & { kind: 'group' } }) {
  const t = text.value
  const g = row.group
  const [first] = g.items
  const waiting = g.items.filter((i) => i.waiting).length
  if (!first) return null
  return (
    <li id={rowId(g.key)} role="option" aria-selected={g.key === selected.value} aria-expanded={row.open} data-row={g.key} data-group={g.items.length}
      class={classes('row', 'group', g.key === selected.value && 'chosen', waiting > 0 && 'waiting')}
      onClick={() => select(g.key)} onDblClick={() => toggleGroup(g.key)}>
      <Shape priority={first.priority} filled={waiting > 0} />
      <div class="row-what"><b>{row.open ? '▾' : '▸'} {typeName(g.type)}</b><span>{areaName(g.area)}</span></div>
      <div class="row-due"><b>{t.groupOf(g.items.length)}</b></div>
      <div class="row-who"><span class="state unacked">{t.unackedOf(waiting)}</span><span>{t.groupHint}</span></div>
      <div class="row-age"><span class="soft">{t.age}</span> <Clock sinceMs={Math.min(...g.items.map((i) => i.sinceMs))} /></div>
    </li>
  )
}
