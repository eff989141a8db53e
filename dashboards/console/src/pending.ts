// What was sent and not yet confirmed. Confirmed means that the server's event has come, or that a picture made of
// its events shows what was asked for; an answer to the request alone confirms nothing. Pure.

import { isFinalIncident } from '@banyan/live/protocol'
import type { Incident, LiveEvent, Priority, Seat, TaskState } from '@banyan/live/protocol'

export type TaskAct = 'acknowledge' | 'depart' | 'arrive' | 'finish' | 'return' | 'assign' | 'note'
export type IncidentAct = 'verify' | 'cancel' | 'suspend' | 'resume' | 'priority' | 'support' | 'assessments' | 'note'
export type DutyAct = 'sign-on' | 'sign-off' | 'handover' | 'confirm'

export interface Body {
  reason?: string
  seat?: string
  department?: string
  priority?: Priority
  text?: string
  note?: string
}

// Request is one thing asked of the server.
export type Request =
  | { on: 'task'; act: TaskAct; task: string; incident: string; body: Body }
  | { on: 'incident'; act: IncidentAct; incident: string; body: Body }
  | { on: 'seat'; act: 'sign-on' | 'sign-off' | 'handover'; seat: string; body: Body }
  | { on: 'handover'; act: 'confirm'; handover: string; seat: string; body: Body }

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
    case 'incident': return `incident/${r.incident}/${r.act}`
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
      return e.type === (r.act === 'sign-on' ? 'seat.signed_on' : 'seat.signed_off')
    case 'handover':
      return e.type === 'handover.confirmed' && e.handover?.id === r.handover
  }
}

function confirmsIncident(e: LiveEvent, act: IncidentAct, b: Body, mine: boolean): boolean {
  switch (act) {
    case 'note': return mine && e.type === 'incident.note' && !e.task_id && e.text === b.text
    case 'assessments': return mine && e.type === 'incident.assessed' && e.text === b.text
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
      return false
    }
    case 'handover': {
      const s = picture.seat(r.seat)
      return s !== undefined && s.holder === picture.me && s.handover_id !== r.handover
    }
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
