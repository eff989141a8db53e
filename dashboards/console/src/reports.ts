// Reports upward 信息报送: which are owed of an incident and by when, as the server reckons it. Pure.

import type { Incident, ReportRule } from '@banyan/live/protocol'

export interface Owed {
  rule: ReportRule
  dueMs: number
}

// owedOf returns what is still to be reported of an incident, soonest first.
export function owedOf(rules: readonly ReportRule[] | undefined, i: Incident): readonly Owed[] {
  if (i.state === 'cancelled') return [] // it was none
  return (rules ?? [])
    .filter((r) => r.types.includes(i.type) && r.priorities.includes(i.priority) && !i.reported?.includes(r.id))
    .map((rule) => ({ rule, dueMs: Date.parse(i.opened_at) + rule.within_seconds * 1_000 }))
    .sort((a, b) => a.dueMs - b.dueMs)
}
