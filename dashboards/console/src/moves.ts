// What moves and sounds by itself: the selection, in two cases, and the alarm.

import { batch } from '@preact/signals'
import { ring } from './alarm.ts'
import { isMuted } from './hear.ts'
import { after } from './queue.ts'
import { lastConfirmed } from './sending.ts'
import { play } from './sound.ts'
import { alarm, list, movedAt, mutedUntil, queue, say, selected, selectedTask, shownItem, text, tick, trust, untrusted } from './state.ts'
import { describe } from './words.ts'

const LOSS_REPEAT_MS = 30_000 // of the sound of a lost link

// The selection moves by itself in two cases only: from nothing to the first that waits, and, where the officer's
// own action has ended what was selected, on to the next.
function moveTo(key: string): void {
  movedAt.value = performance.now()
  batch(() => {
    selected.value = key
    selectedTask.value = ''
  })
}

export function chooseFirst(): void {
  if (selected.value !== '' || queue.value.length === 0 || list.value !== 'mine') return
  moveTo((queue.value.find((i) => i.waiting) ?? queue.value[0])?.key ?? '')
}

const ENDING: readonly string[] = ['finish', 'return', 'verify', 'cancel']

export function passOn(): void {
  const p = lastConfirmed.value
  if (!p || !ENDING.includes(p.request.act)) return
  const row = shownItem.peek()
  const about = p.request.on === 'task' ? row?.task?.id === p.request.task : p.request.on === 'incident' && row?.incident.id === p.request.incident
  if (about && row?.key === selected.peek() && list.peek() === 'mine') moveTo(after(queue.peek(), row.key))
}

let freshPicture = true // the first since somebody sat down

export function newcomer(): void {
  freshPicture = true
}

let soundedLossMs = -Infinity

// sound runs once a second and when the queue changes.
export function sound(): void {
  void tick.value
  void mutedUntil.value
  if (untrusted.value && !isMuted() && Date.now() - soundedLossMs > LOSS_REPEAT_MS) {
    soundedLossMs = Date.now()
    play('link')
  }
  if (trust.value !== 'live') return
  soundedLossMs = -Infinity
  const { alarm: next, sound: level, news } = ring(alarm.peek(), queue.value, Date.now(), isMuted(), freshPicture)
  freshPicture = false
  alarm.value = next
  if (level) play(level)
  const [first] = news
  if (first) say(text.peek().newArrival(describe(first)) + (news.length > 1 ? ` +${news.length - 1}` : ''))
}
