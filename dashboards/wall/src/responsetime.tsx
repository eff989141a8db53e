import { computed } from '@preact/signals'
import { goalOf, responseOf } from './response.ts'
import { serverNow, store, text } from './state.ts'

let lastGoal: number | undefined
// Both look at everything, so they are worked out with the clock and not with every event.
const goal = computed(() => {
  void serverNow.value
  return (lastGoal = goalOf(store.peek().incidents.values(), 'P1') ?? lastGoal)
})
const response = computed(() => responseOf(store.peek().answers, 'P1', serverNow.value))

export function ResponseTime() {
  const t = text.value
  const r = response.value
  const aim = goal.value === undefined ? '' : ` (${t.responseGoal} ≤${Math.round(goal.value / 1000)}s)`
  if (!r) return <span class="today">{t.response} {t.responseNone}{aim}</span>
  const slow = goal.value !== undefined && r.p90Ms > goal.value
  return (
    <span class="today">
      {t.response} {t.responseP90} <b class={slow ? 'loud' : ''}>{Math.round(r.p90Ms / 1000)}s</b>{aim} {t.responseInTime} <b>{Math.round(r.inTime * 100)}%</b>
    </span>
  )
}
