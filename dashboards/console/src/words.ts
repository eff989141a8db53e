// Names of things as rows, forms and the timeline say them.

import type { Alert, AreaLevel, Incident, LiveEvent, Seat, Stint, Task } from '@banyan/live/protocol'
import { span } from '@banyan/live/time'
import { ASCENDING } from './passing.ts'
import type { Item } from './queue.ts'
import { areas, city, clock, lang, seats, text } from './state.ts'
import { zhWhy } from './rostertext.ts'
import { named, nameOf } from './text.ts'

export const typeName = (code: string): string => {
  const t = city.value?.types.find((o) => o.code === code)
  return t ? nameOf(t, lang.value) : code
}

// reportName is that of a report upward.
export const reportName = (id: string): string => {
  const r = city.value?.reports?.find((o) => o.id === id)
  return r ? nameOf(r, lang.value) : id
}

export const departmentName = (id: string): string => {
  const d = city.value?.departments.find((o) => o.id === id)
  return d ? nameOf(d, lang.value) : id
}

export const seatOf = (id: string): Seat | undefined => seats.value.find((s) => s.id === id)

export const seatName = (id: string): string => {
  const s = seatOf(id)
  return s ? nameOf(named(s.name, s.name_en), lang.value) : id
}

export const areaName = (code: string): string => {
  const a = areas.value.get(code)
  return a ? nameOf(a, lang.value) : code
}

// placeOf names where an incident is, from the district down.
export function placeOf(i: Incident): string {
  const path = (i.areas ?? []).slice(1).map(areaName)
  if (i.outside_city) return text.value.outside
  return path.join(lang.value === 'zh' ? '' : ' ') || areaName(i.areas?.[0] ?? '') || text.value.noPlace
}

export const describe = (i: Item): string => `${i.priority} ${typeName(i.incident.type)} · ${placeOf(i.incident)} · ${i.incident.number}`

export const duration = (ms: number): string => span(Math.max(0, ms), text.value.dayUnit, text.value.hourUnit)

// distance is a length for people: metres, from a kilometre on kilometres.
export const distance = (m: number): string => (m < 1_000 ? `${m} ${text.value.metres}` : `${(m / 1_000).toFixed(1)} ${text.value.kmUnit}`)

export const atTime = (iso: string | undefined): string => (iso ? clock.value(Date.parse(iso)).time : '')

export function atDate(iso: string | undefined): string {
  if (!iso) return ''
  const c = clock.value(Date.parse(iso))
  return `${c.date} ${c.time.slice(0, 5)}`
}

// shiftName is that of a shift, '' where no seat that has it now tells it.
export function shiftName(id: string): string {
  const s = seats.value.find((o) => o.shift === id)
  return s?.shift_name ? nameOf(named(s.shift_name, s.shift_name_en), lang.value) : ''
}

// whyOf is the server's reason for who holds a seat.
export const whyOf = (why: string | undefined): string => (lang.value === 'zh' ? zhWhy(why ?? '') : why ?? '')

// between is a stretch of time; the day is said once where it is the same.
export function between(from: string, to: string | undefined): string {
  const a = clock.value(Date.parse(from))
  const begin = `${a.date.slice(5)} ${a.weekday} ${a.time.slice(0, 5)}`
  if (!to) return begin + ' –'
  const b = clock.value(Date.parse(to))
  return `${begin} – ${a.date === b.date ? '' : b.date.slice(5) + ' '}${b.time.slice(0, 5)}`
}

export const stintLine = (s: Stint): string => `${seatName(s.seat)} ${between(s.from, s.to)}`

// actorOf says who did something, '' for the system.
export const actorOf = (e: LiveEvent): string =>
  e.by ? [e.by.name, e.by.seat ? seatName(e.by.seat) : e.by.department ? departmentName(e.by.department) : ''].filter(Boolean).join(' · ') : ''

export const heldBy = (t: Task): string => (t.seat ? seatName(t.seat) : text.value.nobody)

// noticeLine says what happened at a seat, or to a task that a leader is asked to look at.
export function noticeLine(e: LiveEvent): string {
  if (!e.seat) return lineOf(e)
  return text.value.noticeOf(e.type, seatName(e.seat), e.handover?.to ?? e.handover?.from ?? e.sign_on?.officer ?? maintained(e) ?? e.reason ?? '')
}

const maintained = (e: LiveEvent): string | undefined =>
  e.type !== 'seat.maintenance' ? undefined : e.maintenance ? `${text.value.restingUntil(atDate(e.maintenance.until))} ${e.maintenance.reason ?? ''}` : text.value.acts['maintain-end']

const levelName = (l: string | undefined): string => text.value.levels[l as AreaLevel] ?? l ?? ''
const isUp = (e: LiveEvent): boolean => ASCENDING.indexOf(e.to as AreaLevel) > ASCENDING.indexOf(e.from as AreaLevel)

// marksOf says that an alert was a drill, and of which level a warning.
const marksOf = (a: Alert | undefined): string =>
  [a?.exercise ? text.value.exercise : '', a?.warning_level ? text.value.warnings[a.warning_level] : ''].filter(Boolean).map((m) => ` ${m}`).join('')

// lineOf says what an event was, in one line.
export function lineOf(e: LiveEvent): string {
  const t = text.value
  const task = e.task
  const about = task ? `${departmentName(task.department)} ` : ''
  const why = e.reason ? `：${e.reason}` : ''
  switch (e.type) {
    case 'incident.opened': return `${t.incidentStates.open}${marksOf(e.alert)}：${e.alert?.text || t.noText}`
    case 'alert.attached': return `${t.alerts}（${e.alert_count ?? ''}）${marksOf(e.alert)}${e.folded_count ? ` ${t.foldedOf(e.folded_count)}` : ''}：${e.alert?.text || t.noText}`
    case 'incident.priority': return `${t.acts.priority} ${e.from ?? ''} → ${e.priority ?? ''}${why}`
    case 'incident.state': return `${e.state ? t.incidentStates[e.state] : ''}${why}`
    case 'incident.note': return `${t.acts.note}：${e.text ?? ''}`
    case 'alert.updated': return `${t.alertUpdated}${marksOf(e.alert)}：${e.alert?.text || t.noText}`
    case 'alert.cancelled': return `${t.alertCancelled} ${e.alert?.source ?? ''} ${e.alert?.id ?? ''}${why}`
    case 'incident.confirmed': return `${t.incidentConfirmed}${why}`
    case 'incident.reported': return `${t.reported} ${reportName(e.rule ?? '')}${why}`
    case 'incident.passed': return `${t.acts[isUp(e) ? 'pass-up' : 'pass-down']} ${levelName(e.from)} → ${levelName(e.to)}${why}`
    case 'sealed.opened': return `${t.unseal}${why}`
    case 'incident.assessed': return `${t.acts.assessments}：${e.text ?? ''}`
    case 'task.reassigned':
      return `${about}${t.acts.assign} ${e.from ? seatName(e.from) : ''} → ${task ? heldBy(task) : ''}${e.step ? `（${t.steps[e.step] ?? e.step}）` : ''}`
    case 'task.reminded': case 'task.escalated': return `${about}${t.steps[e.step ?? ''] ?? e.step ?? ''}${e.to ? ' → ' + seatName(e.to) : ''}`
    case 'task.deadline_changed': return `${about}${t.deadline}${why}`
    case 'task.assigned': return `${about}${t.states.assigned} → ${heldBy(task as Task)}`
  }
  if (task) return `${about}${t.states[task.state] ?? task.state}${why}`
  return e.type + why
}
