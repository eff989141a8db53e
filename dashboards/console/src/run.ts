// What runs beside the page: who it is, the link, the clock, the alarm, and what is fetched because of them.

import { batch, effect } from '@preact/signals'
import { Link } from '@banyan/live/link'
import type { LinkState } from '@banyan/live/link'
import { isFinalIncident } from '@banyan/live/protocol'
import type { LiveEvent, StateFrame } from '@banyan/live/protocol'
import { seatsAfter } from '@banyan/live/seats'
import { EMPTY } from '@banyan/live/store'
import type { Store } from '@banyan/live/store'
import { ring, SILENT } from './alarm.ts'
import { after, CENTRE } from './queue.ts'
import { getAreas, getCity, getIncident, getMe, getSeats, getTimeline, logOut, Refusal } from './server.ts'
import type { Who } from './server.ts'
import { fragment, rememberSeat, rememberToken, tokenNow } from './session.ts'
import { lastConfirmed, look } from './sending.ts'
import { audible, play } from './sound.ts'
import { describe } from './words.ts'
import {
  alarm, areas, canSound, city, desk, door, doorProblem, drafts, item, link, list, me, mutedUntil, notices, paper, queue, remember, rows, say, seats,
  selected, selectedTask, serverNow, shownItem, store, text, tick, timeline, trust, UNLINKED, untrusted, who,
} from './state.ts'
import type { Door, Notice } from './state.ts'

const PING_EVERY_TICKS = 5 // seconds; a seat is lost after 15 s of silence
const SEATS_MS = 60_000 // who is on the roster changes without an event
const RETRY_MS = [1_000, 2_000, 5_000, 10_000]
const DRAW_MS = 100
const LOSS_REPEAT_MS = 30_000 // of the sound of a lost link
const MAX_NOTICES = 50
const MAX_STRANGERS = 64 // incidents asked for at once because an event named them
const MAX_SINCE = 256 // events kept of each while it is asked for

let running: Link | undefined
let run = 0 // of who sits here; what an older one started gives up

export function start(): void {
  drafts.tidy()
  startClock()
  globalThis.addEventListener('hashchange', () => {
    if (fragment('token')) enter({ token: tokenNow(), seat: '' })
    paper.value = fragment('handover') || paper.peek()
  })
  paper.value = fragment('handover')
  setInterval(() => void refreshSeats(), SEATS_MS)
  effect(() => {
    void [selected.value, queue.value, rows.value]
    remember()
  })
  effect(() => chooseFirst())
  effect(() => void readTimeline(item.value?.incident.id))
  effect(() => sound())
  effect(() => passOn())
  effect(() => {
    if (store.value.configs > 0) void readCity(who.peek(), run)
  })
  void open()
}

// startClock counts seconds in a worker, or where there is none, here.
function startClock(): void {
  const step = () => {
    tick.value++
    if (tick.peek() % PING_EVERY_TICKS === 0) running?.ping()
    canSound.value = audible()
  }
  try {
    new Worker(new URL('./ticker.ts', import.meta.url), { type: 'module' }).onmessage = step
  } catch {
    setInterval(step, 1_000)
  }
}

// enter begins anew as somebody else, or as the same with another seat.
export function enter(w: Who): void {
  rememberToken(w.token)
  rememberSeat(w.seat)
  who.value = w
  void open()
}

export async function leave(): Promise<void> {
  try {
    if (!who.peek().token) await logOut(who.peek())
  } catch (e) {
    if (!(e instanceof Refusal) || e.unsure) throw e
  }
  rememberToken('')
  rememberSeat('')
  who.value = { token: '', seat: '' }
  shut('closed', '')
}

function shut(to: Door, problem: string): void {
  run++
  running?.stop()
  running = undefined
  clearTimeout(late)
  late = undefined
  newest = EMPTY
  strangers.clear()
  batch(() => {
    door.value = to
    doorProblem.value = problem
    store.value = EMPTY
    seats.value = []
    link.value = UNLINKED
    alarm.value = SILENT
    notices.value = []
    timeline.value = undefined
    shownItem.value = undefined
    selected.value = ''
    selectedTask.value = ''
    if (to === 'closed') me.value = undefined
  })
}

// open finds out who sits here, reads the city and begins the link. What does not answer is asked again.
async function open(): Promise<void> {
  shut('opening', '')
  const mine = run
  const w = who.peek()
  const m = await persistently(mine, () => getMe(w))
  if (!m) return
  if (!m.seat && !m.department) return shut('closed', 'no-desk')
  me.value = m
  if (!(await readCity(w, mine))) return
  const all = await persistently(mine, () => getSeats(w))
  if (!all) return
  seats.value = all
  const seat = m.seat ?? w.seat
  if (!all.some((s) => s.id === seat)) {
    door.value = 'seat'
    return
  }
  door.value = 'open'
  begin(w, seat, mine)
}

// persistently calls what until it answers. It returns undefined where the answer was no, or another one sits here.
async function persistently<T>(mine: number, what: () => Promise<T>): Promise<T | undefined> {
  for (let n = 0; ; n++) {
    try {
      const answer = await what()
      return mine === run ? answer : undefined
    } catch (e) {
      if (mine !== run) return undefined
      if (e instanceof Refusal && (e.status === 401 || e.status === 403)) {
        shut('closed', who.peek().token ? 'refused' : me.peek() ? 'over' : '')
        return undefined
      }
      doorProblem.value = e instanceof Error ? e.message : String(e)
    }
    await new Promise((done) => setTimeout(done, RETRY_MS[Math.min(n, RETRY_MS.length - 1)]))
    if (mine !== run) return undefined
  }
}

async function readCity(w: Who, mine: number): Promise<boolean> {
  const c = await persistently(mine, () => getCity(w))
  if (!c) return false
  city.value = c
  areas.value = new Map(c.areas.map((a) => [a.code, a]))
  getAreas(w).then((all) => {
    if (mine === run) areas.value = new Map([...areas.peek(), ...all.map((a) => [a.code, a] as const)])
  }, (e: unknown) => console.warn('areas: ' + String(e)))
  return true
}

function begin(w: Who, seat: string, mine: number): void {
  const department = desk.peek().department
  freshPicture = true
  heardSeq = 0
  const url = new URL('/api/v1/stream', location.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  url.hash = ''
  running = new Link({
    url: url.href, topics: ['seat:' + seat, 'department:' + department, ...(department === CENTRE ? ['wall'] : [])],
    ...(w.token ? { token: w.token } : { seat }),
    onStore: show, onLink: follow, onFrames: (frames, s) => hear(frames, s),
    entitled: () => getMe(w).then(() => true, (e) => !(e instanceof Refusal && e.status === 401)),
  })
  if (mine === run) running.start()
}

function follow(l: LinkState): void {
  const before = link.peek()
  link.value = l
  if (l.phase === 'refused') shut('closed', who.peek().token ? 'refused' : 'over')
  if (l.phase === 'live' && before.phase !== 'live') {
    running?.ping()
    const shown = item.peek()?.incident.id
    if (shown) void readTimeline(shown, true)
  }
}

let late: ReturnType<typeof setTimeout> | undefined
let nextAt = 0
let newest: Store = EMPTY

// show draws s now, or in a moment when something was drawn just before: a flood costs ten drawings a second.
function show(s: Store): void {
  newest = s
  const wait = nextAt - performance.now()
  if (wait <= 0 || s.adrift) draw()
  else late ??= setTimeout(draw, wait)
}

function draw(): void {
  clearTimeout(late)
  late = undefined
  nextAt = performance.now() + DRAW_MS
  store.value = newest
  look(unlooked)
  unlooked = []
}

let unlooked: LiveEvent[] = [] // applied, and not yet drawn: what they confirm is said when the picture shows it

let heardSeq = 0

// hear takes from frames what is not in the picture: seats, notices, the timeline of the incident shown.
function hear(frames: readonly StateFrame[], after: Store): void {
  let list = seats.peek()
  const fresh: LiveEvent[] = []
  for (const f of frames) {
    if (f.op === 'snapshot') {
      list = f.seats
      heardSeq = f.seq
    }
    if (f.op === 'events' && f.epoch === after.epoch) fresh.push(...f.events.filter((e) => e.seq > heardSeq && e.seq <= after.seq))
  }
  heardSeq = fresh.at(-1)?.seq ?? heardSeq
  for (const e of fresh) {
    list = seatsAfter(list, e)
    if (e.type === 'seat.signed_off') setTimeout(() => void refreshSeats(), 200)
    if (TELLING.includes(e.type)) tell(e)
    meet(e, after)
    ended(e)
  }
  unlooked.push(...fresh)
  seats.value = list
  extend(fresh)
}

const TELLING: readonly string[] = ['seat.lost', 'seat.found', 'seat.no_show', 'handover.missed', 'handover.opened', 'handover.confirmed']
const LOUD: readonly string[] = ['seat.lost', 'seat.no_show', 'handover.missed']
let noticeIds = 0

function tell(event: LiveEvent): void {
  const n: Notice = { id: ++noticeIds, loud: LOUD.includes(event.type), at: event.at, event }
  notices.value = [n, ...notices.peek()].slice(0, MAX_NOTICES)
}

export function dismissNotices(): void {
  notices.value = []
}

// Strangers are incidents that an event names and the picture does not have: a department asked for support later
// has not heard of what was before. They are asked for, once, with the events that come meanwhile.
const strangers = new Map<string, LiveEvent[]>()

function meet(e: LiveEvent, s: Store): void {
  const id = e.incident_id
  if (!id || s.incidents.has(id) || !e.task || e.type === 'task.cancelled') return
  const since = strangers.get(id)
  if (since) {
    if (since.length < MAX_SINCE) since.push(e)
    return
  }
  if (strangers.size >= MAX_STRANGERS) return
  strangers.set(id, [e])
  void fetchStranger(id, run)
}

async function fetchStranger(id: string, mine: number): Promise<void> {
  try {
    const i = await getIncident(who.peek(), id)
    if (mine === run) running?.adopt(i, strangers.get(id) ?? [])
  } catch (e) {
    console.warn(`incident ${id}: ${String(e)}`)
  } finally {
    strangers.delete(id)
  }
}

// ended keeps what became of the incident shown, which leaves the picture.
function ended(e: LiveEvent): void {
  const s = shownItem.peek()
  if (!s || e.type !== 'incident.state' || !e.state || !isFinalIncident(e.state) || s.incident.id !== e.incident_id) return
  shownItem.value = { ...s, incident: { ...s.incident, state: e.state } }
}

export async function refreshSeats(): Promise<void> {
  if (door.peek() !== 'open' || link.peek().phase !== 'live') return
  const mine = run
  try {
    const all = await getSeats(who.peek())
    if (mine === run) seats.value = all
  } catch (e) {
    console.warn('seats: ' + String(e))
  }
}

async function readTimeline(id: string | undefined, again = false): Promise<void> {
  const had = timeline.peek()
  if (!id || (had?.incident === id && !again)) return
  if (had?.incident !== id) timeline.value = { incident: id, events: [], truncated: false, problem: '' }
  const mine = run
  try {
    const t = await getTimeline(who.peek(), id)
    const now = timeline.peek()
    if (mine !== run || now?.incident !== id) return
    const newestSeq = t.events.at(-1)?.seq ?? 0
    timeline.value = { incident: id, truncated: t.truncated, problem: '', events: [...t.events, ...now.events.filter((e) => e.seq > newestSeq)] }
  } catch (e) {
    const now = timeline.peek()
    if (now?.incident === id) timeline.value = { ...now, problem: e instanceof Error ? e.message : String(e) }
  }
}

function extend(events: readonly LiveEvent[]): void {
  const t = timeline.peek()
  if (!t) return
  const last = t.events.at(-1)?.seq ?? 0
  const more = events.filter((e) => e.seq > last && (e.incident_id ?? e.incident?.id) === t.incident)
  if (more.length > 0) timeline.value = { ...t, events: [...t.events, ...more] }
}

// The selection moves by itself in two cases only: from nothing to the first that waits, and, where the officer's
// own action has ended what was selected, on to the next. movedAt keeps keys from falling on what has just come
// under them.
export let movedAt = -Infinity

function moveTo(key: string): void {
  movedAt = performance.now()
  batch(() => {
    selected.value = key
    selectedTask.value = ''
  })
}

function chooseFirst(): void {
  if (selected.value !== '' || queue.value.length === 0 || list.value !== 'mine') return
  moveTo((queue.value.find((i) => i.waiting) ?? queue.value[0])?.key ?? '')
}

const ENDING: readonly string[] = ['finish', 'return', 'verify', 'cancel']

function passOn(): void {
  const p = lastConfirmed.value
  if (!p || !ENDING.includes(p.request.act)) return
  const row = shownItem.peek()
  const about = p.request.on === 'task' ? row?.task?.id === p.request.task : p.request.on === 'incident' && row?.incident.id === p.request.incident
  if (about && row?.key === selected.peek() && list.peek() === 'mine') moveTo(after(queue.peek(), row.key))
}

let freshPicture = true // the first since somebody sat down
let soundedLossMs = -Infinity

// sound runs once a second and when the queue changes.
function sound(): void {
  void tick.value
  const muted = mutedUntil.value > serverNow.peek()
  if (untrusted.value && !muted && Date.now() - soundedLossMs > LOSS_REPEAT_MS) {
    soundedLossMs = Date.now()
    play('link')
  }
  if (trust.value !== 'live') return
  soundedLossMs = -Infinity
  const { alarm: next, sound: level, news } = ring(alarm.peek(), queue.value, Date.now(), muted, freshPicture)
  freshPicture = false
  alarm.value = next
  if (level) play(level)
  const [first] = news
  if (first) say(text.peek().newArrival(describe(first)) + (news.length > 1 ? ` +${news.length - 1}` : ''))
}
