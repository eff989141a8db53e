import { describe, expect, it } from 'vitest'
import type { Area } from '@banyan/live/protocol'
import { levelOf, placeAt, targets } from './passing.ts'
import { confirms, shows, thing } from './pending.ts'
import type { Pending, Request } from './pending.ts'
import { mayIncident } from './rights.ts'
import { CENTRE_LEADER, event, FIRE_1, incident, task } from './sample.ts'
import { TEXT } from './text.ts'
import type { Lang } from './text.ts'

const AREAS = new Map<string, Area>([['350100', 'city', '福州市'], ['350102', 'district', '鼓楼区'], ['350102003', 'street', '温泉街道']].map(([code, level, name]) => [code ?? '', { code: code ?? '', level: level ?? '', name: name ?? '' }]))
const P = { types: ['grid.hazard'], levels: ['city', 'district', 'street', 'community', 'grid'] } as const
const grid = (change = {}) => incident('i-1', { type: 'grid.hazard', areas: ['350100', '350102', '350102003'], ...change })

describe('the level of an incident', () => {
  it('is the one it was passed to, or that of the last of its areas', () => {
    expect(levelOf(grid(), AREAS)).toBe('street')
    expect(levelOf(grid({ level: 'district' }), AREAS)).toBe('district')
    expect(levelOf(incident('i-2', { areas: ['999'] }), AREAS)).toBe('city')
  })
  it('may become one above or below, the next one first, of the types and levels of the city', () => {
    expect([targets(P, grid(), 'street', true), targets(P, grid(), 'street', false)]).toEqual([['district', 'city'], ['community', 'grid']])
    expect([targets(P, grid(), 'city', true), targets(P, grid(), 'grid', false), targets(P, incident('i-2'), 'street', true), targets(undefined, grid(), 'street', true)]).toEqual([[], [], [], []])
    expect(targets({ types: ['grid.hazard'], levels: ['city', 'street', 'grid'] }, grid(), 'grid', true)).toEqual(['street', 'city'])
  })
  it('has a place as the city knows it, or as the source told the path', () => {
    const told = ['福州市', '鼓楼区', '温泉街道（源）', '东大社区', '第12网格']
    expect((['city', 'street', 'community', 'grid'] as const).map((l) => placeAt(grid(), l, AREAS, told, 'zh'))).toEqual(['福州市', '温泉街道', '东大社区', '第12网格'])
    expect(placeAt(grid(), 'grid', AREAS, [], 'en')).toBe('')
  })
})

describe('passing', () => {
  const request: Request = { on: 'incident', act: 'pass-up', incident: 'i-1', body: { level: 'district', reason: 'x' } }
  const p: Pending = { id: 1, request, by: 'fire-1', phase: 'answered', why: '', unsure: false, atMs: 0, answeredMs: 0, draft: '', seq: 10 }
  it('is confirmed by its event, or by the incident as it is', () => {
    const e = event(11, 'incident.passed', { incident_id: 'i-1', from: 'street', to: 'district' })
    expect([e, { ...e, to: 'city' }, { ...e, incident_id: 'i-2' }].map((o) => confirms(o, p))).toEqual([true, false, false])
    const at = (level: object) => ({ incident: () => grid(level), seat: () => undefined, me: '', amendments: undefined, swaps: undefined })
    expect([at({ level: 'district' }), at({ level: 'city' }), at({})].map((o) => shows(o, p))).toEqual([true, false, false])
    expect(thing(request)).toContain('pass-up')
  })
  it('is called by the way it goes, in both languages', () => {
    const said = (lang: Lang, act: 'pass-up' | 'pass-down') => TEXT[lang].doing({ on: 'incident', act, incident: 'i-1', body: {} })
    expect([said('zh', 'pass-up'), said('zh', 'pass-down'), said('en', 'pass-up'), said('en', 'pass-down')]).toEqual(['上报', '下派', 'Pass up', 'Pass down'])
  })
  it('is for the leading department and the centre, not while it is suspended or over', () => {
    const i = grid({ tasks: [task('t-1')] })
    expect([mayIncident(FIRE_1, i, 'pass-up'), mayIncident(CENTRE_LEADER, i, 'pass-down'), mayIncident({ ...FIRE_1, department: 'police' }, i, 'pass-up')]).toEqual([true, true, false])
    expect([mayIncident(FIRE_1, { ...i, state: 'suspended' }, 'pass-up'), mayIncident(FIRE_1, { ...i, state: 'closed' }, 'pass-down')]).toEqual([false, false])
  })
})
