import { describe, expect, it } from 'vitest'
import { ageMs, behindMs, delayOf } from './link.ts'
import type { LinkState } from './link.ts'

describe('delayOf', () => {
  it('grows to a bound, half of it by chance', () => {
    expect(delayOf(0, 0)).toBe(250)
    expect(delayOf(0, 1)).toBe(500)
    expect(delayOf(3, 1)).toBe(4_000)
    expect(delayOf(99, 0)).toBe(7_500)
    expect(delayOf(99, 1)).toBe(15_000)
  })
})

describe('behindMs', () => {
  it('is how long the server itself is cut off', () => {
    expect(behindMs({ server_time: '2026-11-26T08:00:30.000000Z', stale_since: '2026-11-26T08:00:00.000000Z' })).toBe(30_000)
    expect(behindMs({ server_time: '2026-11-26T08:00:30.000000Z' })).toBe(0)
  })
})

describe('ageMs', () => {
  const link: LinkState = { phase: 'live', heardAt: 1_000, heardDate: 500_000, attempts: 0, skewMs: 0 }
  it('is without end before the first picture', () => {
    expect(ageMs({ ...link, heardAt: 0 }, 5_000, 600_000)).toBe(Infinity)
  })
  it('takes the clock that says older: one of them stops while a machine sleeps', () => {
    expect(ageMs(link, 4_000, 502_000)).toBe(3_000)
    expect(ageMs(link, 1_500, 560_000)).toBe(60_000)
    expect(ageMs(link, 1_500, 400_000)).toBe(500)
  })
})
