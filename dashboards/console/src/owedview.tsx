import type { Handover, WatchItem } from '@banyan/live/protocol'
import { lang, serverNow, text } from './state.ts'
import { named, nameOf } from './text.ts'
import { atDate, seatName, whyOf } from './words.ts'
import { Columns } from './pieces.tsx'

// Owed is what a handover passes on beside its tasks: reports upward with their deadlines, and what to keep an eye
// on. A record of a server that did not write them down shows neither.
export function Owed({ handover: h }: { handover: Handover }) {
  const t = text.value
  return (
    <>
      {h.reports === undefined ? null : (
        <section data-reports={h.reports.length}>
          <h2>{t.reports}（{h.reports.length}）</h2>
          <table class="tasks">
            <Columns names={[t.reports, t.reportTo, t.number, t.deadline, t.basis]} />
            <tbody>
              {h.reports.map((r) => (
                <tr key={r.incident + (r.report ?? r.name)}>
                  <td>{nameOf(named(r.name, r.name_en), lang.value)}</td><td>{r.to}</td><td>{r.number}</td>
                  <td>{atDate(r.due)} {Date.parse(r.due) <= (h.confirmed_at ? Date.parse(h.confirmed_at) : serverNow.value) ? <b class="loud">{t.overdue}</b> : null}</td><td>{r.basis}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {h.watch === undefined ? null : (
        <section data-watch={h.watch.length}>
          <h2>{t.watch}（{h.watch.length}）</h2>
          <ul class="entries">{h.watch.map((w, n) => <li key={n}>{watchLine(w)}</li>)}</ul>
        </section>
      )}
    </>
  )
}

function watchLine(w: WatchItem): string {
  const what = w.number ?? (w.seat ? seatName(w.seat) : w.source ?? '')
  const when = [w.from ? atDate(w.from) : '', w.until ? text.value.until(atDate(w.until)) : ''].filter(Boolean).join(' ')
  return [text.value.watchKinds[w.kind] ?? w.kind, what, when, whyOf(w.reason)].filter(Boolean).join(' · ')
}
