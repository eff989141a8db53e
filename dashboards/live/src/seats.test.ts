import { describe, expect, it } from 'vitest'
import type { LiveEvent, Seat } from './protocol.ts'
import { seatsAfter } from './seats.ts'

const AT = '2026-11-23T08:00:00Z'
const SEATS: Seat[] = [
  { id: 'fire-1', department: 'fire', name: '消防一席', role: 'duty', holder: '陈志强', presence: 'present', on_duty: true, handover_id: 'h-1' },
  { id: 'fire-2', department: 'fire', name: '消防二席', role: 'duty', presence: 'absent', on_duty: true },
]
const e = (type: string, change: Partial<LiveEvent> = {}): LiveEvent => ({ seq: 1, at: AT, type, seat: 'fire-1', ...change })
const on = (officer: string) => ({ seat: 'fire-1', officer, at: AT, rostered: true })
const one = (x: LiveEvent) => seatsAfter(SEATS, x)[0]

describe('a seat', () => {
  it('is lost, and found again', () => {
    expect(one(e('seat.lost'))).toMatchObject({ presence: 'lost', on_duty: false, holder: '陈志强', handover_id: 'h-1' })
    expect(one(e('seat.found'))).toMatchObject({ presence: 'present', on_duty: true })
  })
  it('changes hands by a handover or a new officer, and then no handover waits', () => {
    const h = { id: 'h-1', seat: 'fire-1', from: '陈志强', note: 'n', opened_at: AT, tasks: [], to: '林国华' }
    expect(one(e('handover.confirmed', { handover: h }))).toEqual({ ...SEATS[0], holder: '林国华', handover_id: undefined })
    expect(one(e('seat.signed_on', { sign_on: on('林国华') }))?.holder).toBe('林国华')
    expect(one(e('seat.signed_off'))).toMatchObject({ presence: 'absent' })
    expect(one(e('handover.opened', { handover: { ...h, id: 'h-9' } }))?.handover_id).toBe('h-9')
  })
  it('rests while it is in maintenance', () => {
    const m = { until: '2026-11-23T12:00:00Z', reason: '换屏' }
    const resting = seatsAfter(SEATS, e('seat.maintenance', { maintenance: m }))
    expect(resting[0]).toMatchObject({ maintenance: m, on_duty: false, holder: '陈志强' })
    expect(seatsAfter(resting, e('seat.maintenance'))[0]).not.toHaveProperty('maintenance')
  })
  it('is not touched by what concerns others, nor are the others', () => {
    expect(seatsAfter(SEATS, e('seat.lost', { seat: 'gas-1' }))).toBe(SEATS)
    expect(seatsAfter(SEATS, e('seat.no_show'))).toBe(SEATS)
    expect(seatsAfter(SEATS, e('seat.lost'))[1]).toBe(SEATS[1])
  })
})
