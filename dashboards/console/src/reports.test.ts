import { describe, expect, it } from 'vitest'
import type { ReportRule } from '@banyan/live/protocol'
import { confirms, shows, thing } from './pending.ts'
import type { Pending, Request } from './pending.ts'
import { owedOf } from './reports.ts'
import { mayIncident } from './rights.ts'
import { AT, event, FIRE_1, incident, task } from './sample.ts'

const rule = (id: string, within_seconds: number, of: Partial<ReportRule> = {}): ReportRule =>
  ({ id, name: id, types: ['fire.building'], priorities: ['P1', 'P2'], within_seconds, ...of })
const RULES = [rule('written', 3600), rule('phone', 1800), rule('severe', 60, { priorities: ['P1'] }), rule('water', 60, { types: ['pollution.water'] })]
const ids = (...of: Parameters<typeof owedOf>) => owedOf(...of).map((o) => o.rule.id)

describe('reports owed', () => {
  it('are those of the type and priority, soonest first, from when the incident was opened', () => {
    expect(owedOf(RULES, incident('i-1')).map((o) => [o.rule.id, o.dueMs - AT])).toEqual([['phone', 1_800_000], ['written', 3_600_000]])
    expect(ids(RULES, incident('i-1', { priority: 'P1' }))).toEqual(['severe', 'phone', 'written'])
    expect(ids(RULES, incident('i-1', { priority: 'P3' }))).toEqual([])
    expect(ids(RULES, incident('i-1', { type: 'pollution.water' }))).toEqual(['water'])
  })
  it('are no more once they were made, and none where the server tells none', () => {
    expect(ids(RULES, incident('i-1', { reported: ['phone'] }))).toEqual(['written'])
    expect(ids(undefined, incident('i-1'))).toEqual([])
  })
})

describe('a report that was made', () => {
  const request = (text: string): Request => ({ on: 'incident', act: 'report', incident: 'i-1', body: { text } })
  const p: Pending = { id: 1, request: request('phone'), by: 'fire-1', phase: 'answered', why: '', unsure: false, atMs: 0, answeredMs: 0, draft: '', seq: 10 }
  it('is confirmed by its event alone', () => {
    const e = event(11, 'incident.reported', { incident_id: 'i-1', rule: 'phone' })
    expect(confirms(e, p)).toBe(true)
    expect([{ ...e, rule: 'written' }, { ...e, incident_id: 'i-2' }, { ...e, seq: 10 }, { ...e, type: 'incident.note' }].map((o) => confirms(o, p))).toEqual([false, false, false, false])
  })
  it('is seen in the incident', () => {
    const at = (reported: readonly string[]) => ({ incident: () => incident('i-1', { reported }), seat: () => undefined, me: '', amendments: undefined, swaps: undefined })
    expect([at(['phone']), at(['written'])].map((o) => shows(o, p))).toEqual([true, false])
  })
  it('does not hold up another one', () => {
    expect(thing(request('phone'))).not.toBe(thing(request('written')))
  })
  it('is told by who takes part, also of an incident that has ended', () => {
    const i = incident('i-1', { tasks: [task('t-1')], state: 'closed' })
    expect(mayIncident(FIRE_1, i, 'report')).toBe(true)
    expect(mayIncident({ ...FIRE_1, seat: 'gas-1', department: 'gas' }, i, 'report')).toBe(false)
  })
})
