// What the console knows of the department's roster: the week shown, what was changed of it, and swaps. The server
// tells by an event that something has changed; what it is, is read again.

import { batch, computed, signal } from '@preact/signals'
import type { Amendment, Gap, Swap } from '@banyan/live/protocol'
import { CENTRE } from './queue.ts'
import { getAmendments, getGaps, getRoster, getSwaps } from './server.ts'
import { approves, clock, desk, me, myName, seats, serverNow, who } from './state.ts'
import { seatsOf, swapsFor, waiting, WEEK_DAYS, weekOf } from './week.ts'
import type { Roster } from './week.ts'

const DAY_MS = 86_400_000

export const amendments = signal<readonly Amendment[] | undefined>(undefined) // undefined: not read, or the server has none
export const swaps = signal<readonly Swap[] | undefined>(undefined)
export const gaps = signal<readonly Gap[]>([]) // of the own department in the next 72 hours
export const rosterProblem = signal('')

// The week that is looked at: whose, and from how many days after today on.
export const rosterDepartment = signal('') // '' is the own one
export const dayShift = signal(0)
export const chosenSlot = signal('')
const days = signal<readonly Roster[]>([])
const comingDays = signal<readonly Roster[]>([]) // today and the six days after it, whatever week is looked at

export const department = computed(() => rosterDepartment.value || desk.value.department || (me.value?.department ?? ''))
export const week = computed(() => weekOf(days.value, seatsOf(seats.value, department.value).map((s) => s.id)))
export const comingWeek = computed(() => weekOf(comingDays.value, seatsOf(seats.value, desk.value.department).map((s) => s.id)))

const minute = computed(() => Math.floor(serverNow.value / 60_000) * 60_000)
export const mySwaps = computed(() => swapsFor(swaps.value ?? [], myName.value, approves.value, minute.value))
export const swapsWaiting = computed(() => waiting(swaps.value ?? [], myName.value, approves.value, minute.value))

let asked = 0

// readBooks reads amendments, swaps and gaps again. It returns once they are known.
export async function readBooks(): Promise<void> {
  const mine = ++asked
  const own = desk.peek().department || (me.peek()?.department ?? '')
  const of = own === CENTRE ? '' : own
  const [a, s, g] = await Promise.all([getAmendments(who.peek(), of), getSwaps(who.peek(), of), getGaps(who.peek(), of)])
  if (mine !== asked) return
  batch(() => {
    amendments.value = a
    swaps.value = s
    gaps.value = g
  })
}

export function forgetBooks(): void {
  asked++
  batch(() => {
    amendments.value = swaps.value = undefined
    days.value = comingDays.value = []
    gaps.value = []
    rosterDepartment.value = chosenSlot.value = rosterProblem.value = ''
    dayShift.value = 0
  })
}

// dateOf is the date in the city some days from today; noon is the same day in whatever way clocks change.
export function dateOf(shift: number): string {
  const today = Date.parse(clock.peek()(serverNow.peek()).date + 'T12:00:00Z')
  return new Date(today + shift * DAY_MS).toISOString().slice(0, 10)
}

const read = async (from: number): Promise<Roster[]> =>
  (await Promise.all(Array.from({ length: WEEK_DAYS }, (_, n) => getRoster(who.peek(), dateOf(from + n))))).filter((d) => d !== undefined)

let weeks = 0

// readWeek reads the week that is looked at.
export async function readWeek(): Promise<void> {
  const mine = ++weeks
  try {
    const got = await read(dayShift.peek())
    if (mine !== weeks) return
    days.value = got
    rosterProblem.value = ''
  } catch (e) {
    if (mine === weeks) rosterProblem.value = e instanceof Error ? e.message : String(e)
  }
}

// readComing reads the coming days of the own department.
export async function readComing(): Promise<void> {
  comingDays.value = await read(0)
}
