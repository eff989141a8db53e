// The duty leader's board: who is there, who is late or lost, and what nobody has acknowledged, seat by seat. Pure.

import { isFinalTask, isWaitingTask } from '@banyan/live/protocol'
import type { Incident, Seat } from '@banyan/live/protocol'
import { byUrgency, CENTRE, taskItem } from './queue.ts'
import type { Desk, Item } from './queue.ts'

export interface SeatLine {
  seat: Seat
  waiting: number
  open: number
  overdue: number
  oldestMs: number | undefined // since when the oldest unacknowledged task waits
  late: boolean // told to be so
}

export interface BoardPicture {
  lines: SeatLine[]
  unacknowledged: Item[] // by urgency, unstaffed ones among them
}

// overseen says whether a desk looks after a department: the centre after all.
export const overseen = (d: Desk, department: string): boolean => d.department === CENTRE || d.department === department

export function boardOf(d: Desk, seats: readonly Seat[], incidents: Iterable<Incident>, late: ReadonlySet<string>): BoardPicture {
  const lines = new Map<string, SeatLine>()
  for (const seat of seats) {
    if (overseen(d, seat.department)) lines.set(seat.id, { seat, waiting: 0, open: 0, overdue: 0, oldestMs: undefined, late: late.has(seat.id) && seat.presence !== 'present' })
  }
  const unacknowledged: Item[] = []
  for (const i of incidents) {
    if (i.state === 'suspended') continue
    for (const t of i.tasks) {
      if (isFinalTask(t.state) || !overseen(d, t.department)) continue
      const line = lines.get(t.seat ?? '')
      if (line) line.open++
      if (!isWaitingTask(t.state)) continue
      const item = taskItem(i, t)
      unacknowledged.push(item)
      if (!line) continue
      line.waiting++
      if (t.overdue) line.overdue++
      line.oldestMs = Math.min(line.oldestMs ?? Infinity, item.sinceMs)
    }
  }
  return { lines: [...lines.values()].sort(byTrouble), unacknowledged: unacknowledged.sort(byUrgency) }
}

// trouble is how much a line needs a look: lost with tasks before lost, late, waiting overdue, waiting.
const trouble = (l: SeatLine): number =>
  (l.seat.presence === 'lost' ? 8 : 0) + (l.late ? 4 : 0) + (l.overdue > 0 ? 2 : 0) + (l.waiting > 0 ? 1 : 0)

const byTrouble = (a: SeatLine, b: SeatLine): number => trouble(b) - trouble(a) || (a.oldestMs ?? Infinity) - (b.oldestMs ?? Infinity) || 0
