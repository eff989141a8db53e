// Every action of the console: its key, when it is possible, and what it does. Buttons, keys and the command bar all
// come from this list.

import { bulkForm, incidentForm, passForm, reportForm, signOffForm, signOnForm, taskForm } from './actforms.ts'
import { nextMute } from './alarm.ts'
import { amendments, chosenSlot, swaps, week } from './books.ts'
import { mayReplay, replayChosen } from './feeds.ts'
import { commandBar, dutyOpen, helping } from './forms.ts'
import { goNear, nearOf } from './nearread.ts'
import { levelOf, targets } from './passing.ts'
import type { IncidentAct, TaskAct } from './pending.ts'
import type { Item } from './queue.ts'
import { amendForm, anyResting, endMaintenanceForm, isOver, leaveForm, maintainForm, unamendForm } from './rosterforms.ts'
import { mayIncident, mayTask } from './rights.ts'
import { owedOf } from './reports.ts'
import { leave } from './run.ts'
import { nextWaiting, showList } from './select.ts'
import { mayUnseal, unsealForm } from './sealed.ts'
import { ask } from './sending.ts'
import { areas, bookkeeper, city, desk, edits, item, leader, movedAt, mutedUntil, mySeat, pane, queue, say, selectedRow, serverNow, signedOn, switchLang, text } from './state.ts'
import { amendmentsOn, slotOf } from './week.ts'
import type { Slot } from './week.ts'
import type { Pane } from './state.ts'
import { writeIn } from './writing.tsx'

export interface Action {
  id: string
  key: string // '' for none
  group: 'task' | 'incident' | 'duty' | 'page'
  label: () => string
  possible: () => boolean
  run: () => void
}

// AUTO_GUARD_MS is how long the keys of tasks rest after the selection has moved by itself: another was meant.
const AUTO_GUARD_MS = 600

// inSight reports whether the selected row can be seen. Where it cannot, it is scrolled to, and the key must be
// pressed again: nothing is done to a task nobody looks at.
function inSight(key: string): boolean {
  if (performance.now() - movedAt.peek() < AUTO_GUARD_MS) {
    say(text.peek().settle)
    return false
  }
  const row = document.querySelector<HTMLElement>(`[data-row="${CSS.escape(key)}"]`)
  const frame = row?.closest('.queue-list')
  if (!row || !frame) return false
  const [r, f] = [row.getBoundingClientRect(), frame.getBoundingClientRect()]
  const seen = Math.min(r.bottom, f.bottom, innerHeight) - Math.max(r.top, f.top, 0)
  if (seen >= r.height / 2) return true
  row.scrollIntoView({ block: 'nearest' })
  say(text.peek().scrolled)
  return false
}

function onTask(act: TaskAct, key: string, run: (i: Item) => void): Action {
  return {
    id: act, key, group: 'task', label: () => text.value.acts[act],
    possible: () => item.value !== undefined && mayTask(desk.value, item.value.incident, item.value.task, act),
    run: () => {
      const i = item.peek()
      if (i && inSight(i.key)) run(i)
    },
  }
}

function onIncident(act: IncidentAct, key: string, run: (i: Item) => void): Action {
  return {
    id: act, key, group: 'incident', label: () => text.value.acts[act],
    possible: () => mayIncident(desk.value, item.value?.incident, act),
    run: () => {
      const i = item.peek()
      if (i) run(i)
    },
  }
}

// direct sends at once, for the one task that is selected.
const direct = (act: TaskAct) => (i: Item) => {
  if (i.task) ask({ on: 'task', act, task: i.task.id, incident: i.incident.id, body: {} })
}

const other = (id: string, key: string, group: Action['group'], label: () => string, run: () => void, possible: () => boolean = () => true): Action =>
  ({ id, key, group, label, possible, run })

// onSlot acts on the shift that is chosen in the roster, where that is shown.
function onSlot(id: string, key: string, label: () => string, run: (s: Slot) => void, possible: (s: Slot) => boolean = () => true): Action {
  const slot = () => slotOf(week.value, chosenSlot.value)
  return {
    id, key, group: 'duty', label,
    possible: () => {
      const s = edits.value && (pane.value === 'roster' || bookkeeper.value) ? slot() : undefined
      return s !== undefined && !isOver(s) && possible(s)
    },
    run: () => {
      const s = slot()
      if (s) run(s)
    },
  }
}

// onItem acts on the incident shown in ways that the engine has no word in.
const onItem = (id: string, key: string, label: () => string, run: (i: Item) => void, possible: (i: Item | undefined) => boolean): Action => ({
  id, key, group: 'incident', label, possible: () => possible(item.value),
  run: () => {
    const i = item.peek()
    if (i) run(i)
  },
})

// mayPass reports whether there is a level above, or below, that the incident may be passed to.
const mayPass = (i: Item | undefined, up: boolean): boolean =>
  i !== undefined && mayIncident(desk.value, i.incident, up ? 'pass-up' : 'pass-down') && targets(city.value?.passing, i.incident, levelOf(i.incident, areas.value), up).length > 0

// show puts something beside the queue, or takes it away again.
function show(what: Pane): void {
  pane.value = pane.peek() === what ? 'incident' : what
}

export const ACTIONS: readonly Action[] = [
  onTask('acknowledge', 'a', direct('acknowledge')),
  onTask('depart', 'd', direct('depart')),
  onTask('arrive', 'r', direct('arrive')),
  onTask('finish', 'f', (i) => taskForm('finish', i)),
  onTask('return', 'x', (i) => taskForm('return', i)),
  onTask('assign', 'g', (i) => taskForm('assign', i)),
  other('bulk', 'shift+a', 'task', () => text.value.bulk, bulkForm, () => {
    const row = selectedRow.value
    return row?.kind === 'group' && row.group.items.some((i) => i.waiting)
  }),
  onIncident('note', 'n', () => writeIn('note')),
  onIncident('assessments', 'e', () => writeIn('assessment')),
  onIncident('support', 'u', (i) => incidentForm('support', i)),
  onIncident('priority', 'p', (i) => incidentForm('priority', i)),
  onIncident('verify', 'v', (i) => incidentForm('verify', i)),
  onIncident('suspend', 's', (i) => incidentForm('suspend', i)),
  onIncident('resume', 's', (i) => incidentForm('resume', i)),
  onIncident('cancel', 'c', (i) => incidentForm('cancel', i)),
  onItem('report', 'shift+r', () => text.value.acts.report, reportForm, (i) => mayIncident(desk.value, i?.incident, 'report') && i !== undefined && owedOf(city.value?.reports, i.incident).length > 0),
  onItem('pass-up', 'shift+u', () => text.value.acts['pass-up'], (i) => passForm(i, true), (i) => mayPass(i, true)),
  onItem('pass-down', 'shift+d', () => text.value.acts['pass-down'], (i) => passForm(i, false), (i) => mayPass(i, false)),
  onItem('near', 'shift+c', () => text.value.nearTab, goNear, (i) => i !== undefined && nearOf(i.incident).length > 0),
  other('sign-on', 'o', 'duty', () => text.value.signOn, signOnForm, () => !signedOn.value && mySeat.value !== undefined),
  other('sign-off', 'o', 'duty', () => text.value.signOff, signOffForm, () => signedOn.value),
  other('handover', 'h', 'duty', () => text.value.handover, () => (dutyOpen.value = 'handover'), () => mySeat.value !== undefined),
  other('feeds', '5', 'page', () => text.value.feedsTab, () => show('feeds'), () => !bookkeeper.value),
  other('statistics', '6', 'page', () => text.value.statisticsTab, () => show('statistics'), () => !bookkeeper.value),
  other('replay', 't', 'duty', () => text.value.replay, () => void replayChosen(), () => pane.value === 'feeds' && mayReplay()),
  onItem('unseal', 'b', () => text.value.unseal, unsealForm, mayUnseal),
  other('swaps', 'y', 'duty', () => text.value.swapsTab, () => (dutyOpen.value = 'swaps'), () => swaps.value !== undefined),
  other('maintain', 'i', 'duty', () => text.value.acts.maintain, maintainForm, () => leader.value),
  other('maintain-end', 'shift+i', 'duty', () => text.value.acts['maintain-end'], endMaintenanceForm, () => leader.value && anyResting()),
  onSlot('amend', 't', () => text.value.acts.amend, amendForm),
  onSlot('leave', 'q', () => text.value.leave, leaveForm, (s) => s.holder !== ''),
  onSlot('unamend', 'z', () => text.value.acts.unamend, unamendForm, (s) => amendmentsOn(s, amendments.value ?? []).length > 0),
  other('next', 'w', 'page', () => text.value.nextWaiting, nextWaiting, () => queue.value.some((i) => i.waiting)),
  other('mine', '1', 'page', () => text.value.mine, () => showList('mine')),
  other('all', '2', 'page', () => text.value.all, () => showList('all')),
  other('board', '3', 'page', () => text.value.boardTab, () => show('board'), () => leader.value),
  other('roster', '4', 'page', () => text.value.rosterTab, () => show('roster'), () => !bookkeeper.value),
  other('mute', 'm', 'page', () => (mutedUntil.value > serverNow.value ? text.value.unmute : text.value.mute), () => {
    mutedUntil.value = nextMute(mutedUntil.peek(), serverNow.peek())
  }),
  other('language', 'l', 'page', () => text.value.languageName, switchLang),
  other('commands', '/', 'page', () => text.value.commands, () => (commandBar.value = true)),
  other('help', '?', 'page', () => text.value.help, () => (helping.value = true)),
  other('log-out', '', 'page', () => text.value.logOut, () => {
    leave().catch((e: unknown) => say(String(e), true))
  }),
]

// byKey finds the action a key means now: two may share one where only one of them is ever possible.
export function byKey(name: string): Action | undefined {
  const all = ACTIONS.filter((a) => a.key === name)
  return all.find((a) => a.possible()) ?? all[0]
}

export const actionOf = (id: string): Action => ACTIONS.find((a) => a.id === id) as Action

// press does what a key means, or says why nothing is done.
export function press(name: string): boolean {
  const a = byKey(name)
  if (!a) return false
  if (a.possible()) a.run()
  else if (a.group !== 'page') say(text.peek().notNow(a.label()), true)
  return true
}
