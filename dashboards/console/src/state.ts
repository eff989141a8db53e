// The console's state as signals: who sits here, what is known, what is selected and what was sent. Everything
// drawn follows from these; run.ts and sending.ts write them.

import { computed, signal } from '@preact/signals'
import { ageMs, STALE_MS } from '@banyan/live/link'
import type { LinkState } from '@banyan/live/link'
import type { Area, City, Incident, LiveEvent, Seat } from '@banyan/live/protocol'
import { EMPTY } from '@banyan/live/store'
import type { Store } from '@banyan/live/store'
import { wallclock } from '@banyan/live/time'
import { Drafts } from './drafts.ts'
import { SILENT } from './alarm.ts'
import type { Alarm } from './alarm.ts'
import type { Pending } from './pending.ts'
import { all, arrange, inFlood, isLeader, keyOfRow, mine, taskItem, withSelected } from './queue.ts'
import type { Desk, Item } from './queue.ts'
import type { Me, Who } from './server.ts'
import { seatNow, tokenNow } from './session.ts'
import { TEXT } from './text.ts'
import type { Lang } from './text.ts'

const APPROVERS: readonly string[] = ['duty_leader', 'commander', 'roster_editor']
const SEATED: readonly string[] = ['officer', 'duty_leader', 'commander', 'seat_key']
export const LOST_AFTER_MS = 3_000 // a link that comes back sooner is not shouted about
const LANG_KEY = 'banyan.console.lang'

// Who sits here.
export type Door = 'opening' | 'closed' | 'seat' | 'open' // seat: a person has yet to say where they sit
export const door = signal<Door>('opening')
export const doorProblem = signal('')
export const who = signal<Who>({ token: tokenNow(), seat: seatNow() })
export const me = signal<Me | undefined>(undefined)

// What is known.
export const city = signal<City | undefined>(undefined)
export const areas = signal<ReadonlyMap<string, Area>>(new Map())
export const store = signal<Store>(EMPTY)
export const seats = signal<readonly Seat[]>([])
export const UNLINKED: LinkState = { phase: 'connecting', heardAt: 0, heardDate: 0, attempts: 0, skewMs: 0 }
export const link = signal<LinkState>(UNLINKED)
export const tick = signal(0) // counts seconds
export const lang = signal<Lang>(readLang())
export const text = computed(() => TEXT[lang.value])

// Notice is something that happened and that is not a task: a console lost, an officer who did not come.
export interface Notice {
  id: number
  loud: boolean
  at: string
  event: LiveEvent
}
export const notices = signal<readonly Notice[]>([])

// What is looked at.
export type List = 'mine' | 'all'
export const list = signal<List>('mine')
// Pane is what stands beside the queue: an incident, the duty leader's board, the department's roster, the sources, or statistics.
export type Pane = 'incident' | 'board' | 'roster' | 'feeds' | 'statistics'
export const pane = signal<Pane>('incident')
export const selected = signal('') // key of a row
export const movedAt = signal(-Infinity) // performance.now() of when the selection last moved by itself
export const selectedTask = signal('') // of the incident shown, where the officer chose another than their own
export const shownItem = signal<Item | undefined>(undefined) // the selected one as it was last seen
export const openGroups = signal<ReadonlySet<string>>(new Set())
export const paper = signal('') // id of a handover shown to be printed
export const timeline = signal<{ incident: string; events: readonly LiveEvent[]; truncated: boolean; problem: string } | undefined>(undefined)

// What was sent.
export const pending = signal<readonly Pending[]>([])
export const toast = signal<{ text: string; bad: boolean; id: number } | undefined>(undefined)
export const draftTrouble = signal('')
export const draftCount = signal(0) // changes whenever a draft does
export const drafts = new Drafts(storageOf(), (why) => (draftTrouble.value = why))

// What is heard.
export const alarm = signal<Alarm>(SILENT)
export const mutedUntil = signal(0) // ms since the epoch
export const canSound = signal(false)

function storageOf(): Storage | undefined {
  try {
    return localStorage
  } catch {
    return undefined
  }
}

function readLang(): Lang {
  return storageOf()?.getItem(LANG_KEY) === 'en' ? 'en' : 'zh'
}

export function switchLang(): void {
  lang.value = lang.value === 'zh' ? 'en' : 'zh'
  try {
    storageOf()?.setItem(LANG_KEY, lang.value)
  } catch { /* the language is then forgotten, no more */ }
}

const skewMs = computed(() => link.value.skewMs)

// serverNow is the time now by the server's clock, in ms since the epoch.
export const serverNow = computed(() => {
  void tick.value
  return Date.now() + skewMs.value
})

// dataAge is how old the picture is, in whole seconds as ms; Infinity before the first.
export const dataAge = computed(() => {
  void tick.value
  return Math.floor(ageMs(link.value, performance.now(), Date.now()) / 1_000) * 1_000
})

export type Trust = 'live' | 'connecting' | 'down' | 'stale' | 'lost'

// trust says how far the picture can be believed. Before the first one there is nothing to be lost.
export const trust = computed<Trust>(() => {
  const { phase, heardAt } = link.value
  if (heardAt === 0) return phase === 'down' ? 'down' : 'connecting'
  if (phase === 'down') return dataAge.value >= LOST_AFTER_MS ? 'lost' : 'down'
  if (dataAge.value >= STALE_MS) return 'stale'
  return phase === 'live' ? 'live' : 'connecting'
})
export const untrusted = computed(() => trust.value === 'lost' || trust.value === 'stale')

// The desk is the seat this console is at.
const seatId = computed(() => me.value?.seat ?? who.value.seat)
export const mySeat = computed(() => seats.value.find((s) => s.id === seatId.value))
export const desk = computed<Desk>(() => ({
  seat: seatId.value, department: mySeat.value?.department ?? me.value?.department ?? '', role: mySeat.value?.role ?? 'duty',
}))
export const leader = computed(() => isLeader(desk.value))
// roles of the person, or what the key may; approves says whether they may approve a swap, edits whether the roster.
const roles = computed(() => me.value?.roles ?? [])
export const approves = computed(() => roles.value.some((r) => APPROVERS.includes(r)) || (leader.value && me.value?.user === undefined))
export const edits = computed(() => roles.value.includes('roster_editor'))
// bookkeeper: somebody who writes rosters and sits at no seat; no incident is theirs to see, and no link.
export const bookkeeper = computed(() => edits.value && !roles.value.some((r) => SEATED.includes(r)))
export const myName = computed(() => me.value?.name ?? '')
export const signedOn = computed(() => mySeat.value?.presence === 'present' && mySeat.value.holder === myName.value)

export const queue = computed<Item[]>(() => mine(desk.value, store.value.incidents.values()))
const listed = computed<Item[]>(() => (list.value === 'mine' ? queue.value : all(desk.value, store.value.incidents.values())))
const flood10s = computed(() => Math.floor(serverNow.value / 10_000)) // whether there is a flood is asked every 10 s
export const flood = computed(() => inFlood(queue.value, flood10s.value * 10_000))

export const MAX_ROWS = 400 // drawn; "+N" says how many more
// ghost is the selected row where it has left the queue, as things stand with it now.
const ghost = computed<Item | undefined>(() => {
  const s = shownItem.value
  if (!s || s.key !== selected.value) return undefined
  const live = store.value.incidents.get(s.incident.id)
  return live ? { ...s, incident: live, task: live.tasks.find((t) => t.id === s.task?.id) } : s
})
export const rows = computed(() => {
  const items = withSelected(listed.value, ghost.value)
  return arrange(items, list.value === 'mine' && flood.value, openGroups.value, selected.value)
})
export const selectedRow = computed(() => rows.value.find((r) => keyOfRow(r) === selected.value))

// item is what the keys act on: the selected row, with the task the officer chose in its incident, if any.
export const item = computed<Item | undefined>(() => {
  const row = selectedRow.value
  const base = row?.kind === 'item' ? row.item : undefined
  if (!base || !selectedTask.value) return base
  const task = base.incident.tasks.find((t) => t.id === selectedTask.value)
  return task ? { ...taskItem(base.incident, task), key: base.key } : base
})

// incident is the one shown.
export const incident = computed<Incident | undefined>(() => item.value?.incident)

// remember keeps the selected row's last form for when it leaves the queue.
export function remember(): void {
  const row = selectedRow.peek()
  if (row?.kind === 'item' && !row.item.ended && row.item !== shownItem.peek()) shownItem.value = row.item
}

export const clock = computed(() => wallclock(city.value?.time_zone ?? 'Asia/Shanghai', lang.value === 'zh' ? 'zh-CN' : 'en-GB'))

let toasts = 0
const TOAST_MS = 6_000

// say shows a line for a moment; screen readers say it.
export function say(line: string, bad = false): void {
  const id = ++toasts
  toast.value = { text: line, bad, id }
  setTimeout(() => {
    if (toast.peek()?.id === id) toast.value = undefined
  }, TOAST_MS)
}
