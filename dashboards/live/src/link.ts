// The link to the server: one websocket, its subscription, what to do when it breaks. Frames gather until they
// are drained, so that a burst costs one rendering; the queue between is bounded.

import { parseFrame } from './protocol.ts'
import type { Incident, LiveEvent, ServerFrame, StateFrame } from './protocol.ts'
import { adopted, detached, EMPTY, reduce } from './store.ts'
import type { Need, Store } from './store.ts'
import type { LayersFrame } from './layers.ts'

export const SUBPROTOCOL = 'banyan.v1'
export const STALE_MS = 15_000 // without a frame: three heartbeats
const SILENCE_MS = 20_000 // an open socket that says nothing is given up
const MAX_WAITING_FRAMES = 256 // then drained at once, whatever the screen does
const FIRST_DELAY_MS = 500
const MAX_DELAY_MS = 15_000
const RESUBSCRIBE_MS = 1_100 // the server takes one subscribe a second
const CLOSED_BY_POLICY = 1008 // RFC 6455 section 7.4.1
const AFTER_REFUSAL_MS = 5_000
const CHECK_MS = 1_000
const REPORT_MS = 1_000 // the server takes one report of what is drawn a second
const WATCHDOG_MS = 250 // drains where no animation frames come, as in a hidden tab

// delayOf returns how long to wait before connection attempt n, counted from 0. Half of it is chance, so that
// the screens of a hall do not come back in one instant.
export function delayOf(attempt: number, random: number): number {
  const full = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt, 10))
  return full / 2 + (full / 2) * random
}

export type Phase = 'connecting' | 'live' | 'down' | 'refused'

export interface LinkState {
  phase: Phase
  heardAt: number // performance.now() of the last frame of a whole picture, 0 before the first
  heardDate: number // Date.now() of it: the other clock stops while a machine sleeps
  attempts: number // failed ones in a row
  skewMs: number // server's clock less ours
}

export interface LinkOptions {
  url: string
  token?: string // of a key; without one the session's cookie speaks
  seat?: string // a person's console says where it is
  topics: readonly string[]
  onStore: (s: Store) => void
  onLink: (l: LinkState) => void
  // onFrames hears of all frames that were applied, before onStore does of what came of them.
  onFrames?: (frames: readonly StateFrame[], after: Store) => void
  // onLayers hears of layers, where the topic is among those asked for.
  onLayers?: (frame: LayersFrame) => void
  // entitled asks the server, in a way whose answer can be read, whether the key is good. A browser does not
  // tell why a websocket was refused.
  entitled: () => Promise<boolean>
  store?: Store
}

const protocolsOf = (o: LinkOptions): string[] =>
  [SUBPROTOCOL, ...(o.token ? ['bearer.' + o.token] : []), ...(o.seat ? ['seat.' + o.seat] : [])]

export class Link {
  private store: Store
  private socket: WebSocket | undefined
  private state: LinkState = { phase: 'connecting', heardAt: 0, heardDate: 0, attempts: 0, skewMs: 0 }
  private waiting: StateFrame[] = []
  private drawing = 0
  private retry: ReturnType<typeof setTimeout> | undefined
  private timers: ReturnType<typeof setInterval>[] = []
  private frameAt = 0 // performance.now() of the last frame of any kind
  private frameDate = 0 // Date.now() of it
  private behindMs = 0 // how long the server itself has not heard of the city, as of its last word on that
  private askedAt = -Infinity
  private pendingAsk: ReturnType<typeof setTimeout> | undefined
  private reportedAt = -Infinity
  private undrawn = false // events have come that no drawing has shown

  constructor(private readonly o: LinkOptions) {
    this.store = o.store ?? EMPTY
  }

  start(): void {
    this.timers = [setInterval(() => this.check(), CHECK_MS), setInterval(() => this.drain(), WATCHDOG_MS)]
    globalThis.addEventListener?.('online', this.hurry)
    this.connect()
  }

  stop(): void {
    this.timers.forEach(clearInterval)
    clearTimeout(this.retry)
    clearTimeout(this.pendingAsk)
    globalThis.removeEventListener?.('online', this.hurry)
    const s = this.socket
    this.socket = undefined
    s?.close(1000)
  }

  // ping gives the server a sign of life. Whoever calls it chooses how often; a seat's console must.
  ping(): void {
    this.send({ op: 'ping' })
  }

  // adopt adds an incident that was asked for, and what has happened to it since.
  adopt(asked: Incident, since: readonly LiveEvent[]): void {
    this.drain()
    this.publish(adopted(this.store, asked, since))
  }

  private readonly hurry = () => {
    if (this.socket || this.state.phase === 'refused') return
    clearTimeout(this.retry)
    this.connect()
  }

  private connect(): void {
    let opened = false
    const s = new WebSocket(this.o.url, protocolsOf(this.o))
    this.socket = s
    this.frameAt = performance.now()
    s.onopen = () => {
      opened = true
      this.frameAt = performance.now()
      this.ask('resume')
    }
    s.onmessage = (m) => {
      if (this.socket === s && typeof m.data === 'string') this.receive(m.data)
    }
    s.onclose = (e) => {
      if (this.socket === s) void this.lost(!opened || e.code === CLOSED_BY_POLICY)
    }
  }

  // lost is called once for every connection that ended; doubted says that the key may be why.
  private async lost(doubted: boolean): Promise<void> {
    this.drain()
    this.socket = undefined
    clearTimeout(this.pendingAsk)
    this.pendingAsk = undefined
    this.publish(detached(this.store))
    this.say({ phase: 'down', attempts: this.state.attempts + 1 })
    if (doubted && !(await this.o.entitled())) {
      this.say({ phase: 'refused' })
      return
    }
    if (this.socket) return // somebody hurried meanwhile
    this.retry = setTimeout(() => this.connect(), delayOf(this.state.attempts - 1, Math.random()))
  }

  // ask subscribes, from where the picture stands or from nothing, at most once in RESUBSCRIBE_MS.
  private ask(need: Exclude<Need, 'nothing'>): void {
    clearTimeout(this.pendingAsk)
    const wait = this.askedAt + RESUBSCRIBE_MS - performance.now()
    if (wait > 0) {
      this.pendingAsk = setTimeout(() => this.ask(need), wait)
      return
    }
    this.askedAt = performance.now()
    const { epoch, seq } = this.store
    const since = need === 'resume' && epoch > 0 ? { since: { epoch, seq } } : {}
    this.send({ op: 'subscribe', topics: this.o.topics, ...since })
  }

  private send(frame: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame))
  }

  private receive(text: string): void {
    this.frameAt = performance.now()
    this.frameDate = Date.now()
    let f: ServerFrame | undefined
    try {
      f = parseFrame(text)
    } catch {
      this.socket?.close(4000, 'not JSON')
      return
    }
    if (!f) return
    if (f.op === 'error') {
      console.warn(`server: ${f.code}: ${f.detail}`)
      // The connection may live on; the subscription does not. Ask again, for everything.
      if (this.store.adrift) {
        clearTimeout(this.pendingAsk)
        this.pendingAsk = setTimeout(() => this.ask('snapshot'), AFTER_REFUSAL_MS)
      }
      return
    }
    if (f.op === 'pong') return
    if (f.op === 'layers') {
      this.o.onLayers?.(f)
      return
    }
    if (f.op === 'snapshot' || f.op === 'heartbeat') {
      const skewMs = Date.parse(f.server_time) - Date.now()
      if (Math.abs(skewMs - this.state.skewMs) > 50) this.state = { ...this.state, skewMs }
      this.behindMs = behindMs(f)
    }
    this.waiting.push(f)
    // A hidden page gets no animation frames, and its timers come late.
    if (this.waiting.length >= MAX_WAITING_FRAMES || globalThis.document?.hidden) this.drain()
    else if (!this.drawing) this.drawing = requestAnimationFrame(() => this.drain())
  }

  // drain applies all that waits in one step.
  private drain(): void {
    cancelAnimationFrame(this.drawing)
    this.drawing = 0
    if (this.waiting.length === 0) return
    const frames = this.waiting
    const { store, need } = reduce(this.store, frames)
    this.waiting = []
    this.o.onFrames?.(frames, store)
    this.publish(store)
    if (!store.adrift) {
      if (frames.some((f) => f.op === 'events' && f.events.length > 0)) this.undrawn = true
      this.say({ phase: 'live', attempts: 0, heardAt: this.frameAt - this.behindMs, heardDate: this.frameDate - this.behindMs })
    }
    if (need !== 'nothing') {
      this.say({ phase: 'connecting' })
      this.ask(need)
    }
  }

  // drew is called by a page that has drawn the picture up to seq, and tells the server so once the screen shows it: event
  // to pixels is a measured stage. Pages that rest between drawings call it when they draw, not when frames come.
  // The second animation frame begins when the first is on the screen. A hidden page draws nothing and says nothing.
  drew(seq: number): void {
    const now = performance.now()
    if (!this.undrawn || globalThis.document?.hidden !== false || now - this.reportedAt < REPORT_MS) return
    this.undrawn = false
    this.reportedAt = now
    requestAnimationFrame(() => requestAnimationFrame(() => this.send({ op: 'drawn', seq })))
  }

  private check(): void {
    if (this.socket && performance.now() - this.frameAt > SILENCE_MS) {
      const s = this.socket
      void this.lost(false)
      s.close(4001, 'silent')
    }
  }

  private publish(s: Store): void {
    if (s === this.store) return
    this.store = s
    this.o.onStore(s)
  }

  private say(change: Partial<LinkState>): void {
    this.state = { ...this.state, ...change }
    this.o.onLink(this.state)
  }
}

// behindMs returns how old the picture was at the server, in ms: 0 unless that one is cut off from the city itself.
export function behindMs(f: { server_time: string; stale_since?: string }): number {
  return f.stale_since === undefined ? 0 : Math.max(0, Date.parse(f.server_time) - Date.parse(f.stale_since))
}

// ageMs returns how old the picture is. Where the two clocks disagree the older answer is given: a screen must
// never look younger than it is.
export function ageMs(l: LinkState, nowPerformance: number, nowDate: number): number {
  if (l.heardAt === 0) return Infinity
  return Math.max(0, nowPerformance - l.heardAt, nowDate - l.heardDate)
}
