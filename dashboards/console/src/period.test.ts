import { describe, expect, it } from 'vitest'
import { changeOf, rangeOf, startOf } from './period.ts'

const NOW = Date.parse('2026-11-26T01:30:00Z') // half past nine in Fuzhou

describe('a time of statistics', () => {
  it.each([
    ['today', '2026-11-25T16:00:00.000Z', '2026-11-26T01:30:00.000Z'], ['yesterday', '2026-11-24T16:00:00.000Z', '2026-11-25T16:00:00.000Z'],
    ['week', '2026-11-19T16:00:00.000Z', '2026-11-26T01:30:00.000Z'], ['month', '2026-10-27T16:00:00.000Z', '2026-11-26T01:30:00.000Z'],
  ] as const)('%s', (p, from, to) => expect(rangeOf(p, NOW, 'Asia/Shanghai')).toEqual({ from, to }))
  it('begins at the midnight of the city, whatever its clocks have done since', () => {
    expect(new Date(startOf(Date.parse('2026-03-30T10:00:00Z'), -1, 'Europe/Berlin')).toISOString()).toBe('2026-03-28T23:00:00.000Z')
    expect(new Date(startOf(Date.parse('2026-03-30T10:00:00Z'), 0, 'Europe/Berlin')).toISOString()).toBe('2026-03-29T22:00:00.000Z')
  })
  it('is compared with the one before where there was anything', () => expect([changeOf(15, 10), changeOf(5, 10), changeOf(5, 0)]).toEqual([50, -50, undefined]))
})
