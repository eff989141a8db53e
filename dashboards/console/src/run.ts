// What runs beside the page: who it is, the link, the clock, the alarm, and what is fetched because of them.

import { batch, computed, effect } from '@preact/signals'
import { Link } from '@banyan/live/link'
import type { LinkState } from '@banyan/live/link'
import type { LiveEvent } from '@banyan/live/protocol'
import { EMPTY } from '@banyan/live/store'
import type { Store } from '@banyan/live/store'
import { SILENT } from './alarm.ts'
import { forgetBooks, readBooks } from './books.ts'
import { forgetFeeds } from './feeds.ts'
import { closeSealed } from './sealed.ts'
import { deaf, hear, readTimeline } from './hear.ts'
import { chooseFirst, newcomer, passOn, sound } from './moves.ts'
import { forgetNear, readNear } from './nearread.ts'
import { CENTRE } from './queue.ts'
import { getAreas, getCity, getMe, getSeats, logOut, Refusal } from './server.ts'
import type { Who } from './server.ts'
import { fragment, rememberSeat, rememberToken, tokenNow } from './session.ts'
import { forgetStatistics } from './statistics.ts'
import { look } from './sending.ts'
import { audible } from './sound.ts'
import {
  alarm, areas, bookkeeper, canSound, city, desk, door, doorProblem, drafts, item, link, me, notices, paper, queue, remember, rows, seats, selected, selectedTask,
  shownItem, store, tick, timeline, UNLINKED, who,
} from './state.ts'
import type { Door } from './state.ts'

const PING_EVERY_TICKS = 5 // seconds; a seat is lost after 15 s of silence
const SEATS_MS = 60_000 // who is on the roster changes without an event
const RETRY_MS = [1_000, 2_000, 5_000, 10_000]
const DRAW_MS = 100

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
  setInterval(() => {
    void refreshSeats()
    if (bookkeeper.peek() && door.peek() === 'open') void readBooks().catch((e: unknown) => console.warn('roster: ' + String(e)))
  }, SEATS_MS)
  effect(() => {
    void [selected.value, queue.value, rows.value]
    remember()
  })
  effect(() => chooseFirst())
  const shown = computed(() => item.value?.incident.id)
  effect(() => {
    void readTimeline(shown.value)
    closeSealed()
  })
  const place = computed(() => [item.value?.incident.id, item.value?.incident.location?.lon, item.value?.incident.location?.lat, store.value.configs].join())
  effect(() => {
    void [place.value, city.value]
    void readNear(item.peek()?.incident)
  })
  effect(() => sound())
  effect(() => {
    void [store.value.amended, store.value.configs, store.value.gaps]
    if (door.value === 'open') void readBooks().catch((e: unknown) => console.warn('roster: ' + String(e)))
  })
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
  deaf()
  forgetBooks()
  forgetFeeds()
  forgetNear()
  forgetStatistics()
  closeSealed()
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
  if (bookkeeper.peek()) {
    door.value = 'open'
    return
  }
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
  newcomer()
  const url = new URL('/api/v1/stream', location.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  url.hash = ''
  running = new Link({
    url: url.href, topics: ['seat:' + seat, 'department:' + department, ...(department === CENTRE ? ['wall'] : [])],
    ...(w.token ? { token: w.token } : { seat }),
    onStore: show, onLink: follow, onFrames: (frames, s) => take(hear(frames, s, (i, since) => { if (mine === run) running?.adopt(i, since) })),
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
  running?.drew(newest.seq)
  look(unlooked)
  unlooked = []
}

let unlooked: LiveEvent[] = [] // applied, and not yet drawn: what they confirm is said when the picture shows it

function take(events: readonly LiveEvent[]): void {
  unlooked.push(...events)
  // Whom the roster names at a seat that was left is for the server to say.
  if (events.some((e) => ASKS_SEATS.includes(e.type))) void refreshSeats()
}

const ASKS_SEATS: readonly string[] = ['seat.signed_off', 'roster.amended', 'seat.maintenance']

export async function refreshSeats(): Promise<void> {
  if (door.peek() !== 'open' || (link.peek().phase !== 'live' && !bookkeeper.peek())) return
  const mine = run
  try {
    const all = await getSeats(who.peek())
    if (mine === run) seats.value = all
  } catch (e) {
    console.warn('seats: ' + String(e))
  }
}
