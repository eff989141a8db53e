import type { Alert, Incident, Task } from '@banyan/live/protocol'
import { isFinalTask, isWaitingTask } from '@banyan/live/protocol'
import { Act } from './button.tsx'
import { Clock, Deadline } from './clocks.tsx'
import { Shape } from './levels.ts'
import { Marks } from './marks.tsx'
import { MapView } from './mapview.tsx'
import { levelOf, placeAt } from './passing.ts'
import { onIncident } from './pending.ts'
import { NearMark, NearView } from './nearview.tsx'
import type { Item, Group } from './queue.ts'
import { Reports } from './reportsview.tsx'
import { opened } from './sealed.ts'
import { dismiss } from './sending.ts'
import { Sending } from './queueview.tsx'
import { areas, city, item, lang, pending, selectedRow, selectedTask, signedOn, text } from './state.ts'
import { nameOf } from './text.ts'
import { Timeline } from './timelineview.tsx'
import { atDate, atTime, departmentName, heldBy, placeOf, typeName } from './words.ts'
import { shownTimeline } from './select.ts'
import { Writing } from './writing.tsx'
import { classes, Columns } from './pieces.tsx'

export function IncidentView() {
  const row = selectedRow.value
  if (row?.kind === 'group') return <GroupView group={row.group} />
  const i = item.value
  if (!i) return <main class="incident nothing"><p class="soft">{text.value.pick}</p></main>
  return (
    <main class="incident" data-shown={i.incident.id} aria-label={`${typeName(i.incident.type)} ${i.incident.number}`}>
      <Head item={i} />
      <Actions />
      <div class="incident-body">
        <div class="column">
          <Tasks incident={i.incident} current={i.task?.id ?? ''} />
          <Reports incident={i.incident} />
          <Timeline key={i.incident.id} incident={i.incident} />
        </div>
        <div class="column side">
          <MapView incident={i.incident} />
          <NearView incident={i.incident} />
          <Alerts incident={i.incident} />
          <Writing key={'e' + i.incident.id} incident={i.incident} kind="assessment" />
          <Writing key={'n' + i.incident.id} incident={i.incident} kind="note" />
        </div>
      </div>
    </main>
  )
}

function Head({ item: i }: { item: Item }) {
  const t = text.value
  const inc = i.incident
  return (
    <header class="incident-head">
      <Shape priority={inc.priority} filled={i.waiting} />
      <div class="incident-title">
        <h1>{typeName(inc.type)} <span class="place">{placeOf(inc)}</span></h1>
        <p>
          <b class="state">{t.incidentStates[inc.state]}</b> <span class="number">{inc.number}</span> <Marks incident={inc} /> <NearMark incident={inc} /> <span>{t.alertsOf(inc.alert_count)}</span>
          {inc.cancelled_count ? <span>{t.cancelledOf(inc.cancelled_count)}</span> : null}
          <span>{atDate(inc.opened_at)} {t.opened}</span>
        </p>
      </div>
      <div class="incident-age"><span class="soft">{t.age}</span><b><Clock sinceMs={Date.parse(inc.opened_at)} /></b></div>
      <Site incident={inc} />
      <Levels incident={inc} />
      {inc.text ? <p class="incident-text">{inc.text}</p> : null}
    </header>
  )
}

// Site is the place that an alarm button says it is at, before anybody has read anything: the school and its gate.
function Site({ incident: i }: { incident: Incident }) {
  const t = text.value
  const first = shownTimeline(i.id)?.events.find((e) => e.alert)?.alert
  const parts = SITE.flatMap((k) => (typeof first?.attributes?.[k] === 'string' ? [[k, first.attributes[k]] as const] : []))
  if (parts.length === 0) return null
  return <p class="site" data-site>{parts.map(([k, v]) => <span key={k}><span class="soft">{t.attributes[k]}</span> <b>{String(v)}</b></span>)}</p>
}
const SITE = ['school', 'gate']

// Levels is the path of an incident that is passed up and down, with the level it is with now.
function Levels({ incident: i }: { incident: Incident }) {
  const t = text.value
  const p = city.value?.passing
  if (!p?.types.includes(i.type)) return null
  const now = levelOf(i, areas.value)
  const told = shownTimeline(i.id)?.events.findLast((e) => Array.isArray(e.alert?.attributes?.path))?.alert?.attributes?.path as readonly unknown[] | undefined
  return (
    <ol class="levels" aria-label={t.levelPath} data-level={now}>
      {p.levels.map((l) => (
        <li key={l} aria-current={l === now ? 'step' : undefined} class={classes(l === now && 'now')} title={l === now ? t.levelNow : undefined}>
          <span class="at"><span class="soft">{t.levels[l]}</span> {placeAt(i, l, areas.value, told ?? [], lang.value)}</span>
        </li>
      ))}
    </ol>
  )
}

function Actions() {
  const t = text.value
  return (
    <div class="actions">
      <div role="group" aria-label={t.tasks}>
        <Act id="acknowledge" strong /><Act id="depart" strong /><Act id="arrive" strong /><Act id="finish" strong /><Act id="return" /><Act id="assign" hide />
      </div>
      <div role="group" aria-label={t.timeline}>
        <Act id="assessments" /><Act id="note" /><Act id="support" /><Act id="priority" />
        <Act id="verify" hide strong /><Act id="suspend" hide /><Act id="resume" hide /><Act id="cancel" hide /><Act id="pass-up" hide /><Act id="pass-down" hide /><Act id="unseal" hide />
      </div>
      <Unconfirmed />
      {signedOn.value ? null : <p class="soft">{t.mustSignOn}</p>}
    </div>
  )
}

// Unconfirmed lists what was asked of the incident shown and is not confirmed.
function Unconfirmed() {
  const t = text.value
  const i = item.value?.incident
  const open = i ? onIncident(pending.value, i.id).filter((p) => p.request.on === 'incident' || p.request.act === 'note') : []
  if (open.length === 0) return null
  return (
    <p class="unconfirmed">
      {open.map((p) => p.phase === 'failed'
        ? <button type="button" class="tag bad" key={p.id} onClick={() => dismiss(p.id)}>{t.doing(p.request)} {t.failedMark}：{p.why} ✕</button>
        : <span class="tag sending" key={p.id} data-phase={p.phase}>{t.doing(p.request)} {p.phase === 'sending' ? t.sending : t.answered}…</span>)}
    </p>
  )
}

// Tasks are those of all departments, each with its own clock: of waiting while nobody has acknowledged, then of
// the state it is in.
function Tasks({ incident: i, current }: { incident: Incident; current: string }) {
  const t = text.value
  return (
    <section class="panel" aria-label={t.tasks}>
      <h2>{t.tasks} <kbd aria-hidden="true">[ ]</kbd></h2>
      <table class="tasks">
        <Columns names={[t.department, t.seat, t.state, t.since]} />
        <tbody>
          {i.tasks.map((task) => (
            <tr key={task.id} data-task={task.id} data-state={task.state} aria-current={task.id === current}
              class={classes(task.id === current && 'chosen', isFinalTask(task.state) && 'final', isWaitingTask(task.state) && 'waiting')}
              onClick={() => (selectedTask.value = task.id)}>
              <td>
                <button type="button" class="plain" aria-label={`${departmentName(task.department)}：${t.chosenTask}`} onClick={(e) => e.currentTarget.blur()}>
                  {task.id === current ? '▸ ' : ''}{departmentName(task.department)}
                </button> <span class="soft">{task.role === 'lead' ? t.lead : t.support}</span>
              </td>
              <td title={task.reason}>
                {heldBy(task)}{task.officer ? <span class="soft"> {task.officer}</span> : null}{task.end_reason ? <span class="soft"> · {task.end_reason}</span> : null}
              </td>
              <td><span class={'state' + (isWaitingTask(task.state) ? ' unacked' : '')}>{t.states[task.state]}</span> <Sending task={task.id} /></td>
              <td class="when"><TaskClock task={task} incident={i} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function TaskClock({ task, incident }: { task: Task; incident: Incident }) {
  const t = text.value
  if (task.finished_at) return <span class="soft">{atTime(task.finished_at)}</span>
  if (incident.state === 'suspended') return <span class="soft">{t.suspendedClock}</span>
  const since = task.on_scene_at ?? task.en_route_at ?? task.acknowledged_at ?? task.assigned_at
  return <><Clock sinceMs={Date.parse(since)} />{' '}<Deadline task={task} waiting={isWaitingTask(task.state)} /></>
}

const MAX_ALERTS = 20 // shown, newest first

function Alerts({ incident: i }: { incident: Incident }) {
  const t = text.value
  const whole = (shownTimeline(i.id)?.events ?? []).flatMap((e) => (e.alert ? [e.alert] : []))
  const source = (id: string) => {
    const s = city.value && 'sources' in city.value ? (city.value.sources as readonly { id: string; name: string; name_en?: string }[]).find((o) => o.id === id) : undefined
    return s ? nameOf(s, lang.value) : id
  }
  return (
    <section class="panel" aria-label={t.alerts}>
      <h2>{t.alerts} <b>{i.alert_count}</b></h2>
      <ul class="entries">
        {whole.slice(-MAX_ALERTS).reverse().map((a) => (
          <li key={a.alert_id}><span class="soft">{atTime(a.occurred_at)} {source(a.source)} {a.id}</span> {a.text || t.noText}<Attributes of={a} /><Opened alert={a.alert_id} /></li>
        ))}
      </ul>
    </section>
  )
}

const MAX_ATTRIBUTES = 24 // shown of an alert

// Attributes are what else the source said: a cylinder's trace, a hazard's owner, a grid's path.
function Attributes({ of: a }: { of: Alert }) {
  const t = text.value
  const all = Object.entries(a.attributes ?? {}).filter(([, v]) => v !== null && v !== '')
  if (all.length === 0) return null
  return (
    <div class="attributes" data-attributes={a.alert_id}>
      {all.slice(0, MAX_ATTRIBUTES).map(([k, v]) => <span class="attribute" key={k}><span class="soft">{t.attributes[k] ?? k}</span> {plain(v)}</span>)}
    </div>
  )
}

// plain says a value of JSON in one line.
const plain = (v: unknown): string =>
  Array.isArray(v) ? v.map(plain).join(' → ') : v === true ? '✓' : v === false ? '✗' : typeof v === 'object' && v !== null ? Object.values(v).map(plain).join(' ') : String(v)

// Opened is what was sealed of an alert, for who has just opened it.
function Opened({ alert }: { alert: string }) {
  const fields = opened.value.get(alert)
  if (!fields) return null
  return (
    <dl class="opened" data-opened={alert}>
      {Object.entries(fields).map(([k, v]) => <div key={k}><dt class="soft">{k}</dt><dd>{typeof v === 'string' ? v : JSON.stringify(v)}</dd></div>)}
    </dl>
  )
}

const MAX_GROUP_ROWS = 100

// GroupView is what stands behind a group of a flood.
function GroupView({ group }: { group: Group }) {
  const t = text.value
  return (
    <main class="incident" data-shown={group.key}>
      <header class="incident-head"><div class="incident-title"><h1>{typeName(group.type)} · {t.groupOf(group.items.length)}</h1><p>{t.groupHint}</p></div></header>
      <div class="actions"><Act id="bulk" strong /><p class="soft">→ {t.expand}</p></div>
      <div class="incident-body single">
        <ul class="entries panel">
          {group.items.slice(0, MAX_GROUP_ROWS).map((i) => (
            <li key={i.key}>
              <b>{i.priority}</b> {i.incident.number} {placeOf(i.incident)} <span class="state">{i.task ? t.states[i.task.state] : ''}</span> <Clock sinceMs={i.sinceMs} />
            </li>
          ))}
        </ul>
      </div>
    </main>
  )
}
