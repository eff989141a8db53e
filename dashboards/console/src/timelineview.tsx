import { useState } from 'preact/hooks'
import type { Incident, LiveEvent } from '@banyan/live/protocol'
import { text } from './state.ts'
import { shownTimeline } from './select.ts'
import { actorOf, atTime, lineOf } from './words.ts'

const PAGE = 60 // entries drawn at first, and with every press more

// Clocks that were set anew are no news to people.
const told = (e: LiveEvent) => e.type !== 'task.deadline_changed'

// Timeline is what happened to an incident, newest first.
export function Timeline({ incident }: { incident: Incident }) {
  const t = text.value
  const [pages, setPages] = useState(1)
  const line = shownTimeline(incident.id)
  const events = (line?.events ?? []).filter(told)
  const shown = events.slice(-PAGE * pages).reverse()
  return (
    <section class="panel timeline" aria-label={t.timeline}>
      <h2>{t.timeline} <b>{events.length}</b></h2>
      {line?.problem ? <p class="bad" role="alert">{t.timelineFailed}：{line.problem}</p> : null}
      <ol class="entries">
        {shown.map((e) => (
          <li key={e.seq} data-event={e.type}><time class="soft clock-figures">{atTime(e.at)}</time> {lineOf(e)} <span class="soft">{actorOf(e)}</span></li>
        ))}
      </ol>
      {events.length > shown.length ? <button type="button" onClick={() => setPages(pages + 1)}>{t.older(Math.min(PAGE, events.length - shown.length))}</button> : null}
      {line?.truncated && events.length === shown.length ? <p class="soft">{t.truncated}</p> : null}
    </section>
  )
}
