// What was sent and not yet confirmed. Confirmed means that the server's event has come, or that a picture made of
// its events shows what was asked for; an answer to the request alone confirms nothing. Pure.

import { isFinalIncident } from '@banyan/live/protocol'
import type { Amendment, AreaLevel, Incident, LiveEvent, Priority, Seat, Stint, Swap, SwapState, TaskState } from '@banyan/live/protocol'
import type { SwapStep } from './week.ts'

export type TaskAct = 'acknowledge' | 'depart' | 'arrive' | 'finish' | 'return' | 'assign' | 'note'
export type IncidentAct = 'verify' | 'cancel' | 'suspend' | 'resume' | 'priority' | 'support' | 'assessments' | 'note' | 'report' | 'pass-up' | 'pass-down'
export type DutyAct = 'sign-on' | 'sign-off' | 'handover' | 'confirm' | 'maintain' | 'maintain-end'
export type RosterAct = 'amend' | 'unamend' | 'swap' | SwapStep

export interface Body {
  reason?: string
  seat?: string
  department?: string
  priority?: Priority
  level?: AreaLevel
  text?: string
  note?: string
  until?: string
  kind?: Amendment['kind']
  person?: string
  substitute?: string
  from?: string
  to?: string
  with?: string
  give?: Stint
  return?: Stint
}

// Request is one thing asked of the server.
export type Request =
  | { on: 'task'; act: TaskAct; task: string; incident: string; body: Body }
  | { on: 'incident'; act: IncidentAct; incident: string; body: Body }
  | { on: 'seat'; act: Exclude<DutyAct, 'confirm'>; seat: string; body: Body }
  | { on: 'handover'; act: 'confirm'; handover: string; seat: string; body: Body }
  | { on: 'roster'; act: 'amend' | 'unamend'; amendment: string; body: Body } // amendment: '' for a new one
  | { on: 'swap'; act: 'swap' | SwapStep; swap: string; body: Body } // swap: '' for a new one

// Phase: sending, no answer yet; answered, accepted and the event still to come; failed, refused or not
// delivered, with why. An event confirms in any phase.
export type Phase = 'sending' | 'answered' | 'failed'

export interface Pending {
  id: number
  request: Request
  by: string // seat that asked
  phase: Phase
  why: string // failed: in the server's words or ours
  unsure: boolean // failed without an answer: it may have happened all the same
  atMs: number
  answeredMs: number
  draft: string // key of the draft that goes once it is confirmed, '' for none
  seq: number // of the last event seen when it was sent: older ones confirm nothing
}

// Most that wait for confirmation at once, and what failed and was not dismissed; past it the page refuses more.
export const MAX_PENDING = 64

// thing names what a request is about: two of them at once would be one key pressed twice.
export function thing(r: Request): string {
  switch (r.on) {
    case 'task': return `task/${r.task}/${r.act}`
    case 'incident': return `incident/${r.incident}/${r.act}` + (r.act === 'report' ? `/${r.body.text}` : '')
    case 'roster': return `roster/${r.amendment || `${r.body.seat ?? r.body.person}@${r.body.from}`}/${r.act}`
    case 'swap': return `swap/${r.swap || `${r.body.give?.seat}@${r.body.give?.from}`}/${r.act}`
    default: return `seat/${r.seat}/${r.act}`
  }
}

const REACHED: Partial<Record<TaskAct, readonly TaskState[]>> = {
  acknowledge: ['acknowledged', 'en_route', 'on_scene', 'done'],
  depart: ['en_route', 'on_scene', 'done'],
  arrive: ['on_scene', 'done'],
  finish: ['done'],
  return: ['returned'],
}

const TASK_EVENTS: Partial<Record<TaskAct, string>> = {
  acknowledge: 'task.acknowledged', depart: 'task.en_route', arrive: 'task.on_scene', finish: 'task.done', return: 'task.returned',
}

// confirms reports whether e is the event that p waits for.
export function confirms(e: LiveEvent, p: Pending): boolean {
  const r = p.request
  if (e.seq <= p.seq) return false
  const mine = e.by?.seat === p.by
  switch (r.on) {
    case 'task':
      if (r.act === 'note') return mine && e.type === 'incident.note' && e.task_id === r.task && e.text === r.body.text
      if (e.task?.id !== r.task) return false
      if (r.act === 'assign') return e.type === 'task.reassigned' && e.task.seat === r.body.seat
      return e.type === TASK_EVENTS[r.act]
    case 'incident':
      return e.incident_id === r.incident && confirmsIncident(e, r.act, r.body, mine)
    case 'seat':
      if (e.seat !== r.seat) return false
      if (r.act === 'handover') return e.type === 'handover.opened' && e.handover?.note === r.body.note
      if (r.act === 'maintain') return e.type === 'seat.maintenance' && sameTime(e.maintenance?.until, r.body.until)
      if (r.act === 'maintain-end') return e.type === 'seat.maintenance' && !e.maintenance
      return e.type === (r.act === 'sign-on' ? 'seat.signed_on' : 'seat.signed_off')
    case 'handover':
      return e.type === 'handover.confirmed' && e.handover?.id === r.handover
    case 'roster':
      if (e.type !== 'roster.amended' || !e.amendment) return false
      return r.act === 'unamend' ? e.removed === true && e.amendment.id === r.amendment : !e.removed && asked(r.body, e.amendment)
    case 'swap':
      return e.type === 'roster.amended' && e.swap !== undefined && !e.removed && reached(r, e.swap)
  }
}

const sameTime = (a: string | undefined, b: string | undefined): boolean => a !== undefined && b !== undefined && Date.parse(a) === Date.parse(b)

// asked reports whether an amendment is the one that was asked for.
const asked = (b: Body, a: Amendment): boolean =>
  a.kind === b.kind && a.person === b.person && (b.kind === 'leave' || a.seat === b.seat) && sameTime(a.from, b.from) && sameTime(a.to, b.to)

const AFTER: Record<SwapStep, SwapState> = { accept: 'accepted', approve: 'approved', refuse: 'refused', withdraw: 'withdrawn' }

// reached reports whether a swap has come to where a request was to bring it.
function reached(r: Extract<Request, { on: 'swap' }>, s: Swap): boolean {
  if (r.act !== 'swap') return s.id === r.swap && s.state === AFTER[r.act]
  const { give } = r.body
  return s.state === 'asked' && s.with === r.body.with && give?.seat === s.give.seat && sameTime(give.from, s.give.from)
}

function confirmsIncident(e: LiveEvent, act: IncidentAct, b: Body, mine: boolean): boolean {
  switch (act) {
    case 'note': return mine && e.type === 'incident.note' && !e.task_id && e.text === b.text
    case 'assessments': return mine && e.type === 'incident.assessed' && e.text === b.text
    case 'report': return e.type === 'incident.reported' && e.rule === b.text
    case 'pass-up': case 'pass-down': return e.type === 'incident.passed' && e.to === b.level
    case 'support': return e.task?.department === b.department && (e.type === 'task.assigned' || e.type === 'task.unstaffed')
    case 'priority': return e.type === 'incident.priority' && e.priority === b.priority
    case 'verify': return e.type === 'incident.state' && e.state === 'closed'
    case 'cancel': return e.type === 'incident.state' && e.state === 'cancelled'
    case 'suspend': return e.type === 'incident.state' && e.state === 'suspended'
    case 'resume': return e.type === 'incident.state' && e.state !== 'suspended'
  }
}

// Picture is what the server's events and snapshots have made known.
export interface Picture {
  incident: (id: string) => Incident | undefined
  seat: (id: string) => Seat | undefined
  me: string // the officer's name
  amendments: readonly Amendment[] | undefined // undefined: not known
  swaps: readonly Swap[] | undefined
}

// shows reports whether the picture itself has what p asked for. Words that were written are not in it.
export function shows(picture: Picture, p: Pending): boolean {
  const r = p.request
  switch (r.on) {
    case 'task': {
      const t = picture.incident(r.incident)?.tasks.find((o) => o.id === r.task)
      if (!t) return false
      if (r.act === 'assign') return t.seat === r.body.seat && t.state === 'assigned'
      return REACHED[r.act]?.includes(t.state) ?? false
    }
    case 'incident': {
      const i = picture.incident(r.incident)
      if (!i) return false
      switch (r.act) {
        case 'priority': return i.priority === r.body.priority
        case 'pass-up': case 'pass-down': return i.level !== undefined && i.level === r.body.level
        case 'report': return i.reported?.includes(r.body.text ?? '') ?? false
        case 'suspend': return i.state === 'suspended'
        case 'resume': return i.state !== 'suspended'
        case 'support': return i.tasks.some((t) => t.department === r.body.department && t.state !== 'returned' && t.state !== 'cancelled' && t.state !== 'done')
        case 'verify': case 'cancel': return isFinalIncident(i.state)
      }
      return false
    }
    case 'seat': {
      const s = picture.seat(r.seat)
      if (r.act === 'sign-on') return s?.presence === 'present' && s.holder === picture.me
      if (r.act === 'sign-off') return s?.presence === 'absent'
      if (r.act === 'maintain') return sameTime(s?.maintenance?.until, r.body.until)
      if (r.act === 'maintain-end') return s !== undefined && !s.maintenance
      return false
    }
    case 'handover': {
      const s = picture.seat(r.seat)
      return s !== undefined && s.holder === picture.me && s.handover_id !== r.handover
    }
    case 'roster':
      if (r.act === 'unamend') return picture.amendments?.every((a) => a.id !== r.amendment) ?? false
      return picture.amendments?.some((a) => asked(r.body, a)) ?? false
    case 'swap':
      return picture.swaps?.some((s) => reached(r, s)) ?? false
  }
}

// settle divides what is pending by whether events or the picture confirm it. While a request is under way the
// picture decides nothing about it: what it shows may have been so before.
export function settle(list: readonly Pending[], events: readonly LiveEvent[], picture: Picture | undefined): { open: readonly Pending[]; confirmed: readonly Pending[] } {
  const confirmed = list.filter((p) => events.some((e) => confirms(e, p)) ||
    (picture !== undefined && (p.phase === 'answered' || p.unsure) && shows(picture, p)))
  if (confirmed.length === 0) return { open: list, confirmed }
  return { open: list.filter((p) => !confirmed.includes(p)), confirmed }
}

// onTask and onIncident find what is pending about something shown.
export const onTask = (list: readonly Pending[], task: string): readonly Pending[] =>
  list.filter((p) => p.request.on === 'task' && p.request.task === task && p.request.act !== 'note')

export const onIncident = (list: readonly Pending[], incident: string): readonly Pending[] =>
  list.filter((p) => (p.request.on === 'incident' || p.request.on === 'task') && p.request.incident === incident)
