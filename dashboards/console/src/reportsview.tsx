import type { Incident } from '@banyan/live/protocol'
import { Act } from './button.tsx'
import { onIncident } from './pending.ts'
import { classes, Columns } from './pieces.tsx'
import { owedOf } from './reports.ts'
import { city, lang, pending, serverNow, text } from './state.ts'
import { nameOf } from './text.ts'
import { atDate, duration, reportName } from './words.ts'

// Reports are those upward that an incident owes, each with its clock, and which were made. It is not there where
// none is asked for.
export function Reports({ incident: i }: { incident: Incident }) {
  const t = text.value
  const owed = owedOf(city.value?.reports, i)
  const made = i.reported ?? []
  if (owed.length === 0 && made.length === 0) return null
  const sent = onIncident(pending.value, i.id).filter((p) => p.request.act === 'report' && p.phase !== 'failed').map((p) => p.request.body.text)
  return (
    <section class="panel" aria-label={t.reports} data-owed={owed.length}>
      <h2>{t.reports} <b>{owed.length}</b> <Act id="report" hide /></h2>
      {owed.length === 0 ? <p class="soft">{t.noReports}</p> : (
        <table class="tasks">
          <Columns names={[t.reports, t.reportTo, t.deadline, t.since]} />
          <tbody>
            {owed.map(({ rule, dueMs }) => {
              const left = dueMs - serverNow.value
              return (
                <tr key={rule.id} data-report={rule.id} data-overdue={left <= 0 || undefined} class={classes(left <= 0 && 'waiting')} title={rule.basis}>
                  <td>{nameOf(rule, lang.value)} {sent.includes(rule.id) ? <span class="tag sending">{t.sending}…</span> : null}</td>
                  <td>{rule.to}</td>
                  <td class="when">{atDate(new Date(dueMs).toISOString())}</td>
                  <td class="when">
                    {left <= 0 ? <b class="loud">{t.overdue} <span class="clock-figures">{duration(-left)}</span></b>
                      : <><span class="soft">{t.timeLeft}</span> <b class="clock-figures">{duration(left + 999)}</b></>}
                  </td>
                </tr>
              )
            })}
          </tbody>
        </table>
      )}
      {made.length > 0 ? <p class="soft">{t.reported}：{made.map(reportName).join(' · ')}</p> : null}
    </section>
  )
}
