// Incidents and tasks for tests.

import type { Incident, LiveEvent, Seat, Task } from '@banyan/live/protocol'
import type { Desk } from './queue.ts'

export const AT = Date.parse('2026-11-23T08:00:00Z')
export const iso = (afterS = 0): string => new Date(AT + afterS * 1_000).toISOString()

export const task = (id: string, change: Partial<Task> = {}): Task => ({
  id, incident_id: 'i-1', department: 'fire', role: 'lead', seat: 'fire-1', state: 'assigned', priority: 'P2', assigned_at: iso(), ...change,
})

export const incident = (id: string, change: Partial<Incident> = {}): Incident => ({
  id, number: 'FZ-' + id, type: 'fire.building', state: 'open', priority: 'P2', alert_count: 1, tasks: [], areas: ['350100', '350102'], opened_at: iso(), seq: 1, ...change,
})

// withTask is an incident with one task.
export const withTask = (id: string, change: Partial<Task> = {}, of: Partial<Incident> = {}): Incident => {
  const t = task('t-' + id, { incident_id: id, ...change })
  return incident(id, { priority: t.priority, tasks: [t], ...of })
}

export const seat = (id: string, change: Partial<Seat> = {}): Seat =>
  ({ id, department: 'fire', name: id, role: 'duty', holder: '陈志强', presence: 'present', on_duty: true, ...change })

export const event = (seq: number, type: string, change: Partial<LiveEvent> = {}): LiveEvent => ({ seq, at: iso(), type, ...change })

export const FIRE_1: Desk = { seat: 'fire-1', department: 'fire', role: 'duty' }
export const FIRE_LEADER: Desk = { seat: 'fire-leader', department: 'fire', role: 'leader' }
export const CENTRE_LEADER: Desk = { seat: 'centre-leader', department: 'centre', role: 'leader' }
