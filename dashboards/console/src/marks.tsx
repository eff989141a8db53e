import type { Incident } from '@banyan/live/protocol'
import { WARNING_COLOURS } from './levels.ts'
import { text } from './state.ts'

// Marks are what must be known of an incident at a glance: that it is a drill, which warning it is, that nobody trusted has confirmed it,
// that part of it is sealed, how many alerts a storm has put into it.
export function Marks({ incident: i }: { incident: Incident }) {
  const t = text.value
  return (
    <>
      {i.exercise ? <span class="tag bad">{t.exercise}</span> : null}
      {i.warning_level ? <span class="tag" data-warning={i.warning_level}><i class="warning" style={{ background: WARNING_COLOURS[i.warning_level] }} />{t.warnings[i.warning_level]}</span> : null}
      {i.unconfirmed ? <span class="tag">{t.unconfirmedMark}</span> : null}
      {i.sensitivity === 'sealed' ? <span class="tag">{t.sealed}</span> : null}
      {i.folded_count ? <span class="tag" data-folded={i.folded_count}>{t.foldedOf(i.folded_count)}</span> : null}
    </>
  )
}
