import { describe, expect, it } from 'vitest'
import type { Incident, Priority, Task } from '@banyan/live/protocol'
import { entryOf, fit, leftOut, urgent } from './queue.ts'
import type { Room } from './queue.ts'

const at = (s: number) => new Date(Date.UTC(2026, 10, 23, 8, 0, s)).toISOString()

function incident(id: string, priority: Priority, how: 'handled' | 'waiting' | 'overdue' = 'handled', opened = 0, change: Partial<Incident> = {}): Incident {
  const t: Task = {
    id: 't-' + id, incident_id: id, department: 'fire', role: 'lead', priority, assigned_at: at(opened),
    state: how === 'handled' ? 'acknowledged' : 'assigned', overdue: how === 'overdue',
  }
  return { id, number: id, type: 'x', state: 'open', priority, alert_count: 1, tasks: [t], opened_at: at(opened), seq: 1, ...change }
}

const ids = (list: readonly { incident: Incident }[]) => list.map((e) => e.incident.id)

describe('urgent', () => {
  it('puts priority first, then overdue, then unacknowledged, then the longest open', () => {
    const list = [
      incident('p4-overdue', 'P4', 'overdue'), incident('p1-new', 'P1', 'handled', 9), incident('p1-old', 'P1', 'handled', 1),
      incident('p1-waiting', 'P1', 'waiting', 20), incident('p1-overdue', 'P1', 'overdue', 30), incident('p2', 'P2', 'overdue'),
    ]
    expect(ids(urgent(list))).toEqual(['p1-overdue', 'p1-waiting', 'p1-old', 'p1-new', 'p2', 'p4-overdue'])
  })
  it('leaves out what is suspended, and orders equals by id', () => {
    expect(ids(urgent([incident('b', 'P2'), incident('a', 'P2'), incident('c', 'P1', 'overdue', 0, { state: 'suspended' })]))).toEqual(['a', 'b'])
  })
})

describe('entryOf', () => {
  it('takes the latest lead, the earliest deadline of what waits, and says when nobody holds a task', () => {
    const base = { incident_id: 'i', department: 'fire', priority: 'P1', assigned_at: at(0) } as const
    const e = entryOf(incident('i', 'P1', 'handled', 0, {
      tasks: [
        { ...base, id: '1', role: 'lead', state: 'returned' },
        { ...base, id: '2', role: 'support', state: 'assigned', deadline: at(40) },
        { ...base, id: '3', role: 'support', state: 'unstaffed', deadline: at(30) },
        { ...base, id: '4', role: 'lead', state: 'acknowledged', deadline: at(5) },
        { ...base, id: '5', role: 'support', state: 'done' },
      ],
    }))
    expect(e).toMatchObject({ supports: 2, deadlineMs: Date.parse(at(30)), unstaffed: true, unacknowledged: true })
    expect(e.lead?.id).toBe('4')
  })
})

const ROOM: Room = { height: 20, columns: 1, row: 2.75, line: 1.5, linesAcross: 2, chipsAcross: 4 }
const many = (n: number, priority: Priority, how: 'handled' | 'waiting' | 'overdue', from = 0) =>
  Array.from({ length: n }, (_, k) => incident(`${priority}-${how}-${from + k}`, priority, how, k % 60))

// heightOf is how much of the room a fit takes.
const heightOf = (f: ReturnType<typeof fit>, room: Room) =>
  Math.ceil(f.rows.length / room.columns) * room.row + Math.ceil(f.strip.length / (f.chips ? room.chipsAcross : room.linesAcross)) * room.line + (f.left.length > 0 ? room.line : 0)

describe('fit', () => {
  it('gives everything a row where there is room', () => {
    const f = fit(urgent(many(7, 'P2', 'waiting')), ROOM)
    expect([f.rows.length, f.strip.length, f.left.length]).toEqual([7, 0, 0])
  })
  it('keeps a line to say what is left out', () => {
    const f = fit(urgent(many(8, 'P2', 'waiting')), ROOM)
    expect([f.rows.length, f.strip.length, f.left.length]).toEqual([6, 0, 2])
  })
  it('moves P1s that are being handled to a strip, so that what waits keeps its rows', () => {
    const f = fit(urgent([...many(8, 'P1', 'handled'), ...many(1, 'P1', 'waiting'), ...many(9, 'P2', 'overdue')]), ROOM)
    expect(ids(f.rows).slice(0, 2)).toEqual(['P1-waiting-0', 'P2-overdue-0'])
    expect(f.strip.length).toBe(8)
    expect(f.chips).toBe(false)
  })
  it('lists P1s that wait before those that are handled, in rows and then in the strip', () => {
    const f = fit(urgent([...many(30, 'P1', 'waiting'), ...many(5, 'P1', 'handled')]), ROOM)
    const waits = [...f.rows, ...f.strip].map((e) => e.unacknowledged)
    expect(waits).toEqual([...Array(30).fill(true), ...Array(5).fill(false)])
    expect(f.chips).toBe(true)
  })
  it('never leaves out a P1 before the strip has taken the whole height', () => {
    const f = fit(urgent([...many(60, 'P1', 'waiting'), ...many(20, 'P1', 'handled'), ...many(5, 'P2', 'overdue')]), ROOM)
    expect(f.rows).toEqual([])
    expect(f.strip.length).toBe(12 * 4)
    expect(f.strip.every((e) => e.unacknowledged)).toBe(true)
    expect(f.left.length).toBe(80 + 5 - 48)
  })
  it('keeps rows for what waits where handled P1s alone are more than chips can hold', () => {
    const f = fit(urgent([...many(3, 'P1', 'waiting'), ...many(130, 'P1', 'handled')]), ROOM)
    expect(ids(f.rows)).toEqual(['P1-waiting-0', 'P1-waiting-1', 'P1-waiting-2'])
    expect(f.chips).toBe(true)
    expect(f.left.every((e) => !e.unacknowledged)).toBe(true)
  })
  it('shows nothing where there is no room at all', () => {
    expect(fit(urgent(many(3, 'P1', 'waiting')), { ...ROOM, height: 0 }).left.length).toBe(3)
  })
  it('loses and doubles nothing, overflows nowhere, and leaves out no P1 that a smaller form would show', () => {
    for (const columns of [1, 2]) {
      const room = { ...ROOM, columns, linesAcross: columns * 2, chipsAcross: columns * 4 }
      for (const [waiting, handled, others] of [[0, 0, 0], [1, 0, 30], [3, 3, 3], [0, 12, 40], [5, 20, 9], [20, 0, 0], [9, 39, 7], [100, 3, 1], [3, 300, 60], [0, 47, 2]] as const) {
        const entries = urgent([...many(waiting, 'P1', 'waiting'), ...many(handled, 'P1', 'handled'), ...many(others, 'P3', 'waiting')])
        const f = fit(entries, room)
        const what = `${columns} columns, ${waiting} waiting, ${handled} handled, ${others} others`
        expect([...ids(f.rows), ...ids(f.strip), ...ids(f.left)].sort(), what).toEqual(ids(entries).sort())
        expect(heightOf(f, room), what).toBeLessThanOrEqual(room.height)
        const chips = Math.floor((room.height - room.line) / room.line) * room.chipsAcross
        const left = f.left.filter((e) => e.incident.priority === 'P1')
        if (waiting + handled <= chips) expect(left.length, what).toBe(0)
        const leftWaiting = left.filter((e) => e.unacknowledged).length
        expect(leftWaiting, what).toBe(Math.max(0, waiting - chips))
        if (leftWaiting > 0) expect(f.strip.every((e) => e.unacknowledged), what).toBe(true)
      }
    }
  })
})

describe('leftOut', () => {
  it('counts by level', () => {
    expect(leftOut(urgent([...many(2, 'P2', 'overdue'), ...many(1, 'P4', 'handled')]))).toEqual({
      P2: { open: 2, unacknowledged: 2, overdue: 2 }, P4: { open: 1, unacknowledged: 0, overdue: 0 },
    })
  })
})
