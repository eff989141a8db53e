// The client's picture of the city: a map of incidents, and the pure reducer that brings it forward by frames.
// Nothing here knows a clock, a socket or a screen.

import { gapsAfter, gapsOf, NO_GAPS } from './gaps.ts'
import type { Gaps } from './gaps.ts'
import { Tally } from './load.ts'
import { isFinalIncident, isFinalTask } from './protocol.ts'
import type { AreaLevel, EventsFrame, Incident, LiveEvent, Seat, SnapshotFrame, StateFrame, Task, Today } from './protocol.ts'

// Answer is one acknowledgement: how long a task waited, and whether that was within its plan's deadline.
export interface Answer {
  priority: string
  at: number // ms since the epoch
  tookMs: number
  inTime: boolean
}

export interface Store {
  // adrift: not known to be whole. Events change nothing until a snapshot or a resumed has come.
  readonly adrift: boolean
  readonly epoch: number // 0: never had a snapshot
  readonly seq: number
  readonly incidents: ReadonlyMap<string, Incident> // all but closed and cancelled
  readonly tally: Tally
  readonly seats: readonly Seat[]
  readonly today: Today
  readonly answers: readonly Answer[] // oldest first, at most MAX_ANSWERS
  readonly configs: number // configurations loaded since the page was opened
  readonly gaps: Gaps
  readonly amended: number // changes of the roster since the page was opened
}

// Need is what the link must ask for after frames: nothing, the events since (epoch, seq), or a snapshot.
export type Need = 'nothing' | 'resume' | 'snapshot'

export const MAX_ANSWERS = 2_000

export const EMPTY: Store = {
  adrift: true, epoch: 0, seq: 0, incidents: new Map(), tally: new Tally(), seats: [],
  today: { alerts: 0, incidents: 0, closed: 0 }, answers: [], configs: 0, gaps: NO_GAPS, amended: 0,
}

// detached is the picture after the connection was lost: kept as it was, but nothing is added to it before the
// server has said from where it goes on.
export function detached(s: Store): Store {
  return s.adrift ? s : { ...s, adrift: true }
}

// adopted is the picture with an incident that was asked for, because its earlier events concerned others only,
// and the events on it that have come since. An incident that is known or has ended changes nothing.
export function adopted(s: Store, asked: Incident, since: readonly LiveEvent[]): Store {
  let i: Incident = { ...asked, tasks: asked.tasks ?? [] }
  for (const e of since) {
    if (e.seq > i.seq && e.incident_id === i.id) i = changed(i, e, () => {})
  }
  if (isFinalIncident(i.state) || s.incidents.has(i.id)) return s
  const tally = new Tally(s.tally)
  tally.add(i, 1)
  return { ...s, tally, incidents: new Map(s.incidents).set(i.id, i) }
}

// reduce brings s forward by frames in the order they came. s itself stays as it is; the map is copied once
// for all frames, so many frames are best given together.
export function reduce(s: Store, frames: readonly StateFrame[]): { store: Store; need: Need } {
  const d = new Draft(s)
  let need: Need = 'nothing'
  for (const f of frames) {
    const n = d.take(f)
    // Once something is missing, later frames add nothing, unless one of them mends it.
    if (n !== undefined) need = n
  }
  return { store: d.done(), need }
}

// Draft is a store being brought forward. It copies what it changes, once.
class Draft {
  private s: { -readonly [K in keyof Store]: Store[K] }
  private incidents: Map<string, Incident> | undefined
  private answers: Answer[] | undefined
  private changed = false

  constructor(private readonly from: Store) {
    this.s = { ...from }
  }

  done(): Store {
    return this.changed ? this.s : this.from
  }

  // take applies one frame and returns what must be asked for: undefined when the frame has no say in it.
  take(f: StateFrame): Need | undefined {
    switch (f.op) {
      case 'snapshot':
        this.snapshot(f)
        return 'nothing'
      case 'resumed':
        if (f.epoch !== this.s.epoch || f.seq !== this.s.seq) return this.lose('snapshot')
        this.s.adrift = false
        this.changed = true
        return 'nothing'
      case 'events':
        return this.events(f)
      case 'heartbeat':
        // A heartbeat's seq is the `to` of the frame before it: a greater one means a frame was lost.
        if (this.s.adrift) return undefined
        if (f.epoch < this.s.epoch || (f.epoch > this.s.epoch && f.seq <= this.s.seq)) return this.lose('snapshot')
        return f.seq > this.s.seq ? this.lose('resume') : undefined
    }
  }

  private lose(need: Need): Need {
    this.s.adrift = true
    this.changed = true
    return need
  }

  private snapshot(f: SnapshotFrame): void {
    this.incidents = new Map()
    for (const i of f.incidents) {
      if (!isFinalIncident(i.state)) this.incidents.set(i.id, i.tasks ? i : { ...(i as Incident), tasks: [] })
    }
    this.s = {
      ...this.s, adrift: false, epoch: f.epoch, seq: f.seq, incidents: this.incidents,
      tally: Tally.of(this.incidents.values()), seats: f.seats, today: f.counts?.today ?? EMPTY.today,
      answers: mergeAnswers(this.s.answers, this.incidents.values()), gaps: gapsOf(f), amended: this.s.amended + 1,
    }
    this.answers = this.s.answers as Answer[]
    this.changed = true
  }

  private events(f: EventsFrame): Need | undefined {
    if (this.s.adrift) return undefined
    // The next leader goes on where the one before ended; its events have a greater epoch and never a sequence known here.
    if (f.epoch < this.s.epoch || (f.epoch > this.s.epoch && f.from <= this.s.seq)) return this.lose('snapshot')
    if (f.to <= this.s.seq) return undefined // known already
    if (f.from > this.s.seq + 1) return this.lose('resume')
    this.begin()
    for (const e of f.events) {
      if (e.seq > this.s.seq) this.apply(e)
    }
    this.s.seq = f.to
    this.s.epoch = f.epoch
    return undefined
  }

  private begin(): void {
    this.changed = true
    if (this.incidents) return
    this.incidents = new Map(this.s.incidents)
    this.s.incidents = this.incidents
    this.s.tally = new Tally(this.s.tally)
    this.s.today = { ...this.s.today }
  }

  private apply(e: LiveEvent): void {
    if (e.day) this.s.today = { day: e.day, alerts: 0, incidents: 0, closed: 0 }
    if (e.gap) this.s.gaps = gapsAfter(this.s.gaps, e)
    if (e.type === 'roster.amended') this.s.amended++
    if (e.type === 'config.loaded') {
      this.s.configs++
      return
    }
    if (e.type === 'incident.opened') {
      if (e.incident) this.put({ ...e.incident, tasks: e.incident.tasks ?? [], seq: e.seq })
      this.bump('incidents')
      this.bump('alerts')
      return
    }
    if (e.type === 'alert.attached') this.bump('alerts')
    if (e.type === 'handover.confirmed') this.takeOver(e)
    const ended = e.type === 'incident.state' && e.state !== undefined && isFinalIncident(e.state)
    if (ended) this.bump('closed')
    const old = this.incidents?.get(e.incident_id ?? '')
    if (!old) return // it ended before: what concerns it now concerns nobody here
    if (ended) this.drop(old)
    else this.put(changed(old, e, (t) => this.answered(old, t)))
  }

  // takeOver puts the incoming officer's name on the tasks that the outgoing one worked on.
  private takeOver(e: LiveEvent): void {
    const to = e.handover?.to
    if (!to) return
    for (const h of e.handover?.tasks ?? []) {
      const i = this.incidents?.get(h.incident)
      if (!i?.tasks.some((t) => t.id === h.task && t.officer)) continue
      this.put({ ...i, tasks: i.tasks.map((t) => (t.id === h.task && t.officer ? { ...t, officer: to } : t)) })
    }
  }

  private bump(what: 'alerts' | 'incidents' | 'closed'): void {
    this.s.today = { ...this.s.today, [what]: this.s.today[what] + 1 }
  }

  private put(i: Incident): void {
    const old = this.incidents?.get(i.id)
    if (old) this.s.tally.add(old, -1)
    this.s.tally.add(i, 1)
    this.incidents?.set(i.id, i)
  }

  private drop(i: Incident): void {
    this.s.tally.add(i, -1)
    this.incidents?.delete(i.id)
  }

  private answered(i: Incident, t: Task): void {
    if (i.tasks.find((o) => o.id === t.id)?.acknowledged_at === t.acknowledged_at) return
    const a = answerOf(t)
    if (!a) return
    if (!this.answers) this.s.answers = this.answers = [...this.s.answers]
    this.answers.push(a)
    if (this.answers.length > MAX_ANSWERS) this.answers.shift()
  }
}

// changed returns i after e.
function changed(i: Incident, e: LiveEvent, onTask: (t: Task) => void): Incident {
  const next: Incident = { ...i, seq: e.seq, updated_at: e.at }
  if (e.task) {
    onTask(e.task)
    const at = i.tasks.findIndex((t) => t.id === e.task?.id)
    next.tasks = at < 0 ? [...i.tasks, e.task] : i.tasks.with(at, e.task)
    return next
  }
  switch (e.type) {
    case 'alert.attached':
      next.alert_count = e.alert_count ?? i.alert_count + 1
      if (e.last_occurred_at) next.last_occurred_at = e.last_occurred_at
      if (e.folded_count !== undefined) next.folded_count = e.folded_count
      warn(next, e, i.cover === undefined)
      if (e.alert?.level && !i.level) next.level = e.alert.level
      break
    case 'alert.updated':
      if (e.incident_type) next.type = e.incident_type
      if (e.last_occurred_at) next.last_occurred_at = e.last_occurred_at
      if (e.cancelled_count !== undefined) next.cancelled_count = e.cancelled_count
      warn(next, e, true)
      if (e.alert?.level) next.level = e.alert.level
      break
    case 'alert.cancelled':
      if (e.cancelled_count !== undefined) next.cancelled_count = e.cancelled_count
      break
    case 'incident.confirmed':
      delete next.unconfirmed
      break
    case 'incident.priority':
      if (!e.priority) break
      next.priority = e.priority
      next.tasks = i.tasks.map((t) => (isFinalTask(t.state) ? t : { ...t, priority: e.priority as Incident['priority'] }))
      break
    case 'incident.reported':
      if (e.rule && !i.reported?.includes(e.rule)) next.reported = [...(i.reported ?? []), e.rule]
      break
    case 'incident.passed':
      if (e.to) next.level = e.to as AreaLevel
      break
    case 'incident.state':
      if (e.state) next.state = e.state
      break
  }
  return next
}

// warn takes into an incident what an alert says of a warning, as the server does: a level always, an area where there
// was none or the alert is an update.
function warn(i: Incident, e: LiveEvent, newCover: boolean): void {
  if (e.alert?.warning_level) i.warning_level = e.alert.warning_level
  if (e.alert?.cover && newCover) i.cover = e.alert.cover
}

function answerOf(t: Task): Answer | undefined {
  if (!t.acknowledged_at) return undefined
  const at = Date.parse(t.acknowledged_at)
  return { priority: t.priority, at, tookMs: at - Date.parse(t.assigned_at), inTime: !t.overdue }
}

// mergeAnswers adds the acknowledgements a snapshot shows to those seen before, so that a reconnect loses none.
function mergeAnswers(seen: readonly Answer[], incidents: Iterable<Incident>): Answer[] {
  const all = new Map<string, Answer>()
  const keep = (a: Answer) => all.set(`${a.at}/${a.tookMs}/${a.priority}`, a)
  seen.forEach(keep)
  for (const i of incidents) {
    for (const t of i.tasks) {
      const a = answerOf(t)
      if (a) keep(a)
    }
  }
  return [...all.values()].sort((a, b) => a.at - b.at).slice(-MAX_ANSWERS)
}
