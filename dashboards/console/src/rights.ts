// What a desk may ask for, as the engine rules it; the server decides, this only says which keys mean something. Pure.

import { isFinalIncident, isFinalTask } from '@banyan/live/protocol'
import type { Incident, Task, TaskState } from '@banyan/live/protocol'
import type { IncidentAct, TaskAct } from './pending.ts'
import { CENTRE, entitled, leadOf, leads } from './queue.ts'
import type { Desk } from './queue.ts'

const FROM: Partial<Record<TaskAct, readonly TaskState[]>> = {
  acknowledge: ['assigned', 'unstaffed'],
  depart: ['acknowledged'],
  arrive: ['acknowledged', 'en_route'],
  finish: ['acknowledged', 'en_route', 'on_scene'],
  return: ['assigned', 'unstaffed', 'acknowledged', 'en_route', 'on_scene'],
}

export function mayTask(d: Desk, i: Incident, t: Task | undefined, act: TaskAct): boolean {
  if (!t || isFinalTask(t.state) || isFinalIncident(i.state)) return false
  const speaks = leads(d, t.department)
  if (!speaks && !entitled(d, t)) return false
  if (act === 'note') return true
  if (i.state === 'suspended') return false
  return act === 'assign' ? speaks : (FROM[act]?.includes(t.state) ?? false)
}

const takesPart = (d: Desk, i: Incident): boolean =>
  d.department === CENTRE || i.tasks.some((t) => t.department === d.department || entitled(d, t))

export function mayIncident(d: Desk, i: Incident | undefined, act: IncidentAct): boolean {
  if (!i) return false
  const final = isFinalIncident(i.state)
  if (act === 'note' || act === 'assessments' || act === 'report') return takesPart(d, i)
  if (act === 'support') return takesPart(d, i) && !final && i.state !== 'suspended'
  if (final || (d.department !== CENTRE && leadOf(i)?.department !== d.department)) return false
  switch (act) {
    case 'verify': return i.state === 'verifying'
    case 'resume': return i.state === 'suspended'
    case 'suspend': case 'pass-up': case 'pass-down': return i.state !== 'suspended'
    case 'cancel': case 'priority': return true
  }
}
