import { describe, expect, it } from 'vitest'
import { Tally } from './load.ts'
import type { Incident, LiveEvent, StateFrame, Task } from './protocol.ts'
import { detached, EMPTY, MAX_ANSWERS, reduce } from './store.ts'
import type { Store } from './store.ts'

const AT = '2026-11-23T08:00:00.000000Z'

function task(n: string, change: Partial<Task> = {}): Task {
  return { id: 't-' + n, incident_id: 'i-1', department: 'fire', role: 'lead', seat: 'fire-1', state: 'assigned', priority: 'P1', assigned_at: AT, ...change }
}

function incident(id: string, change: Partial<Incident> = {}): Incident {
  return { id, number: 'FZ-' + id, type: 'fire.building', state: 'open', priority: 'P1', alert_count: 1, tasks: [], opened_at: AT, seq: 1, ...change }
}

const snapshot = (seq: number, incidents: Incident[], epoch = 1): StateFrame =>
  ({ op: 'snapshot', epoch, seq, incidents, seats: [], counts: { priorities: {}, departments: [], today: { alerts: 9, incidents: 8, closed: 7 } }, server_time: AT, reason: 'subscribed' })

const events = (from: number, list: Omit<LiveEvent, 'seq' | 'at'>[], epoch = 1, to = from + list.length - 1): StateFrame =>
  ({ op: 'events', epoch, from, to, events: list.map((e, n) => ({ seq: from + n, at: AT, ...e })) })

const heartbeat = (seq: number, epoch = 1): StateFrame => ({ op: 'heartbeat', epoch, seq, server_time: AT })

const after = (s: Store, ...frames: StateFrame[]) => reduce(s, frames)
const fresh = (...incidents: Incident[]) => after(EMPTY, snapshot(10, incidents)).store

describe('a snapshot', () => {
  it('replaces everything, and leaves out what has ended', () => {
    const first = fresh(incident('i-1'), incident('i-2'))
    const { store, need } = after(first, snapshot(50, [incident('i-3'), incident('i-4', { state: 'closed' })], 2))
    expect(need).toBe('nothing')
    expect([...store.incidents.keys()]).toEqual(['i-3'])
    expect([store.epoch, store.seq, store.adrift]).toEqual([2, 50, false])
    expect(store.tally.priorities.P1.open).toBe(1)
    expect(store.today).toEqual({ alerts: 9, incidents: 8, closed: 7 })
  })
  it('takes a missing list of tasks for an empty one', () => {
    const bare = { ...incident('i-1') } as Partial<Incident>
    delete bare.tasks
    expect(fresh(bare as Incident).incidents.get('i-1')?.tasks).toEqual([])
  })
})

describe('events', () => {
  it('are applied without touching the store they are applied to', () => {
    const before = fresh(incident('i-1', { tasks: [task('1')] }))
    const copy = structuredClone([...before.incidents])
    const { store } = after(before, events(11, [{ type: 'task.acknowledged', incident_id: 'i-1', task: task('1', { state: 'acknowledged', acknowledged_at: AT }) }]))
    expect([...before.incidents]).toEqual(copy)
    expect(before.tally.priorities.P1.unacknowledged).toBe(1)
    expect(store.tally.priorities.P1.unacknowledged).toBe(0)
    expect(store.seq).toBe(11)
  })
  it('bring a warning its level and area: an update changes both, a further alert the level and an area where there was none', () => {
    const warning = (type: string, alert: object) => ({ type, incident_id: 'i-1', alert: { alert_id: 'a', source: 's', id: '1', type: 'x', occurred_at: AT, ...alert } })
    const of = (s: Store) => [s.incidents.get('i-1')?.warning_level, s.incidents.get('i-1')?.cover?.cells]
    let s = after(fresh(incident('i-1')), events(11, [warning('alert.attached', { warning_level: 'yellow', cover: { cells: ['1'] } })])).store
    expect(of(s)).toEqual(['yellow', ['1']])
    s = after(s, events(12, [warning('alert.attached', { warning_level: 'orange', cover: { cells: ['2'] } })])).store
    expect(of(s)).toEqual(['orange', ['1']])
    s = after(s, events(13, [warning('alert.updated', { warning_level: 'red', cover: { cells: ['3'] } })])).store
    expect(of(s)).toEqual(['red', ['3']])
    s = after(s, events(14, [warning('alert.updated', {})])).store
    expect(of(s)).toEqual(['red', ['3']])
  })
  it('pass an incident between levels; an update of its source moves it, a further report only where nothing is known', () => {
    const told = (type: string, level: string) => ({ type, incident_id: 'i-1', alert: { alert_id: 'a', source: 's', id: '1', type: 'x', occurred_at: AT, level } }) as Omit<LiveEvent, 'seq' | 'at'>
    let s = after(fresh(incident('i-1')), events(11, [told('alert.attached', 'street')])).store
    const levels = [s.incidents.get('i-1')?.level]
    for (const [n, e] of [{ type: 'incident.passed', incident_id: 'i-1', from: 'street', to: 'district' }, told('alert.attached', 'grid'), told('alert.updated', 'community')].entries()) {
      s = after(s, events(12 + n, [e])).store
      levels.push(s.incidents.get('i-1')?.level)
    }
    expect(levels).toEqual(['street', 'district', 'district', 'community'])
  })
  it('open, change and end an incident', () => {
    let s = fresh()
    s = after(s, events(11, [
      { type: 'incident.opened', incident: incident('i-1') },
      { type: 'task.assigned', incident_id: 'i-1', task: task('1') },
      { type: 'alert.attached', incident_id: 'i-1', alert_count: 2, last_occurred_at: AT },
      { type: 'incident.priority', incident_id: 'i-1', priority: 'P2' },
      { type: 'incident.state', incident_id: 'i-1', state: 'handling' },
    ])).store
    const i = s.incidents.get('i-1')
    expect(i).toMatchObject({ alert_count: 2, priority: 'P2', state: 'handling', seq: 15 })
    expect(i?.tasks).toEqual([task('1', { priority: 'P2' })])
    expect(s.tally.priorities.P1.open).toBe(0)
    expect(s.tally.priorities.P2).toEqual({ open: 1, unacknowledged: 1, overdue: 0 })
    expect(s.today).toEqual({ alerts: 11, incidents: 9, closed: 7 })
    s = after(s, events(16, [{ type: 'incident.state', incident_id: 'i-1', state: 'cancelled' }])).store
    expect(s.incidents.size).toBe(0)
    expect(s.tally.total).toEqual({ open: 0, unacknowledged: 0, overdue: 0 })
    expect(s.tally.departments.get('fire')).toEqual({ open: 0, unacknowledged: 0, overdue: 0 })
    expect(s.today.closed).toBe(8)
  })
  it('says which reports upward were made, each once', () => {
    const made = { type: 'incident.reported', incident_id: 'i-1', rule: 'phone' }
    const s = after(fresh(incident('i-1')), events(11, [made, made, { ...made, rule: 'written' }])).store
    expect(s.incidents.get('i-1')?.reported).toEqual(['phone', 'written'])
  })
  it('learns what its sources take back or change, and that it is confirmed', () => {
    const s = after(fresh(), events(11, [
      { type: 'incident.opened', incident: { ...incident('i-1'), unconfirmed: { source: 'citizen' } } },
      { type: 'alert.attached', incident_id: 'i-1', alert_count: 2, folded_count: 1 },
      { type: 'alert.updated', incident_id: 'i-1', incident_type: 'fire.vehicle', last_occurred_at: AT, cancelled_count: 0 },
      { type: 'alert.cancelled', incident_id: 'i-1', cancelled_count: 1 },
    ])).store
    expect(s.incidents.get('i-1')).toMatchObject({ type: 'fire.vehicle', cancelled_count: 1, folded_count: 1, unconfirmed: { source: 'citizen' } })
    const sure = after(s, events(15, [{ type: 'incident.confirmed', incident_id: 'i-1' }])).store.incidents.get('i-1')
    expect(sure).not.toHaveProperty('unconfirmed')
  })
  it('counts changes of the roster and keeps gaps that are told of', () => {
    const gap = { seat: 'fire-1', department: 'fire', from: AT }
    const s = after(fresh(), events(11, [{ type: 'roster.gap', seat: 'fire-1', gap }, { type: 'roster.amended', seat: 'fire-1' }])).store
    expect([s.gaps, s.amended - fresh().amended]).toEqual([{ list: [gap], total: 1 }, 1])
  })
  it('give finished tasks no new priority', () => {
    const done = task('1', { state: 'done' })
    const s = after(fresh(incident('i-1', { tasks: [done] })), events(11, [{ type: 'incident.priority', incident_id: 'i-1', priority: 'P3' }])).store
    expect(s.incidents.get('i-1')?.tasks[0]).toEqual(done)
  })
  it('about an incident that has ended change nothing but the position', () => {
    const s = after(fresh(), events(11, [{ type: 'task.done', incident_id: 'i-9', task: task('1') }])).store
    expect([s.incidents.size, s.seq, s.tally.departments.size]).toEqual([0, 11, 0])
  })
  it('keep a suspended incident but count it nowhere among the open', () => {
    const s = after(fresh(incident('i-1', { tasks: [task('1')] })), events(11, [{ type: 'incident.state', incident_id: 'i-1', state: 'suspended' }])).store
    expect(s.incidents.size).toBe(1)
    expect(s.tally.priorities.P1.open).toBe(0)
  })
  it('begin a new day at nothing', () => {
    const s = after(fresh(), events(11, [{ type: 'incident.opened', incident: incident('i-1'), day: '2026-11-24' }])).store
    expect(s.today).toEqual({ day: '2026-11-24', alerts: 1, incidents: 1, closed: 0 })
  })
  it('say when the configuration has changed', () => {
    expect(after(fresh(), events(11, [{ type: 'config.loaded' }])).store.configs).toBe(1)
  })
  it('cover sequences that are not shown', () => {
    const { store, need } = after(fresh(), events(11, [], 1, 20), heartbeat(20))
    expect([store.seq, need]).toEqual([20, 'nothing'])
  })
})

describe('what was missed', () => {
  const opened = { type: 'incident.opened', incident: incident('i-1') }
  it('is noticed by a gap, and nothing is applied until it is mended', () => {
    const { store, need } = after(fresh(), events(12, [opened]), events(13, [opened]))
    expect(need).toBe('resume')
    expect([store.adrift, store.seq, store.incidents.size]).toEqual([true, 10, 0])
    const mended = after(store, { op: 'resumed', epoch: 1, seq: 10 }, events(11, [opened, { type: 'config.loaded' }, { type: 'config.loaded' }]))
    expect(mended.need).toBe('nothing')
    expect([mended.store.adrift, mended.store.seq, mended.store.incidents.size]).toEqual([false, 13, 1])
  })
  it('is noticed by a heartbeat that is further on', () => {
    const { store, need } = after(fresh(), heartbeat(11))
    expect([need, store.adrift]).toEqual(['resume', true])
  })
  it('is nothing when a heartbeat agrees', () => {
    const s = fresh()
    expect(after(s, heartbeat(10))).toEqual({ store: s, need: 'nothing' })
  })
  it('is none when the next leader goes on', () => {
    const { store, need } = after(fresh(), events(11, [opened], 2), heartbeat(11, 2))
    expect([need, store.adrift, store.epoch, store.seq, store.incidents.size]).toEqual(['nothing', false, 2, 11, 1])
    expect(after(fresh(), events(12, [opened], 2)).need).toBe('resume')
    expect(after(fresh(), heartbeat(11, 2)).need).toBe('resume')
  })
  it('calls for a snapshot when the history is another', () => {
    expect(after(fresh(), events(10, [opened], 2)).need).toBe('snapshot')
    expect(after(fresh(), heartbeat(10, 2)).need).toBe('snapshot')
    expect(after(after(fresh(), events(11, [opened], 2)).store, events(12, [opened], 1)).need).toBe('snapshot')
    expect(after(fresh(), { op: 'resumed', epoch: 2, seq: 10 }).need).toBe('snapshot')
    expect(after(fresh(), { op: 'resumed', epoch: 1, seq: 9 }).need).toBe('snapshot')
  })
  it('is mended by a snapshot in the same breath', () => {
    const { store, need } = after(fresh(), events(12, [opened]), snapshot(12, [incident('i-7')]))
    expect([need, store.adrift, store.seq]).toEqual(['nothing', false, 12])
  })
  it('twice told is told once', () => {
    const s = after(fresh(), events(11, [opened])).store
    expect(after(s, events(11, [opened])).store).toBe(s)
    const overlapping = after(s, events(11, [opened, { type: 'alert.attached', incident_id: 'i-1', alert_count: 2 }])).store
    expect([overlapping.seq, overlapping.today.incidents, overlapping.incidents.get('i-1')?.alert_count]).toEqual([12, 9, 2])
  })
  it('is possible once the connection is lost: nothing is applied before the server has answered', () => {
    const s = detached(fresh())
    const { store } = after(s, events(11, [opened]), heartbeat(40))
    expect(store).toBe(s)
    expect(detached(s)).toBe(s)
  })
})

describe('acknowledgements', () => {
  const acked = (n: string, seconds: number, change: Partial<Task> = {}) =>
    task(n, { state: 'acknowledged', acknowledged_at: new Date(Date.parse(AT) + seconds * 1000).toISOString(), ...change })
  it('are measured once each, from snapshot and events alike', () => {
    let s = fresh(incident('i-1', { tasks: [acked('1', 12)] }))
    s = after(s, events(11, [
      { type: 'task.assigned', incident_id: 'i-1', task: task('2') },
      { type: 'task.acknowledged', incident_id: 'i-1', task: acked('2', 40, { overdue: true }) },
      { type: 'task.on_scene', incident_id: 'i-1', task: acked('2', 40, { overdue: true, state: 'on_scene' }) },
    ])).store
    const want = [{ tookMs: 12_000, inTime: true }, { tookMs: 40_000, inTime: false }]
    expect(s.answers).toMatchObject(want)
    const again = after(s, snapshot(20, [...s.incidents.values()])).store
    expect(again.answers).toMatchObject(want)
  })
  it('are bounded in number', () => {
    const tasks = Array.from({ length: MAX_ANSWERS + 5 }, (_, n) => acked(String(n), n + 1))
    let s = fresh(incident('i-1', { tasks }))
    expect(s.answers.length).toBe(MAX_ANSWERS)
    s = after(s, events(11, [{ type: 'task.acknowledged', incident_id: 'i-1', task: acked('x', 90_000) }])).store
    expect(s.answers.length).toBe(MAX_ANSWERS)
    expect(s.answers.at(-1)?.tookMs).toBe(90_000_000)
  })
})

// A small generator (mulberry32), so that a failure can be had again from its seed.
function chance(seed: number): (n: number) => number {
  let a = seed
  return (n) => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
}

function randomEvent(pick: (n: number) => number): Omit<LiveEvent, 'seq' | 'at'> {
  const id = 'i-' + pick(8)
  const states = ['unstaffed', 'assigned', 'acknowledged', 'en_route', 'on_scene', 'done', 'returned', 'cancelled'] as const
  const ends = ['open', 'handling', 'verifying', 'suspended', 'closed', 'cancelled'] as const
  const priority = (['P1', 'P2', 'P3', 'P4'] as const)[pick(4)] ?? 'P1'
  switch (pick(5)) {
    case 0: return { type: 'incident.opened', incident: incident(id, { priority }) }
    case 1: return { type: 'incident.state', incident_id: id, state: ends[pick(ends.length)] ?? 'open' }
    case 2: return { type: 'incident.priority', incident_id: id, priority }
    default: {
      const t = task(`${id}-${pick(3)}`, { incident_id: id, department: 'd' + pick(3), state: states[pick(states.length)] ?? 'assigned', overdue: pick(2) === 0 })
      return { type: 'task.deadline_changed', incident_id: id, task: t }
    }
  }
}

describe('counts kept change by change', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('equal counts made from the whole map, seed %i', (seed) => {
    const pick = chance(seed)
    let s = fresh()
    for (let n = 0; n < 400; n++) {
      s = after(s, events(s.seq + 1, Array.from({ length: 1 + pick(4) }, () => randomEvent(pick)))).store
      const whole = Tally.of(s.incidents.values())
      expect(s.tally.priorities).toEqual(whole.priorities)
      for (const [d, l] of s.tally.departments) expect(l, d).toEqual(whole.departments.get(d) ?? { open: 0, unacknowledged: 0, overdue: 0 })
    }
  })
  it.each([11, 12, 13])('do not depend on how frames are gathered, seed %i', (seed) => {
    const pick = chance(seed)
    const frames: StateFrame[] = []
    for (let n = 0; n < 200; n++) frames.push(events(11 + n, [randomEvent(pick)]))
    const one = frames.reduce((s, f) => after(s, f).store, fresh())
    const all = after(fresh(), ...frames).store
    expect([...all.incidents]).toEqual([...one.incidents])
    expect(all.tally).toEqual(one.tally)
    expect(all.today).toEqual(one.today)
  })
})
