// The coming shifts of an officer, out of the server's rosters of some days. Pure.

// Roster is who holds which seat on one day; a span without a holder is a gap.
export interface Roster {
  date: string
  seats: readonly { seat: string; spans: readonly Span[] }[]
}

interface Span {
  from: string
  to: string
  holder?: string
  shift?: string
}

export interface Shift {
  from: string
  to: string
  shift: string // id
}

// coming returns the shifts of an officer at a seat that have not ended, in order; those that a day cuts are whole
// again.
export function coming(days: readonly Roster[], seat: string, officer: string, nowMs: number): Shift[] {
  const out: Shift[] = []
  for (const s of days.flatMap((d) => d.seats).filter((o) => o.seat === seat).flatMap((o) => o.spans)) {
    if (s.holder !== officer || Date.parse(s.to) <= nowMs) continue
    const last = out.at(-1)
    if (last && last.shift === (s.shift ?? '') && Date.parse(last.to) === Date.parse(s.from)) last.to = s.to
    else out.push({ from: s.from, to: s.to, shift: s.shift ?? '' })
  }
  return out
}
