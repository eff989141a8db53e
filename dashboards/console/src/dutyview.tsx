import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Handover } from '@banyan/live/protocol'
import { Clock } from './clocks.tsx'
import { MAX_DRAFT_CHARS } from './drafts.ts'
import { draftKey, dutyOpen, readDraft, writeDraft } from './forms.ts'
import { PastHandovers } from './pasthandovers.tsx'
import { getHandover, Refusal } from './server.ts'
import { ask } from './sending.ts'
import { Shell } from './shell.tsx'
import { desk, myName, mySeat, paper, pending, queue, signedOn, store, text, who } from './state.ts'
import { MyShifts } from './swapview.tsx'
import { Owed } from './owedview.tsx'
import { atDate, seatName, typeName } from './words.ts'
import { Columns } from './pieces.tsx'

const close = () => (dutyOpen.value = '')

// DutyPanel is the passing of the seat: the outgoing officer's note with what is open, the incoming one's yes.
export function DutyPanel() {
  const t = text.value
  const seat = mySeat.value
  if (!seat) return null
  const open = seat.handover_id
  const mine = signedOn.value
  return (
    <Shell label={t.handover} name="handover" wide onClose={close}>
      <h2>{t.handover} · {seatName(seat.id)}</h2>
      <Unsent />
      {open ? <Waiting key={open} id={open} mine={mine} /> : null}
      {mine ? <Outgoing again={open !== undefined} /> : open ? null : <p class="soft">{t.mustSignOn}</p>}
      <MyShifts />
      <PastHandovers />
      <button type="button" class="act" onClick={close}><kbd aria-hidden="true">Esc</kbd>{t.close}</button>
    </Shell>
  )
}

// Unsent says what was asked about the seat and is not confirmed.
function Unsent() {
  const t = text.value
  return (
    <>
      {pending.value.filter((p) => p.request.on === 'handover' || p.request.on === 'seat').map((p) => (
        <p key={p.id} class={p.phase === 'failed' ? 'loud' : 'tag sending'} role="status" data-phase={p.phase}>
          {t.doing(p.request)} {p.phase === 'failed' ? `${t.failedMark}：${p.why}` : t.sending + '…'}
        </p>
      ))}
    </>
  )
}

// OpenTasks is what will move: every open task of the seat with its age and state.
function OpenTasks() {
  const t = text.value
  const tasks = queue.value.filter((i) => i.kind === 'task' && i.task?.seat === desk.value.seat)
  if (tasks.length === 0) return <p class="soft">{t.noOpenTasks}</p>
  return (
    <table class="tasks">
      <caption>{t.openTasks} {tasks.length}</caption>
      <Columns names={[t.number, t.type, t.state, t.age, t.deadline]} />
      <tbody>
        {tasks.map((i) => (
          <tr key={i.key}>
            <td><b>{i.priority}</b> {i.incident.number}</td><td>{typeName(i.incident.type)}</td><td>{i.task ? t.states[i.task.state] : ''}</td>
            <td><Clock sinceMs={i.sinceMs} /></td><td>{atDate(i.task?.deadline)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Outgoing({ again }: { again: boolean }) {
  const t = text.value
  const seat = desk.value.seat
  const note = readDraft(seat, 'handover.note')
  const sending = pending.value.some((p) => p.request.act === 'handover' && p.phase !== 'failed')
  const submit = () => {
    if (note.trim() && !sending) ask({ on: 'seat', act: 'handover', seat, body: { note: note.trim() } }, draftKey(seat, 'handover.note'))
  }
  return (
    <form class="form" onSubmit={(e) => { e.preventDefault(); submit() }}>
      <OpenTasks />
      <label>
        <span>{t.handoverNote} <small>{t.reasonNeeded}</small></span>
        <textarea rows={4} maxLength={MAX_DRAFT_CHARS} data-first data-field="note" placeholder={t.handoverNoteHint} value={note}
          onInput={(e) => writeDraft(seat, 'handover.note', e.currentTarget.value)}
          onKeyDown={(e) => {
            if (e.key !== 'Enter' || !(e.ctrlKey || e.metaKey) || e.isComposing) return
            e.preventDefault()
            submit()
          }} />
      </label>
      <div class="form-do">
        <button type="submit" class="act strong" disabled={sending || note.trim() === ''}><kbd aria-hidden="true">Ctrl ⏎</kbd>{again ? t.rewriteHandover : t.handOver}</button>
      </div>
    </form>
  )
}

// useHandover reads a handover, and again whenever something happens at the seat.
export function useHandover(id: string): { handover: Handover | undefined; problem: string } {
  const [got, set] = useState<{ handover: Handover | undefined; problem: string }>({ handover: undefined, problem: '' })
  const at = mySeat.value?.handover_id
  useEffect(() => {
    let gone = false
    getHandover(who.peek(), id).then((handover) => { if (!gone) set({ handover, problem: '' }) },
      (e: unknown) => { if (!gone) set({ handover: undefined, problem: e instanceof Refusal ? e.message : String(e) }) })
    return () => {
      gone = true
    }
  }, [id, at, store.value.epoch])
  return got
}

// Waiting is a handover that the incoming officer has not confirmed.
function Waiting({ id, mine }: { id: string; mine: boolean }) {
  const t = text.value
  const { handover: h, problem } = useHandover(id)
  const yes = useRef<HTMLButtonElement>(null)
  useLayoutEffect(() => yes.current?.focus(), [h?.id])
  const seat = desk.value.seat
  const reason = readDraft(seat, 'confirm.reason')
  const sending = pending.value.some((p) => p.request.act === 'confirm' && p.phase !== 'failed')
  if (!h) return <p class="soft" role="status">{problem || t.opening}</p>
  const confirm = () => {
    if (!sending) ask({ on: 'handover', act: 'confirm', handover: id, seat, body: reason.trim() ? { reason: reason.trim() } : {} }, draftKey(seat, 'confirm.reason'))
  }
  return (
    <section class="handover" data-handover={h.id}>
      <p><b>{t.handoverWaits(h.from)}</b> <span class="soft">{atDate(h.opened_at)}</span></p>
      <p class="handover-note">{h.note}</p>
      <Owed handover={h} />
      <p><button type="button" class="act" onClick={() => { paper.value = h.id; close() }}>{t.print}</button></p>
      {mine || myName.value === h.from ? null : (
        <form class="form" onSubmit={(e) => { e.preventDefault(); confirm() }}>
          <OpenTasks />
          <p>{t.handoverAll(queue.value.filter((i) => i.kind === 'task' && i.task?.seat === seat).length)}</p>
          <label>
            <span>{t.reason} <small>{t.reasonOptional}</small></span>
            <textarea rows={2} maxLength={680} value={reason} onInput={(e) => writeDraft(seat, 'confirm.reason', e.currentTarget.value)} />
          </label>
          <div class="form-do"><button type="submit" class="act strong" ref={yes} disabled={sending}><kbd aria-hidden="true">⏎</kbd>{t.confirmHandover}</button></div>
        </form>
      )}
    </section>
  )
}
