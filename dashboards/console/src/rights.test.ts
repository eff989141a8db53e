import { describe, expect, it } from 'vitest'
import type { TaskState } from '@banyan/live/protocol'
import { mayIncident, mayTask } from './rights.ts'
import type { TaskAct } from './pending.ts'
import { CENTRE_LEADER, FIRE_1, FIRE_LEADER, incident, task } from './sample.ts'

const POLICE_1 = { seat: 'police-1', department: 'police', role: 'duty' as const }
const i = (state: TaskState, of = {}) => incident('i-1', { tasks: [task('t-1', { state })], ...of })

describe('a task', () => {
  const cases: [TaskState, readonly TaskAct[]][] = [
    ['assigned', ['acknowledge', 'return']], ['unstaffed', ['acknowledge', 'return']], ['acknowledged', ['depart', 'arrive', 'finish', 'return']],
    ['en_route', ['arrive', 'finish', 'return']], ['on_scene', ['finish', 'return']], ['done', []], ['returned', []], ['cancelled', []],
  ]
  it.each(cases)('that is %s', (state, possible) => {
    const acts: TaskAct[] = ['acknowledge', 'depart', 'arrive', 'finish', 'return']
    const inc = i(state)
    expect(acts.filter((a) => mayTask(FIRE_1, inc, inc.tasks[0], a))).toEqual(possible)
  })

  it('is of its seat, of who was asked instead, and of who leads', () => {
    const inc = i('assigned')
    const [t] = inc.tasks
    expect(mayTask({ ...FIRE_1, seat: 'fire-2' }, inc, t, 'acknowledge')).toBe(false)
    expect(mayTask({ ...FIRE_1, seat: 'fire-2' }, inc, task('t', { escalated: ['fire-2'] }), 'acknowledge')).toBe(true)
    expect([FIRE_LEADER, CENTRE_LEADER].map((d) => mayTask(d, inc, t, 'assign'))).toEqual([true, true])
    expect([FIRE_1, POLICE_1].map((d) => mayTask(d, inc, t, 'assign'))).toEqual([false, false])
  })

  it('of a suspended incident rests, but notes are taken', () => {
    const inc = i('assigned', { state: 'suspended' })
    expect([mayTask(FIRE_1, inc, inc.tasks[0], 'acknowledge'), mayTask(FIRE_1, inc, inc.tasks[0], 'note')]).toEqual([false, true])
  })
})

describe('an incident', () => {
  const two = incident('i-1', { tasks: [task('t-1'), task('t-2', { department: 'police', seat: 'police-1', role: 'support' })] })
  it('is judged by all who take part, moved by who leads', () => {
    expect(mayIncident(POLICE_1, two, 'assessments')).toBe(true)
    expect(mayIncident(POLICE_1, two, 'support')).toBe(true)
    expect(mayIncident(POLICE_1, two, 'priority')).toBe(false)
    expect(mayIncident(FIRE_1, two, 'priority')).toBe(true)
    expect(mayIncident(CENTRE_LEADER, two, 'cancel')).toBe(true)
    expect(mayIncident({ ...POLICE_1, department: 'gas', seat: 'gas-1' }, two, 'note')).toBe(false)
  })
  it('is verified when it waits for that, resumed when it rests', () => {
    expect(mayIncident(FIRE_1, two, 'verify')).toBe(false)
    expect(mayIncident(FIRE_1, { ...two, state: 'verifying' }, 'verify')).toBe(true)
    expect([mayIncident(FIRE_1, two, 'suspend'), mayIncident(FIRE_1, two, 'resume')]).toEqual([true, false])
    const resting = { ...two, state: 'suspended' as const }
    expect([mayIncident(FIRE_1, resting, 'suspend'), mayIncident(FIRE_1, resting, 'resume'), mayIncident(FIRE_1, resting, 'support')]).toEqual([false, true, false])
  })
  it('that has ended is only written about', () => {
    const over = { ...two, state: 'closed' as const }
    expect(mayIncident(FIRE_1, over, 'cancel')).toBe(false)
    expect(mayIncident(FIRE_1, over, 'note')).toBe(true)
  })
})
