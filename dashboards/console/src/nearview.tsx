import type { Incident } from '@banyan/live/protocol'
import { Act } from './button.tsx'
import { CAMERAS, hazardsIn, isOverdue, linkOf } from './near.ts'
import type { Near, NearEntry } from './near.ts'
import { nearOf, nearProblem } from './nearread.ts'
import { clock, serverNow, text } from './state.ts'
import { departmentName, distance } from './words.ts'

const today = () => clock.value(serverNow.value).date

// NearMark says at a glance that a listed hazard is near, and whether its deadline has passed.
export function NearMark({ incident: i }: { incident: Incident }) {
  const t = text.value
  const hazards = hazardsIn(nearOf(i))
  const [first] = hazards
  if (!first) return null
  const late = hazards.filter((h) => isOverdue(h, today())).length
  return <span class="tag bad" data-hazards={hazards.length}>{t.hazardNear(hazards.length, distance(first.distance_m))}{late > 0 ? ` · ${t.overdue} ${late}` : ''}</span>
}

// NearView lists what the city's registers have near an incident, the nearest first.
export function NearView({ incident: i }: { incident: Incident }) {
  const t = text.value
  const problem = nearProblem(i)
  return (
    <>
      {nearOf(i).map((n, at) => <Register key={n.register} near={n} first={at === 0} />)}
      {problem ? <section class="panel"><p class="bad" role="alert">{t.nearFailed}：{problem}</p></section> : null}
    </>
  )
}

function Register({ near: n, first }: { near: Near; first: boolean }) {
  const t = text.value
  const title = t.registers[n.register] ?? `${t.nearTitle} · ${n.register}`
  return (
    <section class="panel near" aria-label={title} data-near={n.register}>
      <h2>{title} <b>{n.entries.length}</b> {first ? <Act id="near" hide /> : null}</h2>
      <ul class="entries">{n.entries.map((e) => <Entry key={e.id} entry={e} camera={n.register === CAMERAS} />)}</ul>
    </section>
  )
}

function Entry({ entry: e, camera }: { entry: NearEntry; camera: boolean }) {
  const t = text.value
  const late = isOverdue(e, today())
  const { stream, ...rest } = e.attributes ?? {}
  const link = linkOf(stream ?? '')
  return (
    <li data-entry={e.id} data-overdue={late || undefined}>
      <b class="clock-figures">{distance(e.distance_m)}</b>{' '}
      {camera && link
        ? <a href={link} target="_blank" rel="noreferrer" title={link} aria-label={`${t.openStream}：${e.name} ${e.id}`}>{e.name}</a>
        : <span tabIndex={0}>{e.name}</span>}{' '}
      <span class="soft number">{e.id}</span> {late ? <b class="loud">{t.overdue}</b> : null}
      {Object.entries(camera ? rest : (e.attributes ?? {})).map(([k, v]) => (
        <span key={k} class="attribute"><span class="soft">{t.attributes[k] ?? k}</span> {linkOf(v) ? <a href={v} target="_blank" rel="noreferrer">{v}</a> : k === 'owner' ? departmentName(v) : v}</span>
      ))}
      {camera && stream ? <span class="attribute soft">{stream}</span> : null}
    </li>
  )
}
