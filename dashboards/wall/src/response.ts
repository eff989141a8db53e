// How fast P1 tasks are acknowledged, against the deadline their plans give.

import type { Incident, Priority } from '@banyan/live/protocol'
import type { Answer } from '@banyan/live/store'

export const WINDOW_MS = 3_600_000

export interface Response {
  count: number
  p90Ms: number // nine of ten were acknowledged within this
  inTime: number // share, 0 to 1
}

export function responseOf(answers: readonly Answer[], priority: Priority, nowMs: number): Response | undefined {
  const of = answers.filter((a) => a.priority === priority && a.at > nowMs - WINDOW_MS)
  if (of.length === 0) return undefined
  const took = of.map((a) => a.tookMs).sort((a, b) => a - b)
  return {
    count: of.length,
    p90Ms: took[Math.ceil(took.length * 0.9) - 1] ?? 0,
    inTime: of.filter((a) => a.inTime).length / of.length,
  }
}

// goalOf reads the acknowledge deadline from tasks that wait at the foot of their ladders: the wall is not told
// the plans. The shortest counts; undefined where no task shows one now.
export function goalOf(incidents: Iterable<Incident>, priority: Priority): number | undefined {
  let goal: number | undefined
  for (const i of incidents) {
    if (i.priority !== priority) continue
    for (const t of i.tasks) {
      if (t.state !== 'assigned' || t.step || !t.deadline) continue
      const within = Date.parse(t.deadline) - Date.parse(t.assigned_at)
      if (goal === undefined || within < goal) goal = within
    }
  }
  return goal
}
