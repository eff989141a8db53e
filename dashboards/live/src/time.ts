// Durations and clock times for screens.

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

// span writes a duration in as few figures as a glance needs: 0:07, 12:34, 3:05:09, and from a day on 2d 03h.
export function span(ms: number, dayUnit: string, hourUnit: string): string {
  const s = Math.max(0, Math.floor(ms / SECOND))
  const two = (n: number) => String(n).padStart(2, '0')
  if (ms >= DAY) return `${Math.floor(ms / DAY)}${dayUnit}${two(Math.floor((ms % DAY) / HOUR))}${hourUnit}`
  const [h, m] = [Math.floor(s / 3600), Math.floor((s % 3600) / 60)]
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`
}

export interface Wallclock {
  time: string // 14:05:09
  date: string // 2026-11-23
  weekday: string
}

// wallclock returns the function that reads a clock in a time zone.
export function wallclock(timeZone: string, locale: string): (ms: number) => Wallclock {
  const time = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
  const date = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })
  const weekday = new Intl.DateTimeFormat(locale, { timeZone, weekday: 'short' })
  return (ms) => ({ time: time.format(ms), date: date.format(ms), weekday: weekday.format(ms) })
}
