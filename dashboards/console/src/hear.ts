// What the page takes from frames beside the picture: seats, notices, the timeline of the incident shown, and
// incidents that it has not heard of before.

import { isFinalIncident, isWaitingTask } from '@banyan/live/protocol'
import type { Incident, LiveEvent, StateFrame } from '@banyan/live/protocol'
import { seatsAfter } from '@banyan/live/seats'
import type { Store } from '@banyan/live/store'
import { getIncident, getTimeline } from './server.ts'
import { play } from './sound.ts'
import { desk, leader, mutedUntil, notices, say, seats, serverNow, shownItem, timeline, who } from './state.ts'
import type { Notice } from './state.ts'
import { noticeLine } from './words.ts'

const MAX_NOTICES = 50
const MAX_STRANGERS = 64 // incidents asked for at once because an event named them
const MAX_SINCE = 256 // events kept of each while it is asked for

// Adopt puts an incident that was asked for into the picture, with what has happened since.
type Adopt = (i: Incident, since: readonly LiveEvent[]) => void

let heardSeq = 0

// deaf forgets what was heard: somebody else sits down.
export function deaf(): void {
  heardSeq = 0
  strangers.clear()
}

// hear takes what is not in the picture from frames that were applied, and returns their events.
export function hear(frames: readonly StateFrame[], after: Store, adopt: Adopt): LiveEvent[] {
  let list = seats.peek()
  const fresh: LiveEvent[] = []
  for (const f of frames) {
    if (f.op === 'snapshot') {
      list = f.seats
      heardSeq = f.seq
    }
    if (f.op === 'events' && f.epoch <= after.epoch) fresh.push(...f.events.filter((e) => e.seq > heardSeq && e.seq <= after.seq))
  }
  heardSeq = fresh.at(-1)?.seq ?? heardSeq
  for (const e of fresh) {
    list = seatsAfter(list, e)
    if (TELLING.includes(e.type)) tell(e, LOUD.includes(e.type))
    if (e.to === desk.peek().seat && (e.type === 'task.reminded' || e.type === 'task.escalated')) asked(e)
    meet(e, after, adopt)
    ended(e)
  }
  seats.value = list
  extend(fresh)
  return fresh
}

const TELLING: readonly string[] = ['seat.lost', 'seat.found', 'seat.no_show', 'handover.missed', 'handover.opened', 'handover.confirmed', 'seat.maintenance']
const LOUD: readonly string[] = ['seat.lost', 'seat.no_show', 'handover.missed']
let noticeIds = 0

function tell(event: LiveEvent, loud: boolean): void {
  const n: Notice = { id: ++noticeIds, loud, at: event.at, event }
  notices.value = [n, ...notices.peek()].slice(0, MAX_NOTICES)
  if (!loud || !leader.peek()) return
  say(noticeLine(event), true)
  if (!isMuted()) play('P2')
}

export const isMuted = (): boolean => mutedUntil.peek() > serverNow.peek()

// asked: the seat is reminded of a task, or it was brought before it. One that is worked on and stands still is
// news for a leader; one that waits sounds again.
function asked(e: LiveEvent): void {
  if (!e.task || isWaitingTask(e.task.state)) {
    if (e.type === 'task.reminded' && e.task && e.task.priority !== 'P1' && !isMuted()) play(e.task.priority)
    return
  }
  tell(e, true)
}

export function dismissNotices(): void {
  notices.value = []
}

// Strangers are incidents that an event names and the picture does not have: a department asked for support later
// has not heard of what was before. They are asked for, once, with the events that come meanwhile.
const strangers = new Map<string, LiveEvent[]>()

function meet(e: LiveEvent, s: Store, adopt: Adopt): void {
  const id = e.incident_id
  if (!id || s.incidents.has(id) || !e.task || e.type === 'task.cancelled') return
  const since = strangers.get(id)
  if (since) {
    if (since.length < MAX_SINCE) since.push(e)
    return
  }
  if (strangers.size >= MAX_STRANGERS) return
  strangers.set(id, [e])
  void fetchStranger(id, adopt)
}

async function fetchStranger(id: string, adopt: Adopt): Promise<void> {
  try {
    const i = await getIncident(who.peek(), id)
    adopt(i, strangers.get(id) ?? [])
  } catch (e) {
    console.warn(`incident ${id}: ${String(e)}`)
  } finally {
    strangers.delete(id)
  }
}

// ended keeps what became of the incident shown, which leaves the picture.
function ended(e: LiveEvent): void {
  const s = shownItem.peek()
  if (!s || e.type !== 'incident.state' || !e.state || !isFinalIncident(e.state) || s.incident.id !== e.incident_id) return
  shownItem.value = { ...s, incident: { ...s.incident, state: e.state } }
}

export async function readTimeline(id: string | undefined, again = false): Promise<void> {
  const had = timeline.peek()
  if (!id || (had?.incident === id && !again)) return
  if (had?.incident !== id) timeline.value = { incident: id, events: [], truncated: false, problem: '' }
  const w = who.peek()
  try {
    const t = await getTimeline(w, id)
    const now = timeline.peek()
    if (who.peek() !== w || now?.incident !== id) return
    const newestSeq = t.events.at(-1)?.seq ?? 0
    timeline.value = { incident: id, truncated: t.truncated, problem: '', events: [...t.events, ...now.events.filter((e) => e.seq > newestSeq)] }
  } catch (e) {
    const now = timeline.peek()
    if (now?.incident === id) timeline.value = { ...now, problem: e instanceof Error ? e.message : String(e) }
  }
}

function extend(events: readonly LiveEvent[]): void {
  const t = timeline.peek()
  if (!t) return
  const last = t.events.at(-1)?.seq ?? 0
  const more = events.filter((e) => e.seq > last && (e.incident_id ?? e.incident?.id) === t.incident)
  if (more.length > 0) timeline.value = { ...t, events: [...t.events, ...more] }
}
