import { useEffect, useRef } from 'preact/hooks'
import { Act } from './button.tsx'
import { Columns } from './pieces.tsx'
import { city, lang, say, serverNow, text } from './state.ts'
import { changeOf, PERIODS } from './period.ts'
import { briefing, COUNTS, GROUPINGS, grouping, measure, openBriefing, period, readStatistics, report, saveTable, STAGES, statProblem } from './statistics.ts'
import type { Report, StatRow, Times } from './statistics.ts'
import { named, nameOf } from './text.ts'
import { atDate, between, departmentName, duration, shiftName, typeName } from './words.ts'
import { Shell } from './shell.tsx'

const READ_EVERY_MS = 10_000 // what happened is in the figures some seconds later
const MAX_BARS = 60
const MAX_LATE = 50

// StatisticsView is what happened in a time and how long people took, compared with the time before.
export function StatisticsView() {
  const t = text.value
  const turn = Math.floor(serverNow.value / READ_EVERY_MS)
  useEffect(() => void readStatistics(), [period.value, grouping.value, turn])
  const r = report.value
  const failed = (e: unknown) => say(e instanceof Error ? e.message : String(e), true)
  return (
    <main class="incident statistics" aria-label={t.statisticsTitle} data-statistics={r?.by}>
      <header class="incident-head">
        <div class="incident-title"><h1>{t.statisticsTitle}</h1><p>{r ? `${atDate(r.from)} – ${atDate(r.to)}` : ''}</p></div>
        <Choice label={t.period} value={period.value} options={PERIODS.map((p) => [p, t.periods[p]])} onChoose={(v) => (period.value = v)} />
        <Choice label={t.groupBy} value={grouping.value} options={GROUPINGS.map((g) => [g, t.groupings[g]])} onChoose={(v) => (grouping.value = v)} />
        <Choice label={t.count} value={measure.value} options={COUNTS.map((c) => [c, t.counts[c]])} onChoose={(v) => (measure.value = v)} />
        <button type="button" class="act" disabled={!r} onClick={() => void saveTable().catch(failed)}>CSV</button>
        <button type="button" class="act" disabled={!r} onClick={() => void openBriefing().catch(failed)}>{t.briefing}</button>
        <Act id="statistics" />
      </header>
      {statProblem.value ? <p class="loud" role="alert">{statProblem.value}</p> : null}
      {r ? <><Totals report={r} /><Bars report={r} /><Stages report={r} /><Late report={r} /></> : null}
      {briefing.value ? <Paper /> : null}
    </main>
  )
}

function Choice<T extends string>({ label, value, options, onChoose }: { label: string; value: T; options: readonly (readonly [T, string])[]; onChoose: (v: T) => void }) {
  return (
    <label class="choice"><span>{label}</span>
      <select value={value} aria-label={label} onChange={(e) => onChoose(e.currentTarget.value as T)}>
        {options.map(([v, name]) => <option key={v} value={v}>{name}</option>)}
      </select>
    </label>
  )
}

function Totals({ report: r }: { report: Report }) {
  const t = text.value
  return (
    <ul class="totals">
      {COUNTS.map((c) => {
        const [now, before] = [r.total.counts[c] ?? 0, r.before.counts[c] ?? 0]
        const change = changeOf(now, before)
        return (
          <li key={c} data-count={c}><span class="soft">{t.counts[c]}</span><b>{now}</b>
            <span class="soft">{t.before} {before}{change === undefined ? '' : ` · ${change > 0 ? '+' : ''}${change}%`}</span></li>
        )
      })}
    </ul>
  )
}

function labelOf(r: StatRow, by: string): string {
  if (r.from && r.to) return by === 'day' ? atDate(r.from).slice(5, 10) : `${between(r.from, r.to)} ${r.shift ? shiftName(r.shift) : ''}`
  if (r.name) return nameOf(named(r.name, r.name_en), lang.value)
  return by === 'department' ? departmentName(r.key) : by === 'type' ? typeName(r.key) : r.key
}

// Bars are one line a row: how many, as a length and as a figure.
function Bars({ report: r }: { report: Report }) {
  const t = text.value
  const of = (row: StatRow) => row.counts[measure.value] ?? 0
  const most = Math.max(1, ...r.rows.map(of))
  const periods = r.rows.some((row) => row.from)
  const rows = (periods ? [...r.rows] : [...r.rows].sort((a, b) => of(b) - of(a)).filter((row) => of(row) > 0)).slice(0, MAX_BARS)
  return (
    <section class="panel" aria-label={t.counts[measure.value]}>
      <h2>{t.counts[measure.value]} · {t.groupings[grouping.value]}</h2>
      {rows.length === 0 ? <p class="soft">{t.nothing}</p> : null}
      <table class="bars"><tbody>
        {rows.map((row) => (
          <tr key={row.key} data-bar={row.key}><th scope="row">{labelOf(row, r.by)}</th><td class="number">{of(row)}</td>
            <td class="bar"><i style={{ width: `${(100 * of(row)) / most}%` }} /></td></tr>
        ))}
      </tbody></table>
      {r.rows.length > rows.length && periods ? <p>{t.more(r.rows.length - rows.length)}</p> : null}
    </section>
  )
}

const took = (s: Times | undefined, which: 'median_s' | 'p90_s') => (s ? duration(s[which] * 1_000) : text.value.unknown)

function Stages({ report: r }: { report: Report }) {
  const t = text.value
  return (
    <section class="panel" aria-label={t.stagesTitle}>
      <h2>{t.stagesTitle}</h2>
      <table class="tasks">
        <Columns names={[t.stage, t.times, t.median, t.p90, t.medianBefore, t.p90Before]} />
        <tbody>{STAGES.map((s) => (
          <tr key={s} data-stage={s}><td>{t.stages[s]}</td><td class="number">{r.total.stages[s]?.n ?? 0}</td><td class="number">{took(r.total.stages[s], 'median_s')}</td><td class="number">{took(r.total.stages[s], 'p90_s')}</td>
            <td class="number soft">{took(r.before.stages[s], 'median_s')}</td><td class="number soft">{took(r.before.stages[s], 'p90_s')}</td></tr>
        ))}</tbody>
      </table>
    </section>
  )
}

function Late({ report: r }: { report: Report }) {
  const t = text.value
  return (
    <section class="panel" aria-label={t.lateTitle}>
      <h2>{t.lateTitle} <b class={r.late_total > 0 ? 'loud' : ''}>{r.late_total}</b></h2>
      {r.late.length === 0 ? <p class="soft">{t.nothing}</p> : (
        <table class="tasks">
          <Columns names={[t.number, t.type, t.department, t.assignedAt, t.overdue, t.reason]} />
          <tbody>{r.late.slice(0, MAX_LATE).map((l) => (
            <tr key={l.task + l.late_at}><td><b>{l.priority}</b> {l.number}</td><td>{typeName(l.type)}</td><td>{departmentName(l.department)}</td><td class="when">{atDate(l.assigned_at)}</td><td class="when">{atDate(l.late_at)}</td><td>{t.lateWhy(l.why)}</td></tr>
          ))}</tbody>
        </table>
      )}
      {r.late_total > Math.min(r.late.length, MAX_LATE) ? <p>{t.more(r.late_total - Math.min(r.late.length, MAX_LATE))}</p> : null}
    </section>
  )
}

// Paper shows the briefing as the server made it, and prints it alone.
function Paper() {
  const t = text.value
  const frame = useRef<HTMLIFrameElement>(null)
  const close = () => (briefing.value = '')
  return (
    <Shell label={t.briefing} name="briefing" wide onClose={close}>
      <div class="form-do"><button type="button" class="act strong" data-first onClick={() => frame.current?.contentWindow?.print()}>{t.print}</button>
        <button type="button" class="act" onClick={close}><kbd aria-hidden="true">Esc</kbd>{t.close}</button><span class="soft">{city.value ? nameOf(city.value, lang.value) : ''}</span></div>
      <iframe ref={frame} class="briefing" title={t.briefing} srcDoc={briefing.value} />
    </Shell>
  )
}
