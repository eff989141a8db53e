import { describe, expect, it } from 'vitest'
import { coming } from './shifts.ts'
import type { Roster } from './shifts.ts'

const day = (date: string, ...spans: Roster['seats'][number]['spans']): Roster =>
  ({ date, seats: [{ seat: 'fire-1', spans }, { seat: 'fire-2', spans: [{ from: '', to: '', holder: '陈志强' }] }] })
const at = (s: string) => Date.parse(s)

describe('my coming shifts', () => {
  const roster = [
    day('2026-11-24',
      { from: '2026-11-24T00:00:00+08:00', to: '2026-11-24T08:00:00+08:00', holder: '陈志强', shift: 'night' },
      { from: '2026-11-24T08:00:00+08:00', to: '2026-11-25T00:00:00+08:00', holder: '林国华', shift: 'whole-day' }),
    day('2026-11-25',
      { from: '2026-11-25T00:00:00+08:00', to: '2026-11-25T08:00:00+08:00', holder: '林国华', shift: 'whole-day' },
      { from: '2026-11-25T08:00:00+08:00', to: '2026-11-26T00:00:00+08:00', shift: 'whole-day' }),
  ]
  it('leave out other people, other seats, gaps and what is over', () => {
    expect(coming(roster, 'fire-1', '陈志强', at('2026-11-24T07:00:00+08:00')).map((s) => s.shift)).toEqual(['night'])
    expect(coming(roster, 'fire-1', '陈志强', at('2026-11-24T08:00:00+08:00'))).toEqual([])
    expect(coming(roster, 'fire-1', '', at('2026-11-24T08:00:00+08:00'))).toEqual([])
  })
  it('are whole where midnight cuts them', () => {
    expect(coming(roster, 'fire-1', '林国华', at('2026-11-24T09:00:00+08:00'))).toEqual([
      { from: '2026-11-24T08:00:00+08:00', to: '2026-11-25T08:00:00+08:00', shift: 'whole-day' },
    ])
  })
})
