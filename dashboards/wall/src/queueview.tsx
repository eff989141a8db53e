import { computed, signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { span } from '@banyan/live/time'
import { PRIORITIES } from '@banyan/live/protocol'
import { WARNING_COLOURS } from './covers.ts'
import { fit, leftOut } from './queue.ts'
import type { Entry, Room } from './queue.ts'
import { Shape } from './shape.tsx'
import { areas, city, cityProblem, lang, link, queue, seats, serverNow, store, text } from './state.ts'
import { nameOf } from './text.ts'

// Heights in rem, as in wall.css.
const ROW_REM = 2.75
const LINE_REM = 1.5
const COLUMN_REM = 34 // a full row needs this much

const room = signal<Room>({ height: 0, columns: 1, row: ROW_REM, line: LINE_REM, linesAcross: 2, chipsAcross: 4 })
const fitted = computed(() => fit(queue.value, room.value))
const left = computed(() => leftOut(fitted.value.left))
const types = computed(() => new Map(city.value?.types.map((t) => [t.code, t])))
const departments = computed(() => new Map(city.value?.departments.map((d) => [d.id, d])))
const seatById = computed(() => new Map(seats.value.map((s) => [s.id, s])))

export function Queue() {
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const el = place.current
    if (!el) return
    const measure = () => {
      const rem = parseFloat(getComputedStyle(document.documentElement).fontSize)
      const columns = Math.max(1, Math.floor(el.clientWidth / rem / COLUMN_REM))
      room.value = { ...room.peek(), height: el.clientHeight / rem, columns, linesAcross: columns * 2, chipsAcross: columns * 4 }
    }
    const watch = new ResizeObserver(measure)
    watch.observe(el)
    return () => watch.disconnect()
  }, [])
  const t = text.value
  const f = fitted.value
  const suspended = store.value.incidents.size - queue.value.length
  return (
    <section class="queue" aria-label={t.queue}>
      <div class="queue-head">
        <h2>{t.queue} <b>{queue.value.length}</b></h2>
        <span class="hint">{t.rule}</span>
        {suspended > 0 ? <span class="hint">{t.suspended(suspended)}</span> : null}
      </div>
      <div class="queue-body" ref={place}>
        {queue.value.length === 0 ? <Quiet /> : null}
        <ol class="rows" style={{ '--columns': room.value.columns }}>
          {f.rows.map((e) => <Row key={e.incident.id} e={e} />)}
        </ol>
        {f.strip.length > 0 ? (
          <ol class="lines" style={{ '--columns': f.chips ? room.value.chipsAcross : room.value.linesAcross }}>
            {f.strip.map((e) => <Line key={e.incident.id} e={e} chip={f.chips} />)}
          </ol>
        ) : null}
        {f.left.length > 0 ? (
          <p class={'more' + (f.left[0]?.incident.priority === 'P1' ? ' loud' : '')} data-hidden={f.left.length}>
            <More count={f.left.length} />
          </p>
        ) : null}
      </div>
    </section>
  )
}

// More says what the list leaves out, level by level, so that nothing is left out silently.
function More({ count }: { count: number }) {
  const t = text.value
  return (
    <>
      <span>{t.more} <b>+{count}</b> {t.unlisted}</span>
      {PRIORITIES.map((p) => {
        const l = left.value[p]
        if (!l) return null
        return (
          <span key={p}>
            <Shape priority={p} filled={l.unacknowledged > 0} plain /> <b>{l.open}</b>
            {l.unacknowledged > 0 ? <> <b class="some" aria-label={`${t.unacknowledged} ${l.unacknowledged}`}>{l.unacknowledged}</b></> : null}
          </span>
        )
      })}
    </>
  )
}

function Quiet() {
  const t = text.value
  const known = link.value.heardAt > 0
  return (
    <div class="quiet">
      <p>{known ? t.quiet : cityProblem.value ? t.cityFailed(cityProblem.value) : t.waiting}</p>
      {known ? <p class="hint">{t.quietHint}</p> : null}
    </div>
  )
}

const whatOf = (e: Entry) => {
  const type = types.value.get(e.incident.type)
  return type ? nameOf(type, lang.value) : e.incident.type
}

// whereOf names the areas below the city, coarsest first.
function whereOf(e: Entry): string {
  const t = text.value
  if (e.incident.outside_city) return t.outside
  const names = (e.incident.areas ?? []).slice(1).flatMap((code) => {
    const a = areas.value.get(code)
    return a ? [nameOf(a, lang.value)] : []
  })
  if (names.length > 0) return names.join(lang.value === 'zh' ? ' ' : ', ')
  return e.incident.location ? '' : t.noPlace
}

function who(e: Entry): { text: string; loud: boolean } {
  const t = text.value
  if (!e.lead) return { text: t.noTask, loud: false }
  const d = departments.value.get(e.lead.department)
  const seat = seatById.value.get(e.lead.seat ?? '')
  const department = d ? nameOf(d, lang.value) : e.lead.department
  const held = e.lead.state === 'unstaffed' ? '' : ' · ' + (seat ? nameOf(seat, lang.value) : e.lead.seat ?? '')
  return { text: department + held, loud: e.lead.state === 'unstaffed' }
}

function classOf(e: Entry): string {
  return `p${e.incident.priority.slice(1)}` + (e.unacknowledged ? ' waiting' : '') + (e.overdue ? ' overdue' : '')
}

const spanOf = (ms: number) => span(ms, text.value.dayUnit, text.value.hourUnit)

function Row({ e }: { e: Entry }) {
  const t = text.value
  const w = who(e)
  const i = e.incident
  return (
    <li class={'row ' + classOf(e)} data-incident={i.id} data-priority={i.priority} title={i.number}>
      <Shape priority={i.priority} filled={e.unacknowledged} />
      <div class="row-what">
        {i.exercise ? <b class="loud">{text.value.exercise}</b> : null}
        <b>{whatOf(e)}</b>
        <span class="where">{whereOf(e)}</span>
        {i.warning_level ? <span class="warning" data-warning={i.warning_level}><i style={{ background: WARNING_COLOURS[i.warning_level] }} />{t.warnings[i.warning_level]}</span> : null}
        {i.unconfirmed ? <span class="hint">{text.value.unconfirmed}</span> : null}
        {i.alert_count > 1 ? <span class="hint">×{i.alert_count}</span> : null}
        {i.folded_count ? <span class="hint" data-folded={i.folded_count}>{t.foldedOf(i.folded_count)}</span> : null}
      </div>
      <div class="row-who">
        {w.text}
        {w.loud ? <b class="loud">{t.unstaffed}</b> : null}
        {e.supports > 0 ? <span class="hint"> {t.supports(e.supports)}</span> : null}
      </div>
      <div class="row-due"><Due e={e} /></div>
      <div class="row-age"><span class="hint">{t.age}</span> <b>{spanOf(serverNow.value - e.openedMs)}</b></div>
    </li>
  )
}

// Due is the next deadline, and how the incident stands where none is set any more.
function Due({ e }: { e: Entry }) {
  const t = text.value
  if (e.deadlineMs === undefined) return <span class="hint">{t.states[e.lead?.state ?? 'assigned']}</span>
  const left = e.deadlineMs - serverNow.value
  const label = e.unstaffed ? t.retryIn : e.overdue ? t.nextStep : t.ackIn
  return (
    <>
      {e.overdue ? <b class="loud">{t.overdue}</b> : null}
      {left > 0 ? <><span class="hint">{label}</span> <b>{spanOf(left + 999)}</b></> : <span class="hint">{t.dueNow}</span>}
    </>
  )
}

// Line is a P1 in one line, for when there are more of them than rows.
function Line({ e, chip }: { e: Entry; chip: boolean }) {
  const where = whereOf(e)
  return (
    <li class={'line ' + classOf(e)} data-incident={e.incident.id} data-priority={e.incident.priority} title={`${whatOf(e)} ${where}`}>
      <Shape priority={e.incident.priority} filled={e.unacknowledged} plain />
      <b class="line-what">{whatOf(e)}</b>
      {chip ? null : <span class="where">{where}</span>}
      <b class="line-age" aria-label={e.overdue ? text.value.overdue : undefined}>{spanOf(serverNow.value - e.openedMs)}</b>
    </li>
  )
}
