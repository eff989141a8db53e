import { describe, expect, it } from 'vitest'
import { boardOf } from './board.ts'
import { AT, CENTRE_LEADER, FIRE_LEADER, iso, seat, withTask } from './sample.ts'

const SEATS = [seat('fire-1'), seat('fire-2', { presence: 'lost', on_duty: false }), seat('fire-3', { presence: 'absent' }), seat('police-1', { department: 'police' })]
const INCIDENTS = [
  withTask('1', { seat: 'fire-1', assigned_at: iso(30), overdue: true }),
  withTask('2', { seat: 'fire-1', assigned_at: iso(10), state: 'on_scene' }),
  withTask('3', { seat: '', state: 'unstaffed', assigned_at: iso(5), priority: 'P1' }),
  withTask('4', { seat: 'police-1', department: 'police' }),
  withTask('5', { seat: 'fire-1' }, { state: 'suspended' }),
  withTask('6', { seat: 'fire-1', state: 'done' }),
]

describe('the board', () => {
  const b = boardOf(FIRE_LEADER, SEATS, INCIDENTS, new Set(['fire-3', 'fire-1']))
  it('shows the department, what needs a look first', () => {
    expect(b.lines.map((l) => [l.seat.id, l.late])).toEqual([['fire-2', false], ['fire-3', true], ['fire-1', false]])
  })
  it('counts what waits and what is worked on, seat by seat', () => {
    const one = b.lines.find((l) => l.seat.id === 'fire-1')
    expect([one?.waiting, one?.open, one?.overdue, one?.oldestMs]).toEqual([1, 2, 1, AT + 30_000])
  })
  it('lists what nobody has acknowledged, unstaffed tasks too', () => {
    expect(b.unacknowledged.map((i) => i.key)).toEqual(['t-3', 't-1'])
  })
  it('of the centre shows every department', () => {
    const all = boardOf(CENTRE_LEADER, SEATS, INCIDENTS, new Set())
    expect(all.lines).toHaveLength(4)
    expect(all.unacknowledged.map((i) => i.key)).toEqual(['t-3', 't-4', 't-1'])
  })
})
