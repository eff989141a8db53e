// Asking the server for something and waiting until its event has come.

import { signal } from '@preact/signals'
import type { LiveEvent } from '@banyan/live/protocol'
import { MAX_PENDING, settle, thing } from './pending.ts'
import type { Pending, Phase, Request } from './pending.ts'
import { amendments, readBooks, swaps } from './books.ts'
import { getTimeline, Refusal, send } from './server.ts'
import { bookkeeper, desk, draftCount, drafts, link, myName, pending, say, seats, store, text, who } from './state.ts'

const LOOK_AFTER_MS = 3_000 // of an answer whose event has not come: then the timeline is asked

export const lastConfirmed = signal<Pending | undefined>(undefined)
let ids = 0

// ask sends r, once: pressed again while it is under way it does nothing. draft is the key of what was typed for
// it. It returns false when it was not sent.
export function ask(r: Request, draft = ''): boolean {
  const same = pending.peek().find((p) => thing(p.request) === thing(r))
  if (same && same.phase !== 'failed') return false
  const rest = pending.peek().filter((p) => p !== same)
  if (rest.length >= MAX_PENDING) {
    say(text.peek().tooMany, true)
    return false
  }
  const p: Pending = {
    id: ++ids, request: r, by: desk.peek().seat, phase: 'sending', why: '', unsure: false, atMs: Date.now(), answeredMs: 0, draft, seq: store.peek().seq,
  }
  pending.value = [...rest, p]
  void run(p)
  return true
}

async function run(p: Pending): Promise<void> {
  try {
    await send(who.peek(), p.request)
    change(p.id, { phase: 'answered', answeredMs: Date.now() })
    look([])
    if (p.request.on === 'roster' || p.request.on === 'swap') void readBooks().then(() => look([]), () => {}) // else by the event, or when it is looked up
    setTimeout(() => void lookUp(p.id), LOOK_AFTER_MS)
  } catch (e) {
    const r = e instanceof Refusal ? e : new Refusal(0, 'unreachable', String(e))
    change(p.id, { phase: 'failed', why: r.status === 0 ? text.peek().notDelivered : r.message, unsure: r.unsure })
    if (pending.peek().some((o) => o.id === p.id)) say(text.peek().failed(text.peek().doing(p.request), r.status === 0 ? text.peek().notDelivered : r.message), true)
  }
}

function change(id: number, to: Partial<Pending> & { phase: Phase }): void {
  pending.value = pending.peek().map((p) => (p.id === id ? { ...p, ...to } : p))
}

// look confirms what events, or the picture made of them, have brought about.
export function look(events: readonly LiveEvent[]): void {
  const here = store.peek()
  const picture = here.adrift && !bookkeeper.peek() ? undefined : {
    incident: (id: string) => here.incidents.get(id), seat: (id: string) => seats.peek().find((s) => s.id === id), me: myName.peek(),
    amendments: amendments.peek(), swaps: swaps.peek(),
  }
  const { open, confirmed } = settle(pending.peek(), events, picture)
  if (confirmed.length === 0) return
  pending.value = open
  for (const p of confirmed) done(p)
}

function done(p: Pending): void {
  if (p.draft) {
    const b = p.request.body
    drafts.confirmed(p.draft, b.text ?? b.note ?? b.reason ?? '')
    draftCount.value++
  }
  lastConfirmed.value = p
  say(text.peek().confirmed(text.peek().doing(p.request)))
}

// lookUp asks for the events themselves where none has confirmed what the server took: they may have come while
// the link was away, or nothing had to change and there is none.
async function lookUp(id: number): Promise<void> {
  const p = pending.peek().find((o) => o.id === id)
  if (p?.phase !== 'answered') return
  if (link.peek().phase !== 'live' && !bookkeeper.peek()) {
    setTimeout(() => void lookUp(id), LOOK_AFTER_MS)
    return
  }
  const r = p.request
  if (r.on === 'task' || r.on === 'incident') {
    try {
      look((await getTimeline(who.peek(), r.incident)).events)
    } catch {
      setTimeout(() => void lookUp(id), LOOK_AFTER_MS)
      return
    }
  }
  if (r.on === 'roster' || r.on === 'swap') {
    try {
      await readBooks()
      look([])
    } catch {
      setTimeout(() => void lookUp(id), LOOK_AFTER_MS)
      return
    }
  }
  if (!pending.peek().some((o) => o.id === id)) return
  pending.value = pending.peek().filter((o) => o.id !== id)
  if (p.draft) {
    const b = r.body
    drafts.confirmed(p.draft, b.text ?? b.note ?? b.reason ?? '')
    draftCount.value++
  }
  say(text.peek().nothingChanged(text.peek().doing(r)))
}

// dismiss takes a failure off the screen. What was typed for it stays.
export function dismiss(id: number): void {
  pending.value = pending.peek().filter((p) => p.id !== id)
}
