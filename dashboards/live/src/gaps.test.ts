import { describe, expect, it } from 'vitest'
import { ahead, gapsAfter, gapsOf, MAX_GAPS, NO_GAPS } from './gaps.ts'
import type { Gap, LiveEvent } from './protocol.ts'

const AT = Date.parse('2026-11-26T00:00:00Z')
const iso = (h: number) => new Date(AT + h * 3_600_000).toISOString()
const gap = (seat: string, from: number, to?: number): Gap => ({ seat, department: 'fire', from: iso(from), ...(to === undefined ? {} : { to: iso(to) }) })
const told = (type: string, g: Gap): LiveEvent => ({ seq: 1, at: iso(0), type, gap: g })

describe('gaps ahead', () => {
  it('come with the picture, soonest first, and a server without them has none', () => {
    expect(gapsOf({})).toEqual(NO_GAPS)
    expect(gapsOf({ gaps: [gap('b', 9, 10), gap('a', 2, 3)], gaps_total: 7 })).toEqual({ list: [gap('a', 2, 3), gap('b', 9, 10)], total: 7 })
  })
  it('open and close, one at a time', () => {
    let g = gapsAfter(NO_GAPS, told('roster.gap', gap('b', 9, 10)))
    g = gapsAfter(g, told('roster.gap', gap('a', 2, 3)))
    expect([g.list.map((o) => o.seat), g.total]).toEqual([['a', 'b'], 2])
    expect(gapsAfter(g, told('roster.gap', gap('a', 2, 3))).total).toBe(2) // told again
    expect(gapsAfter(g, told('roster.gap_closed', gap('b', 9, 10)))).toEqual({ list: [gap('a', 2, 3)], total: 1 })
  })
  it('that have begun are closed all the same', () => {
    const g = gapsAfter(NO_GAPS, told('roster.gap', gap('a', 2, 8)))
    expect(gapsAfter(g, told('roster.gap_closed', gap('a', 4, 8)))).toEqual(NO_GAPS)
  })
  it('count beyond what is listed', () => {
    let g = NO_GAPS
    for (let n = 0; n < MAX_GAPS + 5; n++) g = gapsAfter(g, told('roster.gap', gap(`s${n}`, n, n + 1)))
    expect([g.list.length, g.total]).toEqual([MAX_GAPS, MAX_GAPS + 5])
    expect(gapsAfter(g, told('roster.gap_closed', gap(`s${MAX_GAPS + 2}`, MAX_GAPS + 2, MAX_GAPS + 3))).total).toBe(MAX_GAPS + 4)
  })
  it('that are over are not ahead; one without an end never is', () => {
    const g = gapsOf({ gaps: [gap('a', 1, 2), gap('b', 1)], gaps_total: 5 })
    expect(ahead(g, AT + 3 * 3_600_000)).toEqual({ list: [gap('b', 1)], total: 4 })
    expect(ahead(g, AT)).toBe(g)
  })
})
