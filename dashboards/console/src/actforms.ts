// The forms of the actions that must be told something, or asked twice.

import { PRIORITIES, isFinalTask } from '@banyan/live/protocol'
import type { AreaLevel, Priority } from '@banyan/live/protocol'
import { form } from './forms.ts'
import type { Choice, Field } from './forms.ts'
import { levelOf, placeAt, targets } from './passing.ts'
import type { IncidentAct, TaskAct } from './pending.ts'
import { CENTRE } from './queue.ts'
import type { Item } from './queue.ts'
import { owedOf } from './reports.ts'
import type { Owed } from './reports.ts'
import { ask } from './sending.ts'
import { areas, city, lang, mySeat, myName, queue, say, seats, selectedRow, text } from './state.ts'
import { nameOf } from './text.ts'
import { atDate, describe, seatName } from './words.ts'

const MAX_BULK = 50 // tasks acknowledged at once

const reason = (required: boolean): Field => ({ name: 'reason', label: text.peek().reason, required })

const TASK_FIELDS: Partial<Record<TaskAct, (i: Item) => readonly Field[]>> = {
  finish: () => [{ ...reason(false), label: text.peek().result }],
  return: () => [reason(true)],
  assign: (i) => [{ name: 'seat', label: text.peek().targetSeat, required: true, choices: seatsFor(i) }, reason(false)],
}

const INCIDENT_FIELDS: Partial<Record<IncidentAct, (i: Item) => readonly Field[]>> = {
  verify: () => [reason(false)],
  cancel: () => [reason(true)],
  suspend: () => [reason(true)],
  resume: () => [reason(false)],
  priority: (i) => [{ name: 'priority', label: text.peek().priority, required: true, choices: levels(i.incident.priority) }, reason(true)],
  support: (i) => [{ name: 'department', label: text.peek().targetDepartment, required: true, choices: others(i) }, reason(true)],
}

export function taskForm(act: TaskAct, i: Item): void {
  const task = i.task
  if (!task) return
  form.value = {
    name: act, title: text.peek().acts[act], about: i.incident.id, line: describe(i), warning: '', danger: false, fields: TASK_FIELDS[act]?.(i) ?? [],
    submit: (body, draft) => ask({ on: 'task', act, task: task.id, incident: i.incident.id, body }, draft),
  }
}

export function incidentForm(act: IncidentAct, i: Item): void {
  const danger = act === 'verify' || act === 'cancel'
  form.value = {
    name: act, title: text.peek().acts[act], about: i.incident.id, line: describe(i), warning: danger ? text.peek().sure : '', danger,
    fields: INCIDENT_FIELDS[act]?.(i) ?? [],
    submit: (body, draft) => ask({ on: 'incident', act, incident: i.incident.id, body }, draft),
  }
}

// passForm asks to which level an incident is passed and why; the next one alone needs no choosing.
export function passForm(i: Item, up: boolean): void {
  const t = text.peek()
  const act = up ? 'pass-up' : 'pass-down'
  const to = targets(city.peek()?.passing, i.incident, levelOf(i.incident, areas.peek()), up)
  const [next] = to
  if (!next) return
  const label = (l: AreaLevel) => [t.levels[l], placeAt(i.incident, l, areas.peek(), [], lang.peek())].filter(Boolean).join(' ')
  const alone = to.length === 1
  form.value = {
    name: act, title: t.acts[act], about: i.incident.id, line: `${describe(i)}${alone ? ` → ${label(next)}` : ''}`, warning: '', danger: false,
    fields: [...(alone ? [] : [{ name: 'level' as const, label: t.toLevel, required: true, choices: to.map((l) => ({ value: l, label: label(l) })), initial: next }]), reason(true)],
    submit: (body, draft) => ask({ on: 'incident', act, incident: i.incident.id, body: { ...body, level: body.level ?? next } }, draft),
  }
}

// reportForm asks which of the reports that are owed was made; the one that is owed alone needs no choosing.
export function reportForm(i: Item): void {
  const owed = owedOf(city.peek()?.reports, i.incident)
  const [first] = owed
  if (!first) return
  const label = (o: Owed) => [nameOf(o.rule, lang.peek()), o.rule.to, atDate(new Date(o.dueMs).toISOString())].filter(Boolean).join(' · ')
  const alone = owed.length === 1
  form.value = {
    name: 'report', title: text.peek().acts.report, about: i.incident.id, line: alone ? `${describe(i)} · ${label(first)}` : describe(i), warning: text.peek().reportMade, danger: false,
    fields: alone ? [] : [{ name: 'text', label: text.peek().reports, required: true, choices: owed.map((o) => ({ value: o.rule.id, label: label(o) })) }],
    submit: (body) => ask({ on: 'incident', act: 'report', incident: i.incident.id, body: { text: body.text ?? first.rule.id } }),
  }
}

const levels = (now: Priority): Choice[] => PRIORITIES.filter((p) => p !== now).map((p) => ({ value: p, label: p }))

const others = (i: Item): Choice[] => (city.peek()?.departments ?? [])
  .filter((d) => d.id !== CENTRE && !i.incident.tasks.some((t) => t.department === d.id && !isFinalTask(t.state)))
  .map((d) => ({ value: d.id, label: nameOf(d, lang.peek()) }))

const seatsFor = (i: Item): Choice[] => seats.peek()
  .filter((s) => s.department === i.task?.department && s.on_duty && s.id !== i.task.seat)
  .map((s) => ({ value: s.id, label: [seatName(s.id), s.holder].filter(Boolean).join(' · ') }))

// bulkForm asks whether to acknowledge what waits in the selected group. P1 are never in a group.
export function bulkForm(): void {
  const row = selectedRow.peek()
  if (row?.kind !== 'group') return
  const waiting = row.group.items.filter((i) => i.waiting && i.priority !== 'P1').slice(0, MAX_BULK)
  if (waiting.length === 0) return
  form.value = {
    name: 'bulk', title: text.peek().acts.acknowledge, about: row.group.key, line: text.peek().bulkAsk(waiting.length), warning: '', danger: true, fields: [],
    submit: () => waiting.forEach((i) => i.task && ask({ on: 'task', act: 'acknowledge', task: i.task.id, incident: i.incident.id, body: {} })),
  }
}

// signOnForm asks why where the roster names somebody else; the server has the last word.
export function signOnForm(): void {
  const seat = mySeat.peek()
  const me = myName.peek()
  if (!seat) return
  if (!me) {
    say(text.peek().nameless, true)
    return
  }
  const off = seat.holder !== me
  form.value = {
    name: 'sign-on', title: text.peek().signOn, about: seat.id, line: `${seatName(seat.id)} · ${me}`, danger: false,
    warning: off ? text.peek().offRoster(seat.holder ?? text.peek().nobody) : text.peek().signOnAsk,
    fields: off ? [reason(true)] : [],
    submit: (body, draft) => ask({ on: 'seat', act: 'sign-on', seat: seat.id, body }, draft),
  }
}

export function signOffForm(): void {
  const seat = mySeat.peek()
  if (!seat) return
  const open = queue.peek().filter((i) => i.kind === 'task' && i.task?.seat === seat.id).length
  form.value = {
    name: 'sign-off', title: text.peek().signOff, about: seat.id, line: `${seatName(seat.id)} · ${seat.holder ?? ''}`, danger: open > 0,
    warning: open > 0 ? text.peek().signOffOpen(open) : '', fields: [reason(open > 0)],
    submit: (body, draft) => ask({ on: 'seat', act: 'sign-off', seat: seat.id, body }, draft),
  }
}
