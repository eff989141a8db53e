// What incidents and tasks add to the counts. The rules are the server's: in priorities the unit is the
// incident, in departments the task; a suspended incident waits for nobody.

import { isFinalIncident, isFinalTask, isWaitingTask, PRIORITIES } from './protocol.ts'
import type { Incident, Load, Priority, Task } from './protocol.ts'

export const NOTHING: Load = { open: 0, unacknowledged: 0, overdue: 0 }

export function taskLoad(t: Task): Load {
  if (isFinalTask(t.state)) return NOTHING
  if (!isWaitingTask(t.state)) return { open: 1, unacknowledged: 0, overdue: 0 }
  return { open: 1, unacknowledged: 1, overdue: t.overdue ? 1 : 0 }
}

export function incidentLoad(i: Incident): Load {
  if (isFinalIncident(i.state) || i.state === 'suspended') return NOTHING
  let unacknowledged = 0
  let overdue = 0
  for (const t of i.tasks) {
    const l = taskLoad(t)
    unacknowledged = Math.max(unacknowledged, l.unacknowledged)
    overdue = Math.max(overdue, l.overdue)
  }
  return { open: 1, unacknowledged, overdue }
}

export function plus(a: Load, b: Load, sign: 1 | -1): Load {
  return {
    open: a.open + sign * b.open,
    unacknowledged: a.unacknowledged + sign * b.unacknowledged,
    overdue: a.overdue + sign * b.overdue,
  }
}

// Tally keeps counts up to date change by change: a change costs the tasks of one incident, not the city's.
// It is written to only by who made it.
export class Tally {
  readonly priorities: Record<Priority, Load>
  readonly departments: Map<string, Load>

  constructor(from?: Tally) {
    this.priorities = from ? { ...from.priorities } : { P1: NOTHING, P2: NOTHING, P3: NOTHING, P4: NOTHING }
    this.departments = new Map(from?.departments)
  }

  add(i: Incident, sign: 1 | -1): void {
    const p = this.priorities[i.priority]
    if (p) this.priorities[i.priority] = plus(p, incidentLoad(i), sign)
    for (const t of i.tasks) {
      const l = taskLoad(t)
      if (l !== NOTHING) this.departments.set(t.department, plus(this.departments.get(t.department) ?? NOTHING, l, sign))
    }
  }

  static of(incidents: Iterable<Incident>): Tally {
    const t = new Tally()
    for (const i of incidents) t.add(i, 1)
    return t
  }

  get total(): Load {
    return PRIORITIES.reduce((sum, p) => plus(sum, this.priorities[p], 1), NOTHING)
  }
}
