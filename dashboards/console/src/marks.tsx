import type { Incident } from '@banyan/live/protocol'
import { text } from './state.ts'

// Marks are what must be known of an incident at a glance: that it is a drill, that nobody trusted has confirmed it,
// that part of it is sealed.
export function Marks({ incident: i }: { incident: Incident }) {
  const t = text.value
  return (
    <>
      {i.exercise ? <span class="tag bad">{t.exercise}</span> : null}
      {i.unconfirmed ? <span class="tag">{t.unconfirmedMark}</span> : null}
      {i.sensitivity === 'sealed' ? <span class="tag">{t.sealed}</span> : null}
    </>
  )
}
