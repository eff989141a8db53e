import { describe, expect, it } from 'vitest'
import { MUTES_MIN, nextMute, REPEAT_MS, ring, SILENT } from './alarm.ts'
import { mine } from './queue.ts'
import type { Task } from '@banyan/live/protocol'
import { AT, FIRE_1, iso, withTask } from './sample.ts'

const queue = (...tasks: (Partial<Task> & { id: string })[]) => mine(FIRE_1, tasks.map((t) => withTask(t.id, { ...t, id: 't-' + t.id })))

describe('the alarm', () => {
  it('sounds once for what is new, the most urgent of it', () => {
    const q = queue({ id: '1', priority: 'P3' }, { id: '2', priority: 'P2' })
    const first = ring(SILENT, q, AT, false, false)
    expect(first.sound).toBe('P2')
    expect(first.news).toHaveLength(2)
    expect(ring(first.alarm, q, AT + 60_000, false, false).sound).toBeUndefined()
  })

  it('repeats a P1 until it is acknowledged', () => {
    const q = queue({ id: '1', priority: 'P1' })
    let s = ring(SILENT, q, AT, false, false)
    expect(s.sound).toBe('P1')
    s = ring(s.alarm, q, AT + REPEAT_MS - 1, false, false)
    expect(s.sound).toBeUndefined()
    s = ring(s.alarm, q, AT + REPEAT_MS, false, false)
    expect(s.sound).toBe('P1')
    expect(ring(s.alarm, queue({ id: '1', priority: 'P1', state: 'acknowledged' }), AT + 3 * REPEAT_MS, false, false).sound).toBeUndefined()
  })

  it('sounds again for a task that comes back or becomes more urgent', () => {
    const s = ring(SILENT, queue({ id: '1', priority: 'P3' }), AT, false, false)
    expect(ring(s.alarm, queue({ id: '1', priority: 'P3', assigned_at: iso(99) }), AT + 99_000, false, false).sound).toBe('P3')
    expect(ring(s.alarm, queue({ id: '1', priority: 'P2' }), AT + 99_000, false, false).sound).toBe('P2')
  })

  it('is silent for what was there before somebody sat down, but not for a P1', () => {
    expect(ring(SILENT, queue({ id: '1', priority: 'P2' }), AT, false, true).sound).toBeUndefined()
    expect(ring(SILENT, queue({ id: '1', priority: 'P1' }), AT, false, true).sound).toBe('P1')
  })

  it('muted, is silent, and a P1 sounds as soon as the mute ends', () => {
    const q = queue({ id: '1', priority: 'P1' })
    const s = ring(SILENT, q, AT, true, false)
    expect(s.sound).toBeUndefined()
    expect(ring(s.alarm, q, AT + 1_000, false, false).sound).toBe('P1')
  })
})

it('a mute is for some minutes, then for more, then over', () => {
  const [short, long] = MUTES_MIN
  const first = nextMute(0, AT)
  expect(first - AT).toBe(short * 60_000)
  const second = nextMute(first, AT + 1_000)
  expect(second - AT - 1_000).toBe(long * 60_000)
  expect(nextMute(second, AT + 2_000)).toBe(0)
})
