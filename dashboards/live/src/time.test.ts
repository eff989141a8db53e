import { describe, expect, it } from 'vitest'
import { instantOf, localOf, span, wallclock } from './time.ts'

describe('span', () => {
  it.each([
    [-5, '0:00'], [999, '0:00'], [7_000, '0:07'], [754_000, '12:34'], [3_599_999, '59:59'], [3_600_000, '1:00:00'],
    [11_109_000, '3:05:09'], [86_400_000, '1天 00时'], [183_600_000, '2天 03时'],
  ])('of %i ms is %s', (ms, want) => expect(span(ms, '天 ', '时')).toBe(want))
})

describe('wallclock', () => {
  it('reads the clock of the city, wherever the screen is', () => {
    const at = Date.parse('2026-11-23T16:05:09Z')
    expect(wallclock('Asia/Shanghai', 'zh-CN')(at)).toEqual({ time: '00:05:09', date: '2026-11-24', weekday: '周二' })
    expect(wallclock('America/Los_Angeles', 'en-GB')(at)).toEqual({ time: '08:05:09', date: '2026-11-23', weekday: 'Mon' })
  })
})

describe('a local time', () => {
  it.each([['2026-11-26T08:00', 'Asia/Shanghai', '2026-11-26T00:00:00Z'], ['2026-03-29T01:30', 'Europe/Berlin', '2026-03-29T00:30:00Z'],
    ['2026-03-29T03:30', 'Europe/Berlin', '2026-03-29T01:30:00Z'], ['2026-07-01T00:00', 'America/Los_Angeles', '2026-07-01T07:00:00Z']])('%s in %s', (local, zone, utc) => {
    expect(instantOf(local, zone)).toBe(Date.parse(utc))
    expect(localOf(Date.parse(utc), zone)).toBe(local)
  })
  it('that is none is not guessed at', () => {
    expect(instantOf('morgen', 'Asia/Shanghai')).toBeNaN()
    expect(instantOf('2026-11-26T08:00Z', 'Asia/Shanghai')).toBeNaN()
  })
})
