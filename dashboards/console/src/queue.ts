// The officer's queue: what lies at the seat, in which order, and how a flood is gathered. Pure.

import { isFinalIncident, isFinalTask, isWaitingTask, PRIORITIES } from '@banyan/live/protocol'
import type { Incident, Priority, Seat, Task } from '@banyan/live/protocol'

export const CENTRE = 'centre'

// Desk is the seat that looks.
export interface Desk {
  seat: string
  department: string
  role: Seat['role']
}

export const isLeader = (d: Desk): boolean => d.role === 'leader' || d.role === 'commander' || d.role === 'centre'

// leads reports whether the desk speaks for a department: its duty leader, or the centre.
export const leads = (d: Desk, department: string): boolean =>
  d.department === CENTRE || (d.department === department && d.role === 'leader')

export const entitled = (d: Desk, t: Task): boolean => t.seat === d.seat || (t.escalated?.includes(d.seat) ?? false)

export const leadOf = (i: Incident): Task | undefined => i.tasks.findLast((t) => t.role === 'lead')

// Item is a row: a task, an incident that waits to be verified, or, among all, an incident as a whole.
export interface Item {
  key: string // of the task, or of the incident
  incident: Incident
  task: Task | undefined
  kind: 'task' | 'verify' | 'incident'
  priority: Priority
  sinceMs: number // when its clock began
  waiting: boolean // somebody must acknowledge
  ended: boolean // shown only because it is selected
}

const rank = (p: Priority) => (PRIORITIES.indexOf(p) + PRIORITIES.length + 1) % (PRIORITIES.length + 1) // a level of a newer server first

// byUrgency is the order of the queue: priority, then age.
export const byUrgency = (a: Item, b: Item): number =>
  rank(a.priority) - rank(b.priority) || a.sinceMs - b.sinceMs || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)

// lies reports whether a task is in the desk's queue: at the seat, or brought before it and not yet answered. A
// leader has the tasks of the department that nobody holds.
function lies(d: Desk, t: Task): boolean {
  if (isFinalTask(t.state)) return false
  if (t.seat === d.seat) return true
  if (t.escalated?.includes(d.seat)) return true
  return t.state === 'unstaffed' && d.role === 'leader' && t.department === d.department
}

export function taskItem(incident: Incident, task: Task): Item {
  return {
    key: task.id, incident, task, kind: 'task', priority: task.priority, sinceMs: Date.parse(task.assigned_at),
    waiting: isWaitingTask(task.state) && incident.state !== 'suspended', ended: isFinalTask(task.state) || isFinalIncident(incident.state),
  }
}

// toVerify returns the row of an incident whose tasks are all finished, where the desk is to verify it.
function toVerify(d: Desk, i: Incident): Item | undefined {
  const lead = leadOf(i)
  if (i.state !== 'verifying' || !lead) return undefined
  if (lead.seat !== d.seat && !(d.role === 'leader' && d.department === lead.department)) return undefined
  return {
    key: i.id, incident: i, task: lead, kind: 'verify', priority: i.priority,
    sinceMs: Date.parse(lead.finished_at ?? i.updated_at ?? i.opened_at), waiting: false, ended: false,
  }
}

// mine returns the queue of a desk.
export function mine(d: Desk, incidents: Iterable<Incident>): Item[] {
  const items: Item[] = []
  for (const i of incidents) {
    for (const t of i.tasks) {
      if (lies(d, t)) items.push(taskItem(i, t))
    }
    const verify = toVerify(d, i)
    if (verify) items.push(verify)
  }
  return items.sort(byUrgency)
}

// taskFor returns the task of an incident that the desk's keys act on: one it holds, one brought before it, or
// for who leads, one of the department that waits. A finished one only where nothing else is left.
export function taskFor(d: Desk, i: Incident): Task | undefined {
  const open = i.tasks.filter((t) => !isFinalTask(t.state))
  return open.find((t) => t.seat === d.seat) ?? open.find((t) => entitled(d, t)) ??
    open.find((t) => t.department === d.department && leads(d, t.department)) ??
    open.find((t) => t.department === d.department) ?? i.tasks.findLast((t) => t.department === d.department)
}

export function incidentItem(d: Desk, i: Incident): Item {
  return {
    key: i.id, incident: i, task: taskFor(d, i), kind: 'incident', priority: i.priority, sinceMs: Date.parse(i.opened_at),
    waiting: i.state !== 'suspended' && i.tasks.some((t) => isWaitingTask(t.state)), ended: isFinalIncident(i.state),
  }
}

// all returns every incident the desk knows of.
export const all = (d: Desk, incidents: Iterable<Incident>): Item[] => [...incidents].map((i) => incidentItem(d, i)).sort(byUrgency)

// FLOOD is how many new tasks within FLOOD_MS make a flood (ISA-18.2 and EEMUA 191: ten alarms in ten minutes are
// the most that one person can deal with).
export const FLOOD = 10
export const FLOOD_MS = 10 * 60_000
export const GROUP_LEAST = 3 // fewer stand alone

// inFlood reports whether more than FLOOD tasks of the queue came in the last FLOOD_MS.
export function inFlood(items: readonly Item[], nowMs: number): boolean {
  let n = 0
  for (const i of items) {
    if (i.kind === 'task' && nowMs - i.sinceMs < FLOOD_MS) n++
  }
  return n > FLOOD
}

export interface Group {
  key: string
  type: string
  area: string // code of the district or the nearest there is
  items: readonly Item[]
}

export type Row = { kind: 'item'; item: Item; inGroup: boolean } | { kind: 'group'; group: Group; open: boolean }

const DISTRICT = 1 // place in an incident's path of areas: the city is 0

// arrange makes the rows of a queue. In a flood, tasks of one type in one district stand behind one row, that of
// the most urgent; P1 and the selected one always have rows of their own.
export function arrange(items: readonly Item[], flood: boolean, open: ReadonlySet<string>, selected: string): Row[] {
  const alone = (item: Item): Row => ({ kind: 'item', item, inGroup: false })
  if (!flood) return items.map(alone)
  const groups = new Map<string, Item[]>()
  const groupOf = (i: Item) => `${i.incident.type}@${areaOf(i)}`
  for (const i of items) {
    if (i.priority === 'P1' || i.kind !== 'task') continue
    const g = groups.get(groupOf(i))
    if (g) g.push(i)
    else groups.set(groupOf(i), [i])
  }
  const rows: Row[] = []
  const told = new Set<string>()
  for (const i of items) {
    const key = groupOf(i)
    const members = i.priority === 'P1' || i.kind !== 'task' ? undefined : groups.get(key)
    if (!members || members.length < GROUP_LEAST) {
      rows.push(alone(i))
      continue
    }
    if (told.has(key)) continue
    told.add(key)
    rows.push({ kind: 'group', group: { key, type: i.incident.type, area: areaOf(i), items: members }, open: open.has(key) })
    for (const m of members) {
      if (open.has(key) || m.key === selected) rows.push({ kind: 'item', item: m, inGroup: true })
    }
  }
  return rows
}

const areaOf = (i: Item): string => i.incident.areas?.[DISTRICT] ?? i.incident.areas?.[0] ?? ''

export const keyOfRow = (r: Row): string => (r.kind === 'item' ? r.item.key : r.group.key)

// withSelected keeps the selected row in sight where it has left the queue: nothing may slip under the hand.
export function withSelected(items: Item[], selected: Item | undefined): Item[] {
  if (!selected || items.some((i) => i.key === selected.key)) return items
  return [...items, { ...selected, waiting: false, ended: true }].sort(byUrgency)
}

// after returns the row to select when the one at key has been dealt with: the most urgent that waits, else its
// neighbour.
export function after(items: readonly Item[], key: string): string {
  const rest = items.filter((i) => i.key !== key && !i.ended)
  const at = items.findIndex((i) => i.key === key)
  return (rest.find((i) => i.waiting) ?? rest[Math.min(Math.max(at, 0), rest.length - 1)])?.key ?? ''
}
