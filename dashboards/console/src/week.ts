// A department's week as a grid: seats down, days across, in each cell the shifts of that day. And what an editor
// may do about one of them. Pure.

import type { Amendment, Gap, Seat, Stint, Swap } from '@banyan/live/protocol'

export const WEEK_DAYS = 7

// Roster is who holds which seat on one day, as the server has it; a span without a holder is a gap.
export interface Roster {
  date: string
  seats: readonly { seat: string; spans: readonly { from: string; to: string; holder?: string; shift?: string; why?: string }[] }[]
}

// Slot is a time of a seat that one person, or nobody, has.
export interface Slot extends Stint {
  key: string
  date: string // of the day it begins on
  holder: string // '' for a gap
  shift: string // id
  why: string
}

export interface WeekRow {
  seat: string
  days: readonly (readonly Slot[])[] // one list a day, as the dates of the grid
}

export interface Week {
  dates: readonly string[]
  rows: readonly WeekRow[]
  people: readonly string[] // who stands in it, most shifts last: whom to ask first
}

export const slotKey = (s: Stint): string => `${s.seat}@${s.from}`

// weekOf lays out the rosters of consecutive days for some seats. What midnight cuts is whole again, once: a duty of
// 24 hours is one slot on the day it begins.
export function weekOf(days: readonly Roster[], seats: readonly string[]): Week {
  const shifts = new Map<string, number>()
  const rows = seats.map((seat): WeekRow => {
    const cells: Slot[][] = days.map(() => [])
    let last: Slot | undefined
    let cut = false // last has been put together from two days
    days.forEach((day, n) => {
      for (const [i, span] of (day.seats.find((s) => s.seat === seat)?.spans ?? []).entries()) {
        const slot: Slot = { seat, from: span.from, to: span.to, key: `${seat}@${span.from}`, date: day.date, holder: span.holder ?? '', shift: span.shift ?? '', why: span.why ?? '' }
        if (last && i === 0 && !cut && goesOn(last, slot)) {
          last.to = slot.to
          cut = true
          continue
        }
        cells[n]?.push(slot)
        last = slot
        cut = false
      }
    })
    return { seat, days: cells }
  })
  for (const s of rows.flatMap((r) => r.days.flat())) if (s.holder) shifts.set(s.holder, (shifts.get(s.holder) ?? 0) + 1)
  return { dates: days.map((d) => d.date), rows, people: [...shifts].sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1)).map(([p]) => p) }
}

const goesOn = (a: Slot, b: Slot): boolean => a.holder === b.holder && a.shift === b.shift && Date.parse(a.to) === Date.parse(b.from)

const overlap = (a: { from: string; to?: string }, b: { from: string; to?: string }): boolean =>
  (!b.to || Date.parse(a.from) < Date.parse(b.to)) && (!a.to || Date.parse(b.from) < Date.parse(a.to))

// amendmentsOn returns what has been changed of a slot, the newest first: at the seat, or because of somebody away.
export function amendmentsOn(slot: Slot, all: readonly Amendment[]): Amendment[] {
  return all.filter((a) => overlap(slot, a) && (a.kind === 'leave' ? leaveOf(slot, a) : a.seat === slot.seat)).sort((a, b) => Date.parse(b.at ?? b.from) - Date.parse(a.at ?? a.from))
}

// A leave concerns a slot whose holder stands in, or that it leaves empty: then the reason names who is away.
const leaveOf = (slot: Slot, a: Amendment): boolean =>
  (slot.holder !== '' && (slot.holder === a.substitute || slot.holder === a.person)) || (slot.holder === '' && slot.why.includes(a.person))

// step moves from a slot to another by the arrow keys: along a row over the days, down within a day and to the next
// seat. It returns the key of where it comes to, the same where there is nothing further.
export function step(w: Week, key: string, to: 'up' | 'down' | 'left' | 'right'): string {
  for (const row of w.rows) {
    for (const [d, cell] of row.days.entries()) {
      const i = cell.findIndex((s) => s.key === key)
      if (i < 0) continue
      switch (to) {
        case 'left': case 'right': {
          for (let n = d + (to === 'left' ? -1 : 1); n >= 0 && n < row.days.length; n += to === 'left' ? -1 : 1) {
            const there = row.days[n]
            const slot = there?.[Math.min(i, there.length - 1)]
            if (slot) return slot.key
          }
          return key
        }
        case 'up': case 'down': {
          const column = w.rows.flatMap((o) => o.days[d] ?? [])
          const at = column.findIndex((s) => s.key === key)
          return column[at + (to === 'up' ? -1 : 1)]?.key ?? key
        }
      }
    }
  }
  return firstOf(w)
}

// firstOf is where the keys begin: at the first gap that is to come, else at the first slot.
export function firstOf(w: Week, nowMs = -Infinity): string {
  const all = w.rows.flatMap((r) => r.days.flat()).filter((s) => Date.parse(s.to) > nowMs)
  return (all.find((s) => s.holder === '') ?? all[0])?.key ?? ''
}

export const slotOf = (w: Week, key: string): Slot | undefined => w.rows.flatMap((r) => r.days.flat()).find((s) => s.key === key)

// isGap reports whether the server has told of a gap in a slot.
export const isGap = (slot: Slot, gaps: readonly Gap[]): boolean => slot.holder === '' || gaps.some((g) => g.seat === slot.seat && overlap(slot, g))

// whose sorts the seats of a department as people look for them.
const ORDER: readonly Seat['role'][] = ['duty', 'backup', 'leader', 'centre', 'commander']
export const seatsOf = (seats: readonly Seat[], department: string): Seat[] =>
  seats.filter((s) => s.department === department).sort((a, b) => ORDER.indexOf(a.role) - ORDER.indexOf(b.role))

// Offer is somebody who could take a shift, and the shift of theirs that is taken for it, if any.
export interface Offer {
  with: string
  return?: Slot
}

// offers lists who could take a shift of somebody's: colleagues for nothing in return, then each of their coming shifts.
export function offers(w: Week, giver: string, give: Stint, nowMs: number): Offer[] {
  const theirs = w.rows.flatMap((r) => r.days.flat()).filter((s) => s.holder && s.holder !== giver && Date.parse(s.from) > nowMs && !overlap(s, give))
  return [...w.people.filter((p) => p !== giver).map((p): Offer => ({ with: p })), ...theirs.map((s): Offer => ({ with: s.holder, return: s }))]
}

export type SwapStep = 'accept' | 'approve' | 'refuse' | 'withdraw'

// stepsOf are the steps of a swap that somebody may take. The server has the last word.
export function stepsOf(s: Swap, me: string, approves: boolean): SwapStep[] {
  if (s.state !== 'asked' && s.state !== 'accepted') return []
  if (s.person === me) return ['withdraw']
  if (s.state === 'asked') return s.with === me ? ['accept', 'refuse'] : []
  return approves && s.with !== me ? ['approve', 'refuse'] : []
}

// swapsFor are the swaps that somebody has a part in and that are still to be, those that wait for them first.
export function swapsFor(all: readonly Swap[], me: string, approves: boolean, nowMs: number): Swap[] {
  const waits = (s: Swap) => stepsOf(s, me, approves).some((x) => x !== 'withdraw')
  return all.filter((s) => Date.parse(s.give.to) > nowMs && (approves || s.person === me || s.with === me))
    .sort((a, b) => Number(waits(b)) - Number(waits(a)) || Date.parse(a.give.from) - Date.parse(b.give.from))
}

export const waiting = (all: readonly Swap[], me: string, approves: boolean, nowMs: number): Swap[] =>
  swapsFor(all, me, approves, nowMs).filter((s) => Date.parse(s.give.from) > nowMs && stepsOf(s, me, approves).some((x) => x !== 'withdraw'))
