// How fast tasks of a priority are acknowledged, against the city's objective.

import type { Objective, Priority } from '@banyan/live/protocol'
import type { Answer } from '@banyan/live/store'

export const WINDOW_MS = 3_600_000
const USUAL_SHARE = 0.9 // where nothing is asked

export interface Goal {
  withinMs: number
  share: number // that is to be within it, above 0, below 1
}

export interface Response {
  count: number
  share: number // of all, that were acknowledged within
  tookMs: number
  met: number // share within the goal, or within their plans' deadlines where there is none; 0 to 1
}

export function responseOf(answers: readonly Answer[], priority: Priority, nowMs: number, goal?: Goal): Response | undefined {
  const of = answers.filter((a) => a.priority === priority && a.at > nowMs - WINDOW_MS)
  if (of.length === 0) return undefined
  const share = goal?.share ?? USUAL_SHARE
  const took = of.map((a) => a.tookMs).sort((a, b) => a - b)
  return {
    count: of.length, share,
    tookMs: took[Math.ceil(took.length * share) - 1] ?? 0,
    met: of.filter((a) => (goal ? a.tookMs <= goal.withinMs : a.inTime)).length / of.length,
  }
}

// goalOf is what the city asks of acknowledging a priority, whatever the department and the class: by its own
// objective, else by one for all priorities.
export function goalOf(objectives: readonly Objective[], priority: Priority): Goal | undefined {
  const all = objectives.filter((o) => o.stage === 'acknowledged' && !o.department && !o.class)
  const o = all.find((x) => x.priority === priority) ?? all.find((x) => !x.priority)
  return o && { withinMs: o.within_seconds * 1_000, share: o.share }
}

// missed says that fewer than the goal's share were within its time.
export const missed = (r: Response, goal: Goal | undefined): boolean => goal !== undefined && r.met < goal.share
