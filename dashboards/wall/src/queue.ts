// The queue: which incident comes before which, what a row says, and what fits.

import { PRIORITIES, isFinalTask, isWaitingTask } from '@banyan/live/protocol'
import type { Incident, Load, Priority, Task } from '@banyan/live/protocol'
import { incidentLoad, NOTHING, plus } from '@banyan/live/load'

// Entry is what ordering and drawing need of an incident, worked out once for each form of it.
export interface Entry {
  incident: Incident
  rank: number // 0 most urgent: priority, then overdue, then unacknowledged; below RANKS
  load: Load
  openedMs: number
  unacknowledged: boolean
  overdue: boolean
  lead: Task | undefined // the latest lead task
  supports: number // unfinished support tasks
  deadlineMs: number | undefined // earliest deadline of a task that waits
  unstaffed: boolean // a task that nobody on duty holds
}

const RANKS = (PRIORITIES.length + 1) * 4 // one priority more: of a newer server

const known = new WeakMap<Incident, Entry>()

export function entryOf(i: Incident): Entry {
  let e = known.get(i)
  if (!e) known.set(i, (e = makeEntry(i)))
  return e
}

function makeEntry(i: Incident): Entry {
  const load = incidentLoad(i)
  const overdue = load.overdue > 0
  const unacknowledged = load.unacknowledged > 0
  const level = PRIORITIES.indexOf(i.priority)
  let deadlineMs: number | undefined
  for (const t of i.tasks) {
    if (!isWaitingTask(t.state) || !t.deadline) continue
    const at = Date.parse(t.deadline)
    if (deadlineMs === undefined || at < deadlineMs) deadlineMs = at
  }
  return {
    incident: i, load,
    rank: (level < 0 ? PRIORITIES.length : level) * 4 + (overdue ? 0 : 2) + (unacknowledged ? 0 : 1),
    openedMs: Date.parse(i.opened_at),
    unacknowledged, overdue, deadlineMs,
    lead: i.tasks.findLast((t) => t.role === 'lead'),
    supports: i.tasks.filter((t) => t.role === 'support' && !isFinalTask(t.state)).length,
    unstaffed: i.tasks.some((t) => t.state === 'unstaffed'),
  }
}

const older = (a: Entry, b: Entry) => a.openedMs - b.openedMs || (a.incident.id < b.incident.id ? -1 : 1)

// urgent returns what is to be shown in the queue, most urgent first: P1 first, then overdue, then not
// acknowledged, then the longest open. Suspended incidents wait for nobody and are left out.
export function urgent(incidents: Iterable<Incident>): Entry[] {
  // By rank first: within one the map's own order is nearly that of age, which sorts in one pass.
  const ranks: Entry[][] = Array.from({ length: RANKS }, () => [])
  for (const i of incidents) {
    if (i.state === 'suspended') continue
    const e = entryOf(i)
    ranks[e.rank]?.push(e)
  }
  return ranks.flatMap((list) => list.sort(older))
}

// Sizes of a queue's place, all in the same unit of height.
export interface Room {
  height: number
  columns: number // of full rows, side by side
  row: number
  line: number // a P1 in one line
  linesAcross: number // lines side by side
  chipsAcross: number // P1s in still less width, as high as a line
}

export interface Fit {
  rows: Entry[]
  strip: Entry[] // P1s that have no row, in lines or chips below the rows
  chips: boolean
  left: Entry[] // what is not listed at all
}

// Bands of rows that P1s already acknowledged must leave to what still waits for somebody.
const LEAST_BANDS = 2

// fit decides how entries are shown in room. Where P1s are too many for rows, those somebody has acknowledged move
// to a strip of lines, then of chips, and those that wait follow; rows give way before a P1 is left out. Where even
// chips cannot hold all, it is acknowledged ones that are left out first. One line is kept for "+N" wherever
// something is left out.
export function fit(entries: readonly Entry[], room: Room): Fit {
  const capacity = Math.floor(room.height / room.row) * room.columns
  if (entries.length <= capacity) return { rows: [...entries], strip: [], chips: false, left: [] }

  const height = room.height - room.line
  const most = Math.max(0, Math.floor(height / room.row))
  const p1 = entries.filter((e) => e.incident.priority === 'P1')
  if (p1.length <= (most - LEAST_BANDS) * room.columns) return divide(entries, entries, most * room.columns, [], false)

  const handled = p1.filter((e) => !e.unacknowledged)
  const others = entries.filter((e) => e.incident.priority !== 'P1' || e.unacknowledged)
  const waiting = p1.length - handled.length
  for (const [chips, least, mustShow] of [
    [false, LEAST_BANDS, p1.length], [true, LEAST_BANDS, p1.length], [true, 0, p1.length], [true, LEAST_BANDS, waiting], [true, 0, 0],
  ] as const) {
    const across = chips ? room.chipsAcross : room.linesAcross
    for (let bands = most; bands >= least; bands--) {
      const rows = bands * room.columns
      const slots = Math.floor((height - bands * room.row) / room.line) * across
      if (slots < mustShow - Math.min(rows, waiting)) continue
      if (mustShow === 0 && bands > 0) continue // not even those that wait can all be shown: as many as there can be
      return divide(entries, others, rows, handled, chips, slots)
    }
  }
  return { rows: [], strip: [], chips: false, left: [...entries] } // not even a line has room
}

// divide gives the first of others a row, and the strip to P1s that have none: those that wait come first.
function divide(entries: readonly Entry[], others: readonly Entry[], rowCount: number, handled: readonly Entry[], chips: boolean, slots = 0): Fit {
  const rows = others.slice(0, rowCount)
  const waiting = others.slice(rowCount).filter((e) => e.incident.priority === 'P1')
  const strip = [...waiting, ...handled].slice(0, slots)
  const shown = new Set([...rows, ...strip])
  return { rows, strip, chips, left: entries.filter((e) => !shown.has(e)) }
}

// leftOut counts what is not listed.
export function leftOut(entries: readonly Entry[]): Partial<Record<Priority, Load>> {
  const out: Partial<Record<Priority, Load>> = {}
  for (const e of entries) out[e.incident.priority] = plus(out[e.incident.priority] ?? NOTHING, e.load, 1)
  return out
}
