import { useEffect, useState } from 'preact/hooks'
import type { Handed } from '@banyan/live/protocol'
import { dutyOpen } from './forms.ts'
import { Columns } from './pieces.tsx'
import { getHandovers } from './server.ts'
import { desk, leader, mySeat, paper, seats, text, who } from './state.ts'
import { atDate, seatName } from './words.ts'
import { CENTRE } from './queue.ts'

// PastHandovers are the last ones of a seat, newest first, each to be read and printed. A duty leader chooses among the
// seats of the department.
export function PastHandovers() {
  const t = text.value
  const [seat, setSeat] = useState(desk.peek().seat)
  const [got, set] = useState<{ seat: string; list: readonly Handed[]; problem: string } | undefined>(undefined)
  const open = mySeat.value?.handover_id
  useEffect(() => {
    let gone = false
    getHandovers(who.peek(), seat).then((list) => { if (!gone) set({ seat, list, problem: '' }) },
      (e: unknown) => { if (!gone) set({ seat, list: [], problem: e instanceof Error ? e.message : String(e) }) })
    return () => {
      gone = true
    }
  }, [seat, open])
  const mine = desk.value
  const choices = leader.value ? seats.value.filter((s) => mine.department === CENTRE || s.department === mine.department) : []
  const list = got?.seat === seat ? got : undefined
  return (
    <section aria-label={t.pastHandovers} data-past={list?.list.length ?? ''}>
      <h3>{t.pastHandovers}</h3>
      {choices.length > 1 ? (
        <label class="choice"><span>{t.seat}</span>
          <select value={seat} onChange={(e) => setSeat(e.currentTarget.value)}>{choices.map((s) => <option key={s.id} value={s.id}>{seatName(s.id)}</option>)}</select>
        </label>
      ) : null}
      {list?.problem ? <p class="bad" role="alert">{list.problem}</p> : null}
      {!list ? <p class="soft">{t.opening}</p> : list.list.length === 0 && !list.problem ? <p class="soft">{t.noHandovers}</p> : (
        <div class="past">
          <table class="tasks">
            <Columns names={[t.confirmedAt, t.from, t.to, '']} />
            <tbody>
              {list.list.map((h) => (
                <tr key={h.id} data-handed={h.id}>
                  <td class="when">{atDate(h.at)}</td><td>{h.from}</td><td>{h.to}</td>
                  <td><button type="button" class="act" aria-label={`${t.openRecord} ${atDate(h.at)}`} onClick={() => { paper.value = h.id; dutyOpen.value = '' }}>{t.openRecord}</button></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  )
}
