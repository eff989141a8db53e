import { useEffect, useState } from 'preact/hooks'
import { getRoster } from './server.ts'
import { coming } from './shifts.ts'
import type { Shift } from './shifts.ts'
import { clock, desk, lang, myName, seats, serverNow, text, who } from './state.ts'
import { named, nameOf } from './text.ts'
import { atDate } from './words.ts'

const DAYS = 7
const DAY_MS = 86_400_000

// Shifts lists my coming shifts at this seat; nothing where the server keeps no rosters to ask for.
export function Shifts() {
  const t = text.value
  const [shifts, setShifts] = useState<readonly Shift[] | undefined>(undefined)
  useEffect(() => {
    let gone = false
    void read().then((s) => { if (!gone) setShifts(s) }, (e: unknown) => console.warn('roster: ' + String(e)))
    return () => {
      gone = true
    }
  }, [])
  if (!shifts) return null
  return (
    <section class="shifts" aria-label={t.shifts}>
      <h3>{t.shifts}</h3>
      {shifts.length === 0 ? <p class="soft">{t.noShifts}</p> : null}
      <ul class="entries">{shifts.map((s) => <li key={s.from}>{atDate(s.from)} {t.until(atDate(s.to))} {shiftName(s.shift)}</li>)}</ul>
    </section>
  )
}

// shiftName is that of a shift, '' where no seat that has it now tells it.
function shiftName(id: string): string {
  const s = seats.value.find((o) => o.shift === id)
  return s?.shift_name ? nameOf(named(s.shift_name, s.shift_name_en), lang.value) : ''
}

async function read(): Promise<Shift[] | undefined> {
  const now = serverNow.peek()
  const today = await getRoster(who.peek(), clock.peek()(now).date)
  if (today === undefined) return undefined
  const later = await Promise.all(Array.from({ length: DAYS - 1 }, (_, n) => getRoster(who.peek(), clock.peek()(now + (n + 1) * DAY_MS).date)))
  return coming([today, ...later.filter((d) => d !== undefined)], desk.peek().seat, myName.peek(), now)
}
