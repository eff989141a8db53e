// The wall's state as signals: who it is, what it knows, and what it was told to show. Everything drawn follows
// from these.

import { batch, computed, effect, signal } from '@preact/signals'
import { Book } from '@banyan/live/layers'
import type { Layers } from '@banyan/live/layers'
import { ageMs, Link, STALE_MS } from '@banyan/live/link'
import type { LinkState } from '@banyan/live/link'
import type { Area, City, Seat, StateFrame } from '@banyan/live/protocol'
import { seatsAfter } from '@banyan/live/seats'
import { EMPTY } from '@banyan/live/store'
import type { Store } from '@banyan/live/store'
import { getAreas, getCity, getLayer, getLayers, getNode, getSeats, Refused } from './server.ts'
import type { NodeStatus } from './server.ts'
import { rememberToken, tokenNow } from './token.ts'
import { TEXT } from './text.ts'
import type { Lang } from './text.ts'
import { urgent } from './queue.ts'

const TICK_MS = 1_000
const DRAW_MS = 100 // the lists are worked out at most this often, and rest as long as the last drawing took,
const REST_MAX_MS = 2_000 // but no longer
const LOST_AFTER_MS = 3_000 // a link that comes back sooner is not shouted about
const NODE_MS = 5_000 // how the server fares is no event
const SEATS_MS = 60_000 // who is on duty changes without an event
const RETRY_MS = [1_000, 2_000, 5_000, 10_000]
const LAYERS_MS = 30_000 // a node that follows does not tell of layers
const LAYERS_STEP = 5 // seconds after which it is looked whether a reading has become stale
const LANG_KEY = 'banyan.wall.lang'
const LAYERS_KEY = 'banyan.wall.layers-off'

export const token = signal(tokenNow())
export const refused = signal(false)
export const city = signal<City | undefined>(undefined)
export const cityProblem = signal('')
export const areas = signal<ReadonlyMap<string, Area>>(new Map())
export const store = signal<Store>(EMPTY)
export const seats = signal<readonly Seat[]>([])
const UNLINKED: LinkState = { phase: 'connecting', heardAt: 0, heardDate: 0, attempts: 0, skewMs: 0 }
export const node = signal<NodeStatus | undefined>(undefined)
export const link = signal(UNLINKED)
export const tick = signal(0) // counts seconds
export const lang = signal<Lang>(readLang())
export type View = 'city' | 'urgent' | `layer:${string}`
export const view = signal<View>('city')
export const layers = signal<Layers>(new Map())
export const layersOff = signal<ReadonlySet<string>>(readLayersOff())

export const text = computed(() => TEXT[lang.value])
const configs = computed(() => store.value.configs)
export const queue = computed(() => urgent(store.value.incidents.values()))

// What hangs on the time changes once a second, and not with every frame that comes in.
const skewMs = computed(() => link.value.skewMs)

// serverNow is the time now by the server's clock, in ms since the epoch.
export const serverNow = computed(() => {
  void tick.value
  return Date.now() + skewMs.value
})

// layersNow is serverNow in steps: staleness of readings needs no more.
const layersStep = computed(() => Math.floor(tick.value / LAYERS_STEP))
export const layersNow = computed(() => {
  void layersStep.value
  void layers.value
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

function readLang(): Lang {
  try {
    return localStorage.getItem(LANG_KEY) === 'en' ? 'en' : 'zh'
  } catch {
    return 'zh' // storage may be forbidden; the language is then forgotten, no more
  }
}

export function switchLang(): void {
  lang.value = lang.value === 'zh' ? 'en' : 'zh'
  try {
    localStorage.setItem(LANG_KEY, lang.value)
  } catch { /* as above */ }
}

function readLayersOff(): ReadonlySet<string> {
  try {
    return new Set((localStorage.getItem(LAYERS_KEY) ?? '').split(' ').filter(Boolean))
  } catch {
    return new Set()
  }
}

// toggleLayer turns a layer of this wall on or off; that is remembered.
export function toggleLayer(id: string): void {
  const off = new Set(layersOff.value)
  if (!off.delete(id)) off.add(id)
  layersOff.value = off
  if (off.has(id) && view.value === `layer:${id}`) view.value = 'city'
  try {
    localStorage.setItem(LAYERS_KEY, [...off].join(' '))
  } catch { /* as above */ }
}

export function useToken(t: string): void {
  rememberToken(t)
  batch(() => {
    refused.value = false
    token.value = t
  })
}

let running: Link | undefined
let book: Book | undefined
let run = 0 // of the token in use; what an older one started gives up

// start follows the token: with one, it reads the city and keeps a link until the token changes.
export function start(): void {
  setInterval(() => tick.value++, TICK_MS)
  setInterval(() => void refreshSeats(), SEATS_MS)
  setInterval(() => void refreshNode(), NODE_MS)
  setInterval(() => {
    if (link.peek().phase === 'live') void book?.refresh()
  }, LAYERS_MS)
  globalThis.addEventListener('hashchange', () => {
    const t = tokenNow()
    if (t && t !== token.value) useToken(t)
  })
  effect(() => {
    const t = token.value
    run++
    clear()
    if (t && !refused.value) void begin(t, run)
  })
  effect(() => {
    if (configs.value > 0) {
      void readCity(token.peek(), run)
      void book?.refresh()
    }
  })
  effect(() => void atShiftChange(seats.value))
}

async function begin(t: string, mine: number): Promise<void> {
  if (!(await readCity(t, mine)) || mine !== run) return
  const url = new URL('/api/v1/stream', location.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  url.hash = ''
  const own = new Book({
    list: () => getLayers(t), features: (id) => getLayer(t, id), onProblem: (e) => console.warn('layers: ' + String(e)),
    onLayers: (l) => {
      if (book === own) layers.value = l
    },
  })
  book = own
  void own.refresh()
  running = new Link({
    url: url.href, token: t, topics: ['wall', 'layers'], onStore: show, onLink: follow, onFrames: hear, onLayers: (f) => own.hear(f),
    entitled: () => getCity(t).then(() => true, (e) => !(e instanceof Refused)),
  })
  running.start()
}

// hear takes from frames what they say about seats. Who holds one that was left, or put into service again, is for
// the server to say.
function hear(frames: readonly StateFrame[], after: Store): void {
  let list = seats.peek()
  let ask = false
  for (const f of frames) {
    if (f.op === 'snapshot') list = f.seats
    if (f.op !== 'events' || f.epoch > after.epoch) continue
    for (const e of f.events) {
      list = seatsAfter(list, e)
      ask ||= e.type === 'seat.signed_off' || e.type === 'roster.amended' || (e.type === 'seat.maintenance' && !e.maintenance)
    }
  }
  seats.value = list
  if (ask) void refreshSeats()
}

function follow(l: LinkState): void {
  const began = l.phase === 'live' && link.peek().phase !== 'live'
  link.value = l
  if (l.phase === 'refused') refuse()
  if (began) void refreshNode()
}

// refuse takes everything off the screen: whoever holds no key sees nothing, not even what was shown before.
function refuse(): void {
  clear()
  refused.value = true
}

function clear(): void {
  running?.stop()
  running = undefined
  book?.end()
  book = undefined
  clearTimeout(late)
  late = undefined
  newest = EMPTY
  batch(() => {
    store.value = EMPTY
    seats.value = []
    layers.value = new Map()
    node.value = undefined
    link.value = UNLINKED
  })
}

let nextAt = 0 // performance.now() from which on the next drawing may be
let late: ReturnType<typeof setTimeout> | undefined
let newest: Store = EMPTY

// show draws s now, or in a moment when something was drawn just before: a flood of events then costs ten
// drawings a second and not one for each, and fewer on a machine that cannot keep up.
function show(s: Store): void {
  newest = s
  if (late !== undefined) return
  const wait = nextAt - performance.now()
  if (wait > 0) late = setTimeout(draw, wait)
  else draw()
}

function draw(): void {
  late = undefined
  const began = performance.now()
  nextAt = began + DRAW_MS
  requestAnimationFrame(() => setTimeout(() => {
    const now = performance.now()
    nextAt = Math.max(nextAt, now + Math.min(REST_MAX_MS, now - began))
  }))
  store.value = newest
  running?.drew(newest.seq)
}

// readCity reads the city, again and again until it answers. It returns false when the key was refused or
// another one took over.
async function readCity(t: string, mine: number): Promise<boolean> {
  for (let n = 0; ; n++) {
    try {
      const c = await getCity(t)
      if (mine !== run) return false
      city.value = c
      cityProblem.value = ''
      areas.value = new Map(c.areas.map((a) => [a.code, a]))
      void readAreas(t, mine)
      return true
    } catch (e) {
      if (mine !== run) return false
      if (e instanceof Refused) {
        refuse()
        return false
      }
      cityProblem.value = e instanceof Error ? e.message : String(e)
    }
    await new Promise((done) => setTimeout(done, RETRY_MS[Math.min(n, RETRY_MS.length - 1)]))
    if (mine !== run) return false
  }
}

// readAreas learns the names below the districts. Without them rows say where by district only.
async function readAreas(t: string, mine: number): Promise<void> {
  try {
    const all = await getAreas(t)
    if (mine === run) areas.value = new Map([...areas.peek(), ...all.map((a) => [a.code, a] as const)])
  } catch (e) {
    console.warn('areas: ' + String(e))
  }
}

async function refreshSeats(): Promise<void> {
  const t = token.peek()
  if (!t || link.peek().phase !== 'live') return
  try {
    seats.value = await getSeats(t)
  } catch (e) {
    console.warn('seats: ' + String(e))
  }
}

async function refreshNode(): Promise<void> {
  const t = token.peek()
  if (!t || link.peek().phase !== 'live') return
  try {
    const got = await getNode(t)
    if (token.peek() === t) node.value = got
  } catch { /* the age of the data says that the server does not answer */ }
}

let shiftTimer: ReturnType<typeof setTimeout> | undefined

// atShiftChange asks again who is on duty when the first shift of those known ends.
function atShiftChange(list: readonly Seat[]): void {
  clearTimeout(shiftTimer)
  const now = Date.now() + link.peek().skewMs
  const ends = list.flatMap((s) => (s.until ? [Date.parse(s.until)] : [])).filter((at) => at > now)
  if (ends.length === 0) return
  const wait = Math.min(...ends) - now + 1_000
  if (wait < 24 * 3_600_000) shiftTimer = setTimeout(() => void refreshSeats(), wait)
}
