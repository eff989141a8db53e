import { describe, expect, it } from 'vitest'
import type { Incident, LiveEvent, Task } from './protocol.ts'
import { adopted, EMPTY, reduce } from './store.ts'

const AT = '2026-11-23T08:00:00Z'
const task = (change: Partial<Task> = {}): Task => ({ id: 't-1', incident_id: 'i-1', department: 'gas', role: 'support', seat: 'gas-1', state: 'assigned', priority: 'P1', assigned_at: AT, ...change })
const asked: Incident = { id: 'i-1', number: 'FZ-1', type: 'fire.building', state: 'handling', priority: 'P1', alert_count: 1, tasks: [task()], opened_at: AT, seq: 20 }
const event = (seq: number, type: string, change: Partial<LiveEvent> = {}): LiveEvent => ({ seq, at: AT, type, incident_id: 'i-1', ...change })

describe('an incident asked for later', () => {
  it('is brought up to date by what has come meanwhile, and by nothing older', () => {
    const s = adopted(EMPTY, asked, [
      event(19, 'task.unstaffed', { task: task({ state: 'unstaffed' }) }),
      event(21, 'task.acknowledged', { task: task({ state: 'acknowledged' }) }),
      event(22, 'incident.priority', { incident_id: 'i-2', priority: 'P4' }),
    ])
    expect(s.incidents.get('i-1')?.tasks.map((t) => t.state)).toEqual(['acknowledged'])
    expect(s.incidents.get('i-1')?.seq).toBe(21)
    expect(s.tally.departments.get('gas')).toEqual({ open: 1, unacknowledged: 0, overdue: 0 })
    expect(EMPTY.incidents.size).toBe(0)
  })
  it('that has ended, or is known by now, changes nothing', () => {
    expect(adopted(EMPTY, asked, [event(21, 'incident.state', { state: 'closed' })])).toBe(EMPTY)
    const known = adopted(EMPTY, asked, [])
    expect(adopted(known, { ...asked, priority: 'P4' }, [])).toBe(known)
  })
})

describe('a handover', () => {
  it('puts the incoming officer on what was acknowledged, and on nothing else', () => {
    const before = reduce(EMPTY, [{
      op: 'snapshot', epoch: 1, seq: 20, seats: [], server_time: AT, reason: 'subscribed',
      incidents: [{ ...asked, tasks: [task({ state: 'on_scene', officer: '陈志强' }), task({ id: 't-2' }), task({ id: 't-3', officer: '王五' })] }],
    }]).store
    const { store } = reduce(before, [{ op: 'events', epoch: 1, from: 21, to: 21, events: [{
      seq: 21, at: AT, type: 'handover.confirmed', seat: 'gas-1',
      handover: { id: 'h-1', seat: 'gas-1', from: '陈志强', note: 'n', opened_at: AT, to: '林国华', tasks: ['t-1', 't-2'].map((id) => ({ task: id, incident: 'i-1', number: 'FZ-1', type: 'x', priority: 'P1' as const, state: 'on_scene' as const, assigned_at: AT })) },
    }] }])
    expect(store.incidents.get('i-1')?.tasks.map((t) => t.officer)).toEqual(['林国华', undefined, '王五'])
    expect(before.incidents.get('i-1')?.tasks[0]?.officer).toBe('陈志强')
  })
})
