import type { Incident } from '@banyan/live/protocol'
import { Key } from './button.tsx'
import { MAX_DRAFT_CHARS } from './drafts.ts'
import { draftKey, readDraft, writeDraft } from './forms.ts'
import { mayIncident, mayTask } from './rights.ts'
import { ask } from './sending.ts'
import { shownTimeline } from './select.ts'
import { desk, item, pane, pending, text } from './state.ts'
import { actorOf, atTime } from './words.ts'

const MAX_SHOWN = 30 // newest first

// writeIn puts the cursor into a field of the incident shown, at once: the next key is the first letter.
export function writeIn(kind: 'assessment' | 'note'): void {
  if (pane.peek() !== 'incident') {
    pane.value = 'incident'
    queueMicrotask(() => writeIn(kind)) // once the incident is drawn in its place
    return
  }
  const field = document.querySelector<HTMLTextAreaElement>(`[data-writing="${kind}"] textarea`)
  field?.focus({ preventScroll: true })
  field?.scrollIntoView({ block: 'nearest' })
}

// Writing is what people wrote about an incident, of one kind, and a field for more. What is typed is a draft until
// the event has come back.
export function Writing({ incident, kind }: { incident: Incident; kind: 'assessment' | 'note' }) {
  const t = text.value
  const type = kind === 'note' ? 'incident.note' : 'incident.assessed'
  const act = kind === 'note' ? 'note' : 'assessments'
  const written = (shownTimeline(incident.id)?.events ?? []).filter((e) => e.type === type)
  const draft = readDraft(incident.id, kind)
  const sending = pending.value.some((p) => p.phase !== 'failed' && p.draft === draftKey(incident.id, kind))
  const may = mayIncident(desk.value, incident, act)
  const submit = () => {
    const words = draft.trim()
    if (!words || !may) return
    const task = kind === 'note' && item.peek()?.task && mayTask(desk.peek(), incident, item.peek()?.task, 'note') ? item.peek()?.task?.id : undefined
    const key = draftKey(incident.id, kind)
    if (task) ask({ on: 'task', act: 'note', task, incident: incident.id, body: { text: words } }, key)
    else ask({ on: 'incident', act, incident: incident.id, body: { text: words } }, key)
  }
  return (
    <section class="panel" aria-label={kind === 'note' ? t.notes : t.assessments} data-writing={kind}>
      <h2>{kind === 'note' ? t.notes : t.assessments} <b>{written.length}</b></h2>
      <form class="write" onSubmit={(e) => { e.preventDefault(); submit() }}>
        <textarea rows={2} maxLength={MAX_DRAFT_CHARS} value={draft} disabled={!may} aria-label={kind === 'note' ? t.writeNote : t.writeAssessment}
          placeholder={kind === 'note' ? t.writeNote : t.writeAssessment} onInput={(e) => writeDraft(incident.id, kind, e.currentTarget.value)}
          onKeyDown={(e) => {
            if (e.key !== 'Enter' || !(e.ctrlKey || e.metaKey) || e.isComposing) return
            e.preventDefault()
            submit()
          }} />
        <div class="write-do">
          <button type="submit" disabled={!may || sending || draft.trim() === ''}><Key name={kind === 'note' ? 'n' : 'e'} />{sending ? t.sending + '…' : t.submit}</button>
          {draft && !sending ? <span class="soft">{t.typed}</span> : null}
        </div>
      </form>
      <ul class="entries">
        {written.length === 0 ? <li class="soft">{kind === 'note' ? t.noNotes : t.noAssessments}</li> : null}
        {written.slice(-MAX_SHOWN).reverse().map((e) => <li key={e.seq} data-event={e.type}>{e.text} <span class="soft">{atTime(e.at)} {actorOf(e)}</span></li>)}
      </ul>
    </section>
  )
}
