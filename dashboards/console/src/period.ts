// The times that statistics are about. Pure.

import { instantOf, localOf } from '@banyan/live/time'

export const PERIODS = ['today', 'yesterday', 'week', 'month'] as const
export type Period = (typeof PERIODS)[number]

// startOf is the midnight in the city that began the day some days from that of an instant.
export function startOf(nowMs: number, days: number, timeZone: string): number {
  const today = localOf(nowMs, timeZone).slice(0, 10)
  const noon = Date.parse(today + 'T12:00:00Z') + days * 86_400_000 // the same day whatever clocks do
  return instantOf(new Date(noon).toISOString().slice(0, 10) + 'T00:00', timeZone)
}

// rangeOf is the time that a period means at an instant.
export function rangeOf(p: Period, nowMs: number, timeZone: string): { from: string; to: string } {
  const at = (days: number) => startOf(nowMs, days, timeZone)
  const from = at({ today: 0, yesterday: -1, week: -6, month: -29 }[p])
  return { from: new Date(from).toISOString(), to: new Date(p === 'yesterday' ? at(0) : nowMs).toISOString() }
}

// changeOf is how much a count has changed, in percent; undefined where there was none to compare with.
export const changeOf = (now: number, before: number): number | undefined => (before === 0 ? undefined : Math.round(((now - before) / before) * 100))
