// The documents and frames of docs/protocol.md, as far as the pages read them. Times are RFC 3339 strings.

import type { LayersFrame } from './layers.ts'

export type Priority = 'P1' | 'P2' | 'P3' | 'P4'
export const PRIORITIES: readonly Priority[] = ['P1', 'P2', 'P3', 'P4']

export type TaskState =
  | 'unstaffed' | 'assigned' | 'acknowledged' | 'en_route' | 'on_scene' | 'done' | 'returned' | 'cancelled'

export type IncidentState = 'open' | 'handling' | 'verifying' | 'suspended' | 'closed' | 'cancelled'

export interface Task {
  id: string
  incident_id: string
  department: string
  role: 'lead' | 'support'
  seat?: string
  state: TaskState
  priority: Priority
  reason?: string
  deadline?: string
  step?: number
  overdue?: boolean
  escalated?: readonly string[]
  officer?: string // who acknowledged it, or took it over
  assigned_at: string
  acknowledged_at?: string
  en_route_at?: string
  on_scene_at?: string
  finished_at?: string
  end_reason?: string
}

// WarningLevel is the colour of a forecast or warning, an axis of its own beside priority.
export type WarningLevel = 'red' | 'orange' | 'yellow' | 'blue'

// AreaLevel is a level of the areas, from the city down.
export type AreaLevel = 'city' | 'district' | 'street' | 'community' | 'grid'

// Cover is what a warning is about: codes of areas, and H3 cells, compacted.
export interface Cover {
  areas?: readonly string[]
  cells?: readonly string[]
}

// AlertRef is what an incident keeps of each of its alerts.
export interface AlertRef {
  alert_id: string
  source: string
  id: string
  type: string
  occurred_at: string
}

// Alert is a whole one, as events carry it.
export interface Alert extends AlertRef {
  received_at?: string
  location?: { lon: number; lat: number; accuracy_m?: number }
  area?: string
  text?: string
  attributes?: Readonly<Record<string, unknown>>
  warning_level?: WarningLevel
  cover?: Cover
  exercise?: boolean // a drill
  level?: AreaLevel
}

export interface Incident {
  id: string
  number: string
  type: string
  group?: string
  class?: string
  state: IncidentState
  priority: Priority
  location?: { lon: number; lat: number; accuracy_m?: number }
  location_from?: 'position' | 'area' | 'none'
  cell?: string
  areas?: readonly string[]
  outside_city?: boolean
  text?: string // of the first alert
  plan?: string
  alerts?: readonly AlertRef[]
  alert_count: number
  tasks: readonly Task[]
  opened_at: string
  updated_at?: string
  last_occurred_at?: string
  seq: number
  sensitivity?: string // 'sealed': part of it is opened by who is entitled, with a reason
  unconfirmed?: { source: string } // only somebody of low trust has reported it
  cancelled_count?: number // alerts that their sources took back
  folded_count?: number // alerts that a storm rule put here
  exercise?: boolean // a drill
  level?: AreaLevel // it was passed to; absent: that of the last of its areas
  warning_level?: WarningLevel
  cover?: Cover
  reported?: readonly string[] // ids of the reports upward that were made
}

export interface Seat {
  id: string
  department: string
  name: string
  name_en?: string
  role: 'duty' | 'backup' | 'leader' | 'centre' | 'commander'
  holder?: string // signed on, or else rostered
  presence?: 'present' | 'absent' | 'lost'
  on_duty: boolean
  handover_id?: string // one that waits to be confirmed
  shift?: string
  shift_name?: string
  shift_name_en?: string
  until?: string
  open_tasks?: number
  waiting_tasks?: number
  areas?: readonly string[]
  maintenance?: Maintenance // while it is in force
}

// Maintenance takes a seat or a source out of service until an instant. Walls hear neither why nor by whom.
export interface Maintenance {
  until: string
  reason?: string
  by?: string
}

// Gap is a time ahead in which nobody is to hold a seat; without an end it reaches further than a week on.
export interface Gap {
  seat: string
  department: string
  from: string
  to?: string
  why?: string
}

// Amendment changes the roster for a time: somebody else at a seat, a shift added, or a person away.
export interface Amendment {
  id: string
  kind: 'override' | 'one_off' | 'leave'
  department?: string
  seat?: string // none: leave
  person: string
  substitute?: string
  from: string
  to: string
  reason?: string
  by?: string
  at?: string
}

// Stint is a time at a seat.
export interface Stint {
  seat: string
  from: string
  to: string
}

export type SwapState = 'asked' | 'accepted' | 'approved' | 'refused' | 'withdrawn'

// Swap: person asks that with takes a shift, perhaps for one in return; a third approves.
export interface Swap {
  id: string
  department?: string
  person: string
  with: string
  give: Stint
  return?: Stint
  state: SwapState
  approved_by?: string
  reason?: string
  asked_at: string
}

// Actor is who did something; the system itself has no seat.
export interface Actor {
  seat?: string
  department?: string
  name?: string
  user?: string
}

export interface SignOn {
  seat: string
  officer: string
  at: string
  rostered: boolean
  reason?: string
  lost_at?: string
  missed_at?: string
}

export interface Handover {
  id: string
  seat: string
  from: string
  note: string
  opened_at: string
  tasks: readonly HandoverTask[]
  to?: string
  reason?: string
  confirmed_at?: string
  reports?: readonly ReportDue[] // upward, still owed; soonest first
  watch?: readonly WatchItem[]
}

// Handed is a handover that was confirmed, as a list has it.
export interface Handed {
  id: string
  seat: string
  from: string
  to: string
  at: string
}

export interface ReportDue {
  report?: string
  name: string
  name_en?: string
  to?: string
  basis?: string
  incident: string
  number: string
  due: string
}

// WatchItem is something the next officer keeps an eye on; kind says which of the others are there.
export interface WatchItem {
  kind: string // suspended, unstaffed, lost, maintenance, gap, or what a newer server says
  incident?: string
  number?: string
  seat?: string
  source?: string
  from?: string
  until?: string
  reason?: string
}

export interface HandoverTask {
  task: string
  incident: string
  number: string
  type: string
  priority: Priority
  state: TaskState
  assigned_at: string
  deadline?: string
}

// Load is how much work lies somewhere: open, of these not acknowledged, of these past their deadline.
export interface Load {
  open: number
  unacknowledged: number
  overdue: number
}

export interface Today {
  day?: string
  alerts: number
  incidents: number
  closed: number
}

export interface Counts {
  priorities: Partial<Record<Priority, Load>>
  departments: readonly ({ id: string; seats_on_duty?: number; seats?: number } & Load)[]
  today: Today
}

export interface Named {
  name: string
  name_en?: string
}

export interface City extends Named {
  id: string
  time_zone: string
  centre: { lon: number; lat: number }
  zoom: number
  departments: readonly ({ id: string; joined?: boolean } & Named)[]
  types: readonly ({ code: string; priority?: Priority } & Named)[]
  areas: readonly Area[]
  objectives?: readonly Objective[] // absent: an older server
  reports?: readonly ReportRule[] // absent: an older server
  passing?: { types: readonly string[]; levels: readonly AreaLevel[] } // which incidents are passed between levels, from the city down
  registers?: readonly string[] // ids; absent: an older server
}

// ReportRule is a report upward that is owed of incidents of its types and priorities.
export interface ReportRule extends Named {
  id: string
  types: readonly string[]
  priorities: readonly Priority[]
  within_seconds: number // after the incident was opened
  to?: string
  basis?: string
}

// Objective is a share of a stage that is to be within a time. What is absent narrows nothing.
export interface Objective extends Named {
  id: string
  stage: string
  priority?: Priority
  department?: string
  class?: string
  within_seconds: number
  share: number // above 0, below 1
  basis: string
}

export interface Area extends Named {
  code: string
  parent?: string
  level: string
}

export interface LiveEvent {
  seq: number
  at: string
  type: string
  incident_id?: string
  incident?: Incident
  alert?: Alert
  alert_count?: number
  last_occurred_at?: string
  cancelled_count?: number
  folded_count?: number
  incident_type?: string
  alert_id?: string
  revision?: string
  task?: Task
  task_id?: string
  priority?: Priority
  state?: IncidentState
  from?: string
  step?: string
  to?: string
  rule?: string
  reason?: string
  text?: string
  by?: Actor
  seat?: string
  sign_on?: SignOn
  handover?: Handover
  day?: string
  source?: string
  amendment?: Amendment
  swap?: Swap
  removed?: boolean
  gap?: Gap
  maintenance?: Maintenance
}

export interface SnapshotFrame {
  op: 'snapshot'
  epoch: number
  seq: number
  incidents: readonly Incident[]
  seats: readonly Seat[]
  counts?: Counts
  gaps?: readonly Gap[] // in the roster ahead, the first of them
  gaps_total?: number
  server_time: string
  stale_since?: string // since when the server itself has not heard of the city
  reason: string
}

export interface EventsFrame {
  op: 'events'
  epoch: number
  from: number
  to: number
  events: readonly LiveEvent[]
}

export interface ResumedFrame {
  op: 'resumed'
  epoch: number
  seq: number
}

export interface HeartbeatFrame {
  op: 'heartbeat'
  epoch: number
  seq: number
  server_time: string
  stale_since?: string
}

export type StateFrame = SnapshotFrame | EventsFrame | ResumedFrame | HeartbeatFrame

export type ServerFrame =
  | StateFrame
  | LayersFrame
  | { op: 'error'; code: string; detail: string }
  | { op: 'pong'; id?: number; server_time: string }

// parseFrame returns the frame in text, or undefined when it is none a client of this version knows: a newer
// server may say more.
export function parseFrame(text: string): ServerFrame | undefined {
  const frame: unknown = JSON.parse(text)
  if (typeof frame !== 'object' || frame === null || !('op' in frame)) return undefined
  switch (frame.op) {
    case 'snapshot': case 'events': case 'resumed': case 'heartbeat': case 'error': case 'pong': case 'layers':
      return frame as ServerFrame
  }
  return undefined
}

export const isFinalTask = (s: TaskState): boolean => s === 'done' || s === 'returned' || s === 'cancelled'
export const isWaitingTask = (s: TaskState): boolean => s === 'assigned' || s === 'unstaffed'
export const isFinalIncident = (s: IncidentState): boolean => s === 'closed' || s === 'cancelled'
