import { describe, expect, it } from 'vitest'
import { after, all, arrange, FLOOD, FLOOD_MS, GROUP_LEAST, inFlood, keyOfRow, mine, taskFor, withSelected } from './queue.ts'
import type { Row } from './queue.ts'
import { AT, CENTRE_LEADER, FIRE_1, FIRE_LEADER, incident, iso, task, withTask } from './sample.ts'

const keys = (rows: readonly Row[]) => rows.map((r) => (r.kind === 'group' ? `[${r.group.items.length}]` : r.item.key))

describe('my queue', () => {
  it('is ordered by priority, then age, whatever the state', () => {
    const list = mine(FIRE_1, [
      withTask('young', { priority: 'P2', assigned_at: iso(50) }),
      withTask('old', { priority: 'P2', assigned_at: iso(10), state: 'acknowledged' }),
      withTask('p1', { priority: 'P1', assigned_at: iso(90) }),
      withTask('p4', { priority: 'P4', assigned_at: iso(0) }),
    ])
    expect(list.map((i) => i.key)).toEqual(['t-p1', 't-old', 't-young', 't-p4'])
    expect(list.map((i) => i.waiting)).toEqual([true, false, true, true])
  })

  it('has what lies at the seat or was brought before it, and nothing that is over', () => {
    const list = mine(FIRE_1, [
      withTask('other', { seat: 'fire-2' }),
      withTask('escalated', { seat: 'fire-2', escalated: ['fire-1'] }),
      withTask('done', { state: 'done' }),
      withTask('unstaffed', { state: 'unstaffed', seat: '' }),
      withTask('mine'),
    ])
    expect(list.map((i) => i.key).sort()).toEqual(['t-escalated', 't-mine'])
  })

  it('gives a leader what nobody of the department holds', () => {
    expect(mine(FIRE_LEADER, [withTask('u', { state: 'unstaffed', seat: '' }), withTask('p', { state: 'unstaffed', seat: '', department: 'police' })]).map((i) => i.key)).toEqual(['t-u'])
  })

  it('does not wait for what is suspended', () => {
    expect(mine(FIRE_1, [withTask('s', {}, { state: 'suspended' })]).map((i) => [i.key, i.waiting])).toEqual([['t-s', false]])
  })

  it('asks the leading seat and its leader to verify, nobody else', () => {
    const i = withTask('v', { state: 'done', finished_at: iso(60) }, { state: 'verifying' })
    expect(mine(FIRE_1, [i]).map((r) => [r.key, r.kind])).toEqual([['v', 'verify']])
    expect(mine(FIRE_LEADER, [i]).map((r) => r.kind)).toEqual(['verify'])
    expect(mine({ ...FIRE_1, seat: 'fire-2' }, [i])).toEqual([])
    expect(mine({ seat: 'police-leader', department: 'police', role: 'leader' }, [i])).toEqual([])
  })
})

describe('the task the keys act on', () => {
  const i = incident('i-1', { tasks: [
    task('t-1', { department: 'police', seat: 'police-1', role: 'lead' }),
    task('t-2', { seat: 'fire-2', role: 'support' }),
    task('t-3', { seat: 'fire-1', role: 'support', state: 'done' }),
  ] })
  it('is the one held, else one brought before the seat, else one of the department', () => {
    expect(taskFor({ ...FIRE_1, seat: 'fire-2' }, i)?.id).toBe('t-2')
    expect(taskFor(FIRE_LEADER, i)?.id).toBe('t-2')
    expect(taskFor({ ...FIRE_1, seat: 'fire-9' }, incident('i', { tasks: [task('t-4', { seat: 'x', escalated: ['fire-9'], department: 'gas' })] }))?.id).toBe('t-4')
    expect(taskFor(CENTRE_LEADER, i)).toBeUndefined()
  })
})

describe('a flood', () => {
  const many = (n: number, of: (k: number) => object = () => ({})) =>
    mine(FIRE_1, Array.from({ length: n }, (_, k) => withTask(String(k).padStart(3, '0'), { priority: 'P3', assigned_at: iso(k), ...of(k) })))

  it('is more than ten new tasks in ten minutes', () => {
    expect(inFlood(many(FLOOD), AT + 60_000)).toBe(false)
    expect(inFlood(many(FLOOD + 1), AT + 60_000)).toBe(true)
    expect(inFlood(many(FLOOD + 1), AT + FLOOD_MS + 60_000)).toBe(false)
  })

  it('gathers what is alike and near behind one row, but never a P1', () => {
    const items = many(6, (k) => ({ priority: k === 4 ? 'P1' : 'P3' }))
    expect(keys(arrange(items, true, new Set(), ''))).toEqual(['t-004', '[5]'])
    expect(keys(arrange(items, false, new Set(), ''))).toHaveLength(6)
  })

  it('leaves small groups and other places alone', () => {
    const items = mine(FIRE_1, [
      ...Array.from({ length: GROUP_LEAST }, (_, k) => withTask('a' + k, { priority: 'P3', assigned_at: iso(k) })),
      ...Array.from({ length: GROUP_LEAST - 1 }, (_, k) => withTask('b' + k, { priority: 'P3', assigned_at: iso(10 + k) }, { areas: ['350100', '350181'] })),
    ])
    expect(keys(arrange(items, true, new Set(), ''))).toEqual(['[3]', 't-b0', 't-b1'])
  })

  it('shows the selected one and, opened, all', () => {
    const items = many(5)
    expect(keys(arrange(items, true, new Set(), 't-002'))).toEqual(['[5]', 't-002'])
    const [group] = arrange(items, true, new Set(), '')
    if (!group) throw new Error('no rows')
    expect(keys(arrange(items, true, new Set([keyOfRow(group)]), ''))).toHaveLength(6)
  })
})

describe('the selection', () => {
  it('stays where it is when what was selected leaves the queue', () => {
    const items = mine(FIRE_1, [withTask('a', { assigned_at: iso(0) }), withTask('b', { assigned_at: iso(10) }), withTask('c', { assigned_at: iso(20) })])
    const b = items[1]
    const kept = withSelected(items.filter((i) => i !== b), b)
    expect(kept.map((i) => [i.key, i.ended])).toEqual([['t-a', false], ['t-b', true], ['t-c', false]])
    expect(kept[1]?.waiting).toBe(false)
    expect(withSelected(items, b)).toBe(items)
  })

  it('goes on to the most urgent that waits', () => {
    const items = mine(FIRE_1, [withTask('a', { assigned_at: iso(0), state: 'on_scene' }), withTask('b', { assigned_at: iso(10) }), withTask('c', { assigned_at: iso(20) })])
    expect(after(items, 't-a')).toBe('t-b')
    expect(after(items, 'gone')).toBe('t-b')
    expect(after(items.filter((i) => !i.waiting), 't-a')).toBe('')
  })
})

describe('all incidents', () => {
  it('wait while any department does', () => {
    const i = incident('x', { tasks: [task('1', { state: 'acknowledged' }), task('2', { department: 'police', seat: 'police-1' })] })
    expect(all(FIRE_1, [i]).map((r) => [r.key, r.kind, r.waiting, r.task?.id])).toEqual([['x', 'incident', true, '1']])
  })
})
