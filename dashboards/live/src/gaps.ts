// Gaps in the roster ahead, as the server tells of them: the first ones, and how many there are.

import type { Gap, LiveEvent, SnapshotFrame } from './protocol.ts'

export interface Gaps {
  readonly list: readonly Gap[] // soonest first, at most MAX_GAPS
  readonly total: number
}

export const MAX_GAPS = 64
export const NO_GAPS: Gaps = { list: [], total: 0 }

const bySoon = (a: Gap, b: Gap): number => Date.parse(a.from) - Date.parse(b.from) || (a.seat < b.seat ? -1 : a.seat > b.seat ? 1 : 0)

export function gapsOf(f: Pick<SnapshotFrame, 'gaps' | 'gaps_total'>): Gaps {
  const list = [...(f.gaps ?? [])].sort(bySoon).slice(0, MAX_GAPS)
  return { list, total: Math.max(f.gaps_total ?? 0, list.length) }
}

// gapsAfter returns the gaps after an event about one. One that closes may have begun since it was told of, so its
// end says which it is where its beginning does not.
export function gapsAfter(g: Gaps, e: LiveEvent): Gaps {
  const gap = e.gap
  if (!gap) return g
  const rest = g.list.filter((o) => o.seat !== gap.seat || (o.from !== gap.from && o.to !== gap.to))
  if (e.type === 'roster.gap') {
    return { list: [...rest, gap].sort(bySoon).slice(0, MAX_GAPS), total: g.total + 1 - (g.list.length - rest.length) }
  }
  if (e.type !== 'roster.gap_closed') return g
  return { list: rest, total: Math.max(rest.length, g.total - 1) }
}

// ahead leaves out what is over at an instant, in ms since the epoch.
export function ahead(g: Gaps, nowMs: number): Gaps {
  const list = g.list.filter((o) => !o.to || Date.parse(o.to) > nowMs)
  return list.length === g.list.length ? g : { list, total: g.total - (g.list.length - list.length) }
}
