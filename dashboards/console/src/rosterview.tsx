import { useEffect, useRef } from 'preact/hooks'
import type { Amendment } from '@banyan/live/protocol'
import { amendments, chosenSlot, dayShift, department, readWeek, rosterDepartment, rosterProblem, week } from './books.ts'
import { Act } from './button.tsx'
import { overlaid } from './forms.ts'
import { classes } from './pieces.tsx'
import { CENTRE } from './queue.ts'
import { amendForm, isOver } from './rosterforms.ts'
import { bookkeeper, city, clock, desk, edits, lang, pending, serverNow, store, text } from './state.ts'
import { nameOf } from './text.ts'
import { amendmentsOn, firstOf, slotOf, step, WEEK_DAYS } from './week.ts'
import type { Slot, WeekRow } from './week.ts'
import { between, departmentName, seatName, shiftName, whyOf } from './words.ts'

const MAX_CHANGES = 40 // listed

// RosterView is a department's week: seats down, days across, in each cell its shifts. Gaps are marked; who may edit
// drags a person onto a shift, or chooses it by the arrow keys and presses the key of what is to be done.
export function RosterView() {
  const t = text.value
  const w = week.value
  useEffect(() => void readWeek(), [department.value, dayShift.value, store.value.amended, store.value.configs, amendments.value])
  useEffect(() => {
    if (!slotOf(w, chosenSlot.peek())) chosenSlot.value = firstOf(w, serverNow.peek())
  }, [w])
  return (
    <main class="incident roster" aria-label={t.rosterTab} data-roster={department.value} data-edits={edits.value}>
      <header class="incident-head">
        <div class="incident-title"><h1>{t.rosterTab} <span class="place">{departmentName(department.value)}</span></h1>
          <p>{w.dates.length > 0 ? `${w.dates[0]} – ${w.dates.at(-1)}` : t.opening} <span>{edits.value ? t.gridHint : t.mayNotEdit}</span></p></div>
        <Departments />
        <button type="button" class="act" onClick={() => turn(-1)}>{t.earlier}</button>
        <button type="button" class="act" disabled={dayShift.value === 0} onClick={() => (dayShift.value = 0)}>{t.thisWeek}</button>
        <button type="button" class="act" onClick={() => turn(1)}>{t.later}</button>
        {bookkeeper.value ? <Act id="swaps" /> : <Act id="roster" />}
      </header>
      {rosterProblem.value ? <p class="loud" role="alert">{t.rosterFailed(rosterProblem.value)}</p> : null}
      {edits.value ? <div class="actions" role="group" aria-label={t.changes}><Act id="amend" /><Act id="leave" /><Act id="unamend" /><span class="soft">{t.peopleHint}</span></div> : null}
      {edits.value ? <People /> : null}
      <Grid />
      <Changes />
    </main>
  )
}

const turn = (n: number) => (dayShift.value += n * WEEK_DAYS)

// Departments: whoever looks after all of them chooses one.
function Departments() {
  if (desk.value.department !== CENTRE) return null
  return (
    <select aria-label={text.value.rosterOf} value={department.value} onChange={(e) => (rosterDepartment.value = e.currentTarget.value)}>
      {city.value?.departments.map((d) => <option key={d.id} value={d.id}>{nameOf(d, lang.value)}</option>)}
    </select>
  )
}

const PERSON = 'text/plain'

function People() {
  const t = text.value
  return (
    <ul class="people" aria-label={t.people}>
      {week.value.people.map((p) => <li key={p} class="tag" draggable data-person={p} onDragStart={(e) => e.dataTransfer?.setData(PERSON, p)}>{p}</li>)}
    </ul>
  )
}

const ARROWS: Record<string, 'up' | 'down' | 'left' | 'right'> = { ArrowUp: 'up', ArrowDown: 'down', ArrowLeft: 'left', ArrowRight: 'right' }

function Grid() {
  const t = text.value
  const place = useRef<HTMLTableElement>(null)
  const w = week.value
  const focus = () => place.current?.querySelector<HTMLElement>('[aria-selected="true"]')?.focus()
  useEffect(() => {
    // The keys are the grid's when it is opened, and again when a form over it has closed.
    if (!overlaid() && (document.activeElement === document.body || place.current?.contains(document.activeElement))) focus()
  }, [chosenSlot.value, overlaid(), w])
  const onKey = (e: KeyboardEvent) => {
    const to = ARROWS[e.key]
    if (to) chosenSlot.value = step(w, chosenSlot.peek(), to)
    else if (e.key === 'PageUp' || e.key === 'PageDown') turn(e.key === 'PageUp' ? -1 : 1)
    else if (e.key === 'Enter') {
      const s = slotOf(w, chosenSlot.peek())
      if (s && edits.peek() && !isOver(s)) amendForm(s)
    } else return
    e.preventDefault()
  }
  const today = clock.value(serverNow.value).date
  return (
    <div class="week-frame">
      <table class="week" role="grid" aria-label={t.rosterTab} ref={place} onKeyDown={onKey}>
        <thead><tr><th scope="col">{t.seat}</th>{w.dates.map((d) => <th key={d} scope="col" class={d === today ? 'today' : ''}>{d.slice(5)} {clock.value(Date.parse(d + 'T12:00:00Z')).weekday}</th>)}</tr></thead>
        <tbody>{w.rows.map((r) => <Row key={r.seat} row={r} />)}</tbody>
      </table>
    </div>
  )
}

const Row = ({ row: r }: { row: WeekRow }) => (
  <tr><th scope="row">{seatName(r.seat)}</th>{r.days.map((cell, n) => <td key={n}>{cell.map((s) => <Shift key={s.key} slot={s} />)}</td>)}</tr>
)

function Shift({ slot: s }: { slot: Slot }) {
  const t = text.value
  const changed = amendmentsOn(s, amendments.value ?? [])
  const sent = pending.value.find((p) => p.request.on === 'roster' && p.request.body.seat === s.seat && Date.parse(p.request.body.from ?? '') === Date.parse(s.from))
  const over = isOver(s)
  const drop = (e: DragEvent) => {
    e.preventDefault()
    const person = e.dataTransfer?.getData(PERSON)
    chosenSlot.value = s.key
    if (person && !over) amendForm(s, person)
  }
  const chosen = chosenSlot.value === s.key
  return (
    <button type="button" role="gridcell" data-slot={s.key} data-gap={s.holder === ''} tabIndex={chosen ? 0 : -1} aria-selected={chosen} title={whyOf(s.why)}
      aria-label={`${seatName(s.seat)} ${between(s.from, s.to)} ${shiftName(s.shift)} ${s.holder || t.gap}${changed.length > 0 ? ` ${t.changed}` : ''}`}
      class={classes('slot', s.holder === '' && 'empty', over && 'over', chosen && 'chosen')}
      onFocus={() => (chosenSlot.value = s.key)} onClick={() => (chosenSlot.value = s.key)} onDblClick={() => { if (edits.value && !over) amendForm(s) }}
      onDragOver={(e) => { if (edits.value && !over) e.preventDefault() }} onDrop={drop}>
      <span class="soft clock-figures">{clock.value(Date.parse(s.from)).time.slice(0, 2)}</span> {s.holder || t.gap}
      {changed[0] ? <span class="tag">{t.kinds[changed[0].kind]}</span> : null}
      {sent ? <span class={sent.phase === 'failed' ? 'tag bad' : 'tag sending'} title={sent.why}>{sent.phase === 'failed' ? t.failedMark : t.sending}</span> : null}
    </button>
  )
}

// Changes are those in force of the department shown, and what was asked for and is not confirmed.
function Changes() {
  const t = text.value
  const own = (amendments.value ?? []).filter((a) => (!a.department || a.department === department.value) && Date.parse(a.to) > serverNow.value)
  const failed = pending.value.filter((p) => p.request.on === 'roster' && p.phase === 'failed')
  return (
    <section class="panel" aria-label={t.changes}>
      <h2>{t.changes} <b>{own.length}</b></h2>
      {failed.map((p) => <p key={p.id} class="bad" role="alert">{t.doing(p.request)} {t.failedMark}：{p.why}</p>)}
      {own.length === 0 ? <p class="soft">{t.noChanges}</p> : null}
      <ul class="entries">{own.slice(0, MAX_CHANGES).map((a) => <Change key={a.id} amendment={a} />)}</ul>
      {own.length > MAX_CHANGES ? <p>{t.more(own.length - MAX_CHANGES)}</p> : null}
    </section>
  )
}

function Change({ amendment: a }: { amendment: Amendment }) {
  const t = text.value
  return (
    <li data-amendment={a.id}><span class="tag">{t.kinds[a.kind]}</span> <b>{a.person}</b>{a.substitute ? ` → ${a.substitute}` : ''} {a.seat ? seatName(a.seat) : ''} {between(a.from, a.to)} <span class="soft">{a.reason} {a.by ? t.byWhom(a.by) : ''}</span></li>
  )
}
