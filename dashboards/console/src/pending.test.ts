import { describe, expect, it } from 'vitest'
import { confirms, settle, shows, thing } from './pending.ts'
import type { Pending, Picture, Request } from './pending.ts'
import { event, incident, seat, task, withTask } from './sample.ts'

const pending = (request: Request, change: Partial<Pending> = {}): Pending => ({
  id: 1, request, by: 'fire-1', phase: 'sending', why: '', unsure: false, atMs: 0, answeredMs: 0, draft: '', seq: 10, ...change,
})
const acknowledge = pending({ on: 'task', act: 'acknowledge', task: 't-1', incident: 'i-1', body: {} })
const note = pending({ on: 'incident', act: 'note', incident: 'i-1', body: { text: '水源在北门' } })
const picture = (of: Partial<Picture>): Picture => ({ incident: () => undefined, seat: () => undefined, me: '陈志强', amendments: undefined, swaps: undefined, ...of })

describe('an event', () => {
  it('confirms what it is the outcome of, once it is newer than the request', () => {
    const e = event(11, 'task.acknowledged', { incident_id: 'i-1', task: task('t-1', { state: 'acknowledged' }) })
    expect(confirms(e, acknowledge)).toBe(true)
    expect(confirms({ ...e, seq: 10 }, acknowledge)).toBe(false)
    expect(confirms({ ...e, task: task('t-2') }, acknowledge)).toBe(false)
    expect(confirms({ ...e, type: 'task.reminded' }, acknowledge)).toBe(false)
  })

  it('confirms words by their writer and by each of them', () => {
    const e = event(11, 'incident.note', { incident_id: 'i-1', text: '水源在北门', by: { seat: 'fire-1' } })
    expect(confirms(e, note)).toBe(true)
    expect(confirms({ ...e, by: { seat: 'police-1' } }, note)).toBe(false)
    expect(confirms({ ...e, text: '水源在南门' }, note)).toBe(false)
    expect(confirms({ ...e, task_id: 't-1' }, note)).toBe(false)
    expect(confirms({ ...e, type: 'incident.assessed' }, note)).toBe(false)
  })

  const cases: [string, Request, ReturnType<typeof event>][] = [
    ['support', { on: 'incident', act: 'support', incident: 'i-1', body: { department: 'gas' } }, event(11, 'task.unstaffed', { incident_id: 'i-1', task: task('t-9', { department: 'gas' }) })],
    ['priority', { on: 'incident', act: 'priority', incident: 'i-1', body: { priority: 'P1' } }, event(11, 'incident.priority', { incident_id: 'i-1', priority: 'P1' })],
    ['verify', { on: 'incident', act: 'verify', incident: 'i-1', body: {} }, event(11, 'incident.state', { incident_id: 'i-1', state: 'closed' })],
    ['suspend', { on: 'incident', act: 'suspend', incident: 'i-1', body: {} }, event(11, 'incident.state', { incident_id: 'i-1', state: 'suspended' })],
    ['assign', { on: 'task', act: 'assign', task: 't-1', incident: 'i-1', body: { seat: 'fire-2' } }, event(11, 'task.reassigned', { incident_id: 'i-1', task: task('t-1', { seat: 'fire-2' }) })],
    ['sign-on', { on: 'seat', act: 'sign-on', seat: 'fire-1', body: {} }, event(11, 'seat.signed_on', { seat: 'fire-1' })],
    ['confirm', { on: 'handover', act: 'confirm', handover: 'h-1', seat: 'fire-1', body: {} }, event(11, 'handover.confirmed', { seat: 'fire-1', handover: { id: 'h-1', seat: 'fire-1', from: 'a', note: 'n', opened_at: '', tasks: [] } })],
  ]
  it.each(cases)('of %s', (_, request, e) => {
    expect(confirms(e, pending(request))).toBe(true)
    expect(confirms(event(11, 'config.loaded'), pending(request))).toBe(false)
  })
})

describe('an answer', () => {
  it('confirms nothing by itself', () => {
    const answered = { ...acknowledge, phase: 'answered' as const }
    expect(settle([answered], [], picture({ incident: () => withTask('1', { id: 't-1' }) })).confirmed).toEqual([])
    expect(settle([note], [], picture({})).open).toEqual([note])
  })

  it('is confirmed by a picture that shows what was asked for, whoever did it', () => {
    const done = picture({ incident: () => incident('i-1', { tasks: [task('t-1', { state: 'on_scene' })] }) })
    expect(settle([{ ...acknowledge, phase: 'answered' }], [], done).confirmed).toHaveLength(1)
    // While the request is under way the picture may show what was so before.
    expect(settle([acknowledge], [], done).confirmed).toEqual([])
    // Not delivered as far as the page knows, and yet it happened.
    expect(settle([{ ...acknowledge, phase: 'failed', unsure: true }], [], done).confirmed).toHaveLength(1)
    expect(settle([{ ...acknowledge, phase: 'failed' }], [], done).confirmed).toEqual([])
  })

  it('is not confirmed by a picture of words, which is not there', () => {
    expect(shows(picture({ incident: () => incident('i-1') }), note)).toBe(false)
  })

  it('takes a seat for signed on to only when it is held by the one who asked', () => {
    const p = pending({ on: 'seat', act: 'sign-on', seat: 'fire-1', body: {} })
    expect(shows(picture({ seat: () => seat('fire-1') }), p)).toBe(true)
    expect(shows(picture({ seat: () => seat('fire-1', { holder: '林国华' }) }), p)).toBe(false)
    expect(shows(picture({ seat: () => seat('fire-1', { presence: 'lost' }) }), p)).toBe(false)
  })
})

describe('a late failure', () => {
  it('is still confirmed by the event that comes with the link', () => {
    const failed = { ...note, phase: 'failed' as const, unsure: true }
    const e = event(20, 'incident.note', { incident_id: 'i-1', text: '水源在北门', by: { seat: 'fire-1' } })
    expect(settle([failed, acknowledge], [e], undefined)).toEqual({ open: [acknowledge], confirmed: [failed] })
  })
})

it('one thing asked twice has one name', () => {
  expect(thing(acknowledge.request)).toBe(thing({ on: 'task', act: 'acknowledge', task: 't-1', incident: 'i-1', body: {} }))
  expect(thing(acknowledge.request)).not.toBe(thing({ on: 'task', act: 'depart', task: 't-1', incident: 'i-1', body: {} }))
})

describe('the roster', () => {
  const body = { kind: 'one_off' as const, seat: 'fire-1', person: '林国华', from: '2026-11-26T08:00:00.000Z', to: '2026-11-26T16:00:00.000Z' }
  const amendment = { id: 'am-1', ...body, from: '2026-11-26T08:00:00Z', to: '2026-11-26T16:00:00Z' }
  const amend = pending({ on: 'roster', act: 'amend', amendment: '', body }, { phase: 'answered' })
  it('is changed when the event has come that says so, or the list has it', () => {
    expect(confirms(event(11, 'roster.amended', { amendment }), amend)).toBe(true)
    expect(confirms(event(11, 'roster.amended', { amendment, removed: true }), amend)).toBe(false)
    expect(confirms(event(11, 'roster.amended', { amendment: { ...amendment, person: '黄文斌' } }), amend)).toBe(false)
    expect(shows(picture({}), amend)).toBe(false)
    expect(shows(picture({ amendments: [amendment] }), amend)).toBe(true)
  })
  it('is as before when the change has been taken back', () => {
    const back = pending({ on: 'roster', act: 'unamend', amendment: 'am-1', body: {} }, { phase: 'answered' })
    expect(confirms(event(11, 'roster.amended', { amendment, removed: true }), back)).toBe(true)
    expect(confirms(event(11, 'roster.amended', { amendment }), back)).toBe(false)
    expect([undefined, [], [amendment]].map((amendments) => shows(picture({ amendments }), back))).toEqual([false, true, false])
  })
  it('has a swap asked for, and moved on', () => {
    const give = { seat: 'fire-1', from: '2026-11-27T08:00:00Z', to: '2026-11-27T16:00:00Z' }
    const swap = { id: 's-1', person: '陈志强', with: '林国华', give, state: 'asked' as const, asked_at: '2026-11-26T08:00:00Z' }
    const ask = pending({ on: 'swap', act: 'swap', swap: '', body: { with: '林国华', give: { ...give, from: '2026-11-27T08:00:00.000Z' } } })
    expect(confirms(event(11, 'roster.amended', { swap }), ask)).toBe(true)
    expect(confirms(event(11, 'roster.amended', { swap: { ...swap, with: '黄文斌' } }), ask)).toBe(false)
    const accept = pending({ on: 'swap', act: 'accept', swap: 's-1', body: {} })
    expect(confirms(event(11, 'roster.amended', { swap }), accept)).toBe(false)
    expect(confirms(event(11, 'roster.amended', { swap: { ...swap, state: 'accepted' } }), accept)).toBe(true)
    expect(thing(ask.request)).not.toBe(thing(accept.request))
  })
  it('lets a seat rest until an instant, and ends that', () => {
    const until = '2026-11-26T10:00:00.000Z'
    const rest = pending({ on: 'seat', act: 'maintain', seat: 'fire-1', body: { until, reason: '换屏' } })
    const end = pending({ on: 'seat', act: 'maintain-end', seat: 'fire-1', body: {} })
    const told = event(11, 'seat.maintenance', { seat: 'fire-1', maintenance: { until: '2026-11-26T10:00:00Z' } })
    expect([confirms(told, rest), confirms(told, end)]).toEqual([true, false])
    const over = event(12, 'seat.maintenance', { seat: 'fire-1' })
    expect([confirms(over, rest), confirms(over, end)]).toEqual([false, true])
  })
})
