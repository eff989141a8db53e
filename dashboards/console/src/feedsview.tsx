import { useEffect, useRef } from 'preact/hooks'
import { Act } from './button.tsx'
import { chosen, chosenSource, feedProblem, listed, quarantine, readQuarantine, readSources, replayed } from './feeds.ts'
import type { SourceState } from './feeds.ts'
import { classes, Columns } from './pieces.tsx'
import { lang, serverNow, text, tick } from './state.ts'
import { nameOf, named } from './text.ts'
import { atDate, departmentName, duration } from './words.ts'

const READ_EVERY_TICKS = 5
const MAX_SHOWN_CHARS = 2_000 // of a message

// FeedsView is how the sources are doing: when each was last heard, how much it sends, how late, and what of it could
// not be understood.
export function FeedsView() {
  const t = text.value
  const beat = Math.floor(tick.value / READ_EVERY_TICKS)
  useEffect(() => void readSources(), [beat])
  useEffect(() => void readQuarantine(), [chosenSource.value, chosen.value?.quarantined])
  const place = useRef<HTMLTableSectionElement>(null)
  const rows = listed.value
  const move = (n: number) => {
    const at = rows.findIndex((s) => s.id === chosenSource.peek())
    const to = rows[Math.min(Math.max(at + n, 0), rows.length - 1)]
    if (!to) return
    chosenSource.value = to.id
    requestAnimationFrame(() => place.current?.querySelector<HTMLElement>('[aria-current="true"] button')?.focus())
  }
  const silent = rows.filter((s) => s.state === 'silent').length
  return (
    <main class="incident feeds" aria-label={t.feedsTitle} data-feeds={rows.length}>
      <header class="incident-head"><div class="incident-title"><h1>{t.feedsTitle}</h1>
        <p>{t.feedsCount(rows.length)} <span class={silent > 0 ? 'loud' : ''}>{t.sourceStates.silent} {silent}</span> <span>{t.quarantine} {rows.reduce((n, s) => n + s.quarantined, 0)}</span></p></div>
        <Act id="replay" /><Act id="feeds" /></header>
      {feedProblem.value ? <p class="loud" role="alert">{feedProblem.value}</p> : null}
      <section class="panel feeds-list">
        <table class="tasks" onKeyDown={(e) => {
          if (e.key === 'ArrowDown') move(1)
          else if (e.key === 'ArrowUp') move(-1)
          else return
          e.preventDefault()
        }}>
          <Columns names={[t.source, t.department, t.transport, t.state, t.lastHeard, t.ratePerMinute, t.lag, t.errors, t.quarantine]} />
          <tbody ref={place}>{rows.map((s) => <Row key={s.id} source={s} />)}</tbody>
        </table>
      </section>
      {chosen.value ? <Held source={chosen.value} /> : null}
    </main>
  )
}

const sourceName = (s: SourceState): string => nameOf(named(s.name, s.name_en), lang.value)

function Row({ source: s }: { source: SourceState }) {
  const t = text.value
  const bad = s.state === 'silent' || s.state === 'overflowing'
  return (
    <tr data-source={s.id} data-state={s.state} aria-current={s.id === chosenSource.value} class={classes(s.id === chosenSource.value && 'chosen')} onClick={() => (chosenSource.value = s.id)}>
      <td><button type="button" class="plain" onFocus={() => (chosenSource.value = s.id)}>{sourceName(s)}</button> <span class="soft">{s.id}</span></td>
      <td>{departmentName(s.department)}</td>
      <td class="soft">{s.transport}</td>
      <td><span class={bad ? 'loud' : s.state === 'live' ? '' : 'soft'}>{t.sourceStates[s.state] ?? s.state}</span></td>
      <td class="when">{s.last_heard ? duration(serverNow.value - Date.parse(s.last_heard)) : t.unknown}</td>
      <td class="number">{(s.rate * 60).toFixed(1)}</td>
      <td class="number">{s.lag_seconds > 0 ? duration(s.lag_seconds * 1000) : '0:00'}</td>
      <td class="number">{s.errors}</td>
      <td class="number">{s.quarantined > 0 ? <b class="loud">{s.quarantined}</b> : 0}{s.lost ? <span class="soft"> {t.lostOf(s.lost)}</span> : null}</td>
    </tr>
  )
}

// Held is what could not be understood of a source, each message with the reason and as it came.
function Held({ source: s }: { source: SourceState }) {
  const t = text.value
  const q = quarantine.value
  const done = replayed.value?.source === s.id ? replayed.value.answer : undefined
  return (
    <section class="panel" aria-label={t.quarantine} data-quarantine={s.id}>
      <h2>{t.quarantine} · {sourceName(s)} <b>{s.quarantined}</b></h2>
      {done ? <p role="status">{t.replayDone(done.released, done.left)}</p> : null}
      {s.quarantined === 0 ? <p class="soft">{t.quarantineEmpty}</p> : null}
      <ul class="entries">
        {(q?.messages ?? []).map((m) => (
          <li key={m.id} data-held={m.id}>
            <span class="soft clock-figures">{atDate(m.at)}</span> <b>{m.reason}</b> <span class="soft">{m.kind}</span>
            {m.sealed ? <span class="tag">{t.sealed}</span> : null}
            {m.message ? <pre class="raw" tabIndex={0} aria-label={t.rawMessage}>{m.message.slice(0, MAX_SHOWN_CHARS)}{m.message.length > MAX_SHOWN_CHARS ? '…' : ''}</pre> : null}
          </li>
        ))}
      </ul>
      {q && q.total > q.messages.length ? <p>{t.more(q.total - q.messages.length)}</p> : null}
    </section>
  )
}
