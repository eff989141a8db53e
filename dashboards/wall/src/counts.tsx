import { PRIORITIES } from '@banyan/live/protocol'
import type { Priority } from '@banyan/live/protocol'
import { Shape } from './shape.tsx'
import { store, text } from './state.ts'

export function Counts() {
  return (
    <section class="counts" aria-label={text.value.open}>
      {PRIORITIES.map((p) => <Count key={p} priority={p} />)}
    </section>
  )
}

function Count({ priority }: { priority: Priority }) {
  const l = store.value.tally.priorities[priority]
  const t = text.value
  return (
    <div class={'count' + (l.open === 0 ? ' zero' : '')} data-priority={priority}>
      <Shape priority={priority} filled={l.unacknowledged > 0} />
      <b class={l.open > 999 ? 'count-open wide' : 'count-open'}>{l.open}</b>
      <span class={l.unacknowledged > 0 ? 'count-part some' : 'count-part'}>{t.unacknowledged}<b>{l.unacknowledged}</b></span>
      <span class={l.overdue > 0 ? 'count-part loud' : 'count-part'}>{t.overdue}<b>{l.overdue}</b></span>
    </div>
  )
}
