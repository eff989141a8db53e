import { computed } from '@preact/signals'
import { goalOf, missed, responseOf } from './response.ts'
import { city, serverNow, store, text } from './state.ts'

const goal = computed(() => goalOf(city.value?.objectives ?? [], 'P1'))
// This looks at every answer, so it is worked out with the clock and not with every event.
const response = computed(() => responseOf(store.peek().answers, 'P1', serverNow.value, goal.value))

const percent = (share: number) => `${Math.round(share * 1_000) / 10}%`

export function ResponseTime() {
  const t = text.value
  const r = response.value
  const g = goal.value
  if (!r) return <span class="today" data-response="none">{t.response} {t.responseNone}{g ? ` (${t.responseGoal} ${percent(g.share)} ≤${g.withinMs / 1_000}s)` : ''}</span>
  const loud = missed(r, g) ? 'loud' : ''
  return (
    <span class="today" data-response={loud ? 'missed' : 'met'}>
      {t.response} {percent(r.share)} {t.responseWithin} <b class={loud}>{Math.round(r.tookMs / 1_000)}s</b>{g ? ` (${t.responseGoal} ≤${g.withinMs / 1_000}s)` : ''} {g ? t.responseMet : t.responseInTime} <b class={loud}>{percent(r.met)}</b>
    </span>
  )
}
