import { describe, expect, it } from 'vitest'
import type { Amendment, Swap } from '@banyan/live/protocol'
import { zhWhy } from './rostertext.ts'
import { amendmentsOn, firstOf, offers, slotOf, step, stepsOf, swapsFor, waiting, weekOf } from './week.ts'
import type { Roster } from './week.ts'

const span = (from: string, to: string, holder: string, shift: string, why = '') => ({ from, to, ...(holder ? { holder } : {}), shift, why })
const DAYS: Roster[] = ['26', '27'].map((d) => ({
  date: `2026-11-${d}`,
  seats: [
    { seat: 'fire-1', spans: [span(`2026-11-${d}T00:00Z`, `2026-11-${d}T08:00Z`, '丙', 'night'), span(`2026-11-${d}T08:00Z`, `2026-11-${+d + 1}T00:00Z`, d === '27' ? '' : '甲', 'day', '甲 请假')] },
    // a duty of 24 hours from 08:00 on, cut at midnight
    { seat: 'fire-leader', spans: [span(`2026-11-${d}T00:00Z`, `2026-11-${d}T08:00Z`, d === '26' ? '戊' : '己', 'whole'), span(`2026-11-${d}T08:00Z`, `2026-11-${+d + 1}T00:00Z`, d === '26' ? '己' : '庚', 'whole')] },
  ],
}))
const week = weekOf(DAYS, ['fire-1', 'fire-leader'])
const NOW = Date.parse('2026-11-26T01:00Z')

describe('a week', () => {
  it('has a cell for each seat and day; a duty across midnight is one', () => {
    expect(week.rows.map((r) => r.days.map((c) => c.map((s) => s.holder)))).toEqual([[['丙', '甲'], ['丙', '']], [['戊', '己'], ['庚']]])
    expect(week.rows[1]?.days[0]?.[1]).toMatchObject({ from: '2026-11-26T08:00Z', to: '2026-11-27T08:00Z' })
    expect(week.people).toEqual(['己', '庚', '戊', '甲', '丙'].sort((a, b) => (a === '丙' ? 1 : b === '丙' ? -1 : a < b ? -1 : 1)))
  })
  it('of days that are not there is empty', () => expect(weekOf([], ['fire-1'])).toEqual({ dates: [], rows: [{ seat: 'fire-1', days: [] }], people: [] }))
  it('is walked by the arrow keys, and begins at the first gap', () => {
    const gap = 'fire-1@2026-11-27T08:00Z'
    expect(firstOf(week)).toBe(gap)
    expect(step(week, gap, 'left')).toBe('fire-1@2026-11-26T08:00Z')
    expect(step(week, gap, 'right')).toBe(gap)
    expect(step(week, gap, 'up')).toBe('fire-1@2026-11-27T00:00Z')
    expect(step(week, gap, 'down')).toBe('fire-leader@2026-11-27T08:00Z')
    expect(step(week, 'fire-leader@2026-11-27T08:00Z', 'down')).toBe('fire-leader@2026-11-27T08:00Z')
    expect(step(week, 'nothing', 'down')).toBe(gap)
  })
  it('knows what was changed of a shift', () => {
    const gap = slotOf(week, 'fire-1@2026-11-27T08:00Z')
    const leave: Amendment = { id: 'a', kind: 'leave', person: '甲', from: '2026-11-27T00:00Z', to: '2026-11-28T00:00Z' }
    const other: Amendment = { id: 'b', kind: 'override', seat: 'fire-leader', person: '甲', from: '2026-11-27T00:00Z', to: '2026-11-28T00:00Z' }
    expect(gap && amendmentsOn(gap, [leave, other]).map((a) => a.id)).toEqual(['a'])
    expect(gap && amendmentsOn(gap, [{ ...leave, from: '2026-11-28T00:00Z', to: '2026-11-29T00:00Z' }])).toEqual([])
  })
})

describe('a swap', () => {
  const give = { seat: 'fire-1', from: '2026-11-27T00:00Z', to: '2026-11-27T08:00Z' }
  const swap: Swap = { id: 's', person: '丙', with: '甲', give, state: 'asked', asked_at: '2026-11-26T00:00Z' }
  it('is offered to colleagues, and for a shift of theirs that does not collide', () => {
    const all = offers(week, '丙', give, NOW)
    expect(all.filter((o) => !o.return).map((o) => o.with).sort()).toEqual(['甲', '己', '庚', '戊'].sort())
    expect(all.filter((o) => o.return).map((o) => o.return?.key)).toEqual(['fire-1@2026-11-26T08:00Z', 'fire-leader@2026-11-27T08:00Z'])
  })
  it('is accepted by the other, approved by a third, withdrawn by who asked', () => {
    expect(stepsOf(swap, '甲', false)).toEqual(['accept', 'refuse'])
    expect(stepsOf(swap, '丙', true)).toEqual(['withdraw'])
    expect(stepsOf(swap, '己', true)).toEqual([])
    const accepted = { ...swap, state: 'accepted' as const }
    expect([stepsOf(accepted, '甲', true), stepsOf(accepted, '己', true), stepsOf(accepted, '己', false)]).toEqual([[], ['approve', 'refuse'], []])
    expect(stepsOf({ ...swap, state: 'approved' }, '丙', true)).toEqual([])
  })
  it('waits for whoever is to do something about it', () => {
    expect(waiting([swap], '甲', false, NOW)).toHaveLength(1)
    expect(waiting([swap], '丙', false, NOW)).toHaveLength(0)
    expect(waiting([swap], '甲', false, Date.parse('2026-11-27T01:00Z'))).toHaveLength(0)
    expect(swapsFor([swap], '庚', false, NOW)).toHaveLength(0)
    expect(swapsFor([swap], '庚', true, NOW)).toHaveLength(1)
  })
})

describe('the reasons of the server', () => {
  it.each([['陈志强 is away (培训)', '陈志强 请假（培训）'], ['nobody is named', '无人排班'], ['roster, rotation four-teams; swap sw-12 with 陈志强', '排班，轮换 four-teams；与 陈志强 换班'],
    ['roster; stands in for 陈志强 (病假)', '排班；代 陈志强（病假）'], ['override (is away)', '替班（is away）'], ['', '']])('%s', (why, zh) => expect(zhWhy(why)).toBe(zh))
})
