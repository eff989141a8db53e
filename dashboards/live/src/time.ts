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

const HAS_ZONE = /(Z|[+-]\d\d:?\d\d)$/

// instantOf reads a local date and time of a zone, such as 2026-11-26T08:00, as ms since the epoch; NaN where it is
// none. Of an hour that a clock shows twice it takes one, of an hour that is left out the one beside it.
export function instantOf(local: string, timeZone: string): number {
  const wanted = HAS_ZONE.test(local) ? NaN : Date.parse(local + 'Z')
  const read = wallclock(timeZone, 'en-GB')
  let at = wanted
  for (let n = 0; n < 2 && Number.isFinite(at); n++) {
    const c = read(at)
    at += wanted - Date.parse(`${c.date}T${c.time}Z`)
  }
  return at
}

// localOf writes an instant as a date and time of a zone to the minute, as a field for them takes it.
export function localOf(ms: number, timeZone: string): string {
  const c = wallclock(timeZone, 'en-GB')(ms)
  return `${c.date}T${c.time.slice(0, 5)}`
}
