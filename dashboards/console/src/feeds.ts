// The sources of the city as their feeds page shows them, and what is in quarantine of the one that is chosen.

import { computed, signal } from '@preact/signals'
import { getQuarantine, getSources, Refusal, replay } from './server.ts'
import { desk, say, text, who } from './state.ts'
import { CENTRE } from './queue.ts'

// SourceState is a source and how it is doing.
export interface SourceState {
  id: string
  name: string
  name_en?: string
  department: string
  transport: string
  state: 'live' | 'silent' | 'never' | 'maintenance' | 'overflowing'
  last_heard?: string
  rate: number // messages a second
  lag_seconds: number
  errors: number
  quarantined: number
  lost?: number
  heartbeat_seconds?: number
}

export interface Quarantined {
  id: number
  at: string
  reason: string
  kind?: string
  message?: string // as it came
  headers?: Readonly<Record<string, string>>
  sealed?: boolean
}

export interface Quarantine {
  messages: readonly Quarantined[]
  total: number
  lost: number
}

export interface Replayed {
  results: readonly { id: number; outcome: string; reason?: string }[]
  released: number
  left: number
}

export const sources = signal<readonly SourceState[] | undefined>(undefined)
export const feedProblem = signal('')
export const chosenSource = signal('')
export const quarantine = signal<Quarantine | undefined>(undefined)
export const replayed = signal<{ source: string; answer: Replayed } | undefined>(undefined)
const replaying = signal(false)

// trouble is how much a source needs a look.
const trouble = (s: SourceState): number => (s.state === 'silent' ? 8 : s.state === 'overflowing' ? 4 : 0) + (s.quarantined > 0 ? 2 : 0) + (s.errors > 0 ? 1 : 0)

// byTrouble is the order of the page: what needs a look first, then by name, so that rows stay where they are.
export const byTrouble = (list: readonly SourceState[]): SourceState[] => [...list].sort((a, b) => trouble(b) - trouble(a) || (a.id < b.id ? -1 : 1))

export const listed = computed(() => byTrouble((sources.value ?? []).filter((s) => desk.value.department === CENTRE || s.department === desk.value.department || trouble(s) >= 4)))
export const chosen = computed(() => listed.value.find((s) => s.id === chosenSource.value))

export function forgetFeeds(): void {
  sources.value = quarantine.value = replayed.value = undefined
  feedProblem.value = chosenSource.value = ''
}

export async function readSources(): Promise<void> {
  const w = who.peek()
  try {
    const got = await getSources(w)
    if (who.peek() !== w) return
    sources.value = got
    feedProblem.value = ''
  } catch (e) {
    feedProblem.value = e instanceof Error ? e.message : String(e)
  }
}

// readQuarantine reads what is held of the chosen source; whose it is not to see gets the reason instead.
export async function readQuarantine(): Promise<void> {
  const id = chosenSource.peek()
  quarantine.value = undefined
  if (!id || (chosen.peek()?.quarantined ?? 0) === 0) return
  try {
    const got = await getQuarantine(who.peek(), id)
    if (chosenSource.peek() === id) quarantine.value = got
  } catch (e) {
    feedProblem.value = e instanceof Refusal ? e.message : String(e)
  }
}

export const mayReplay = (): boolean => (chosen.value?.quarantined ?? 0) > 0 && !replaying.value

// replayChosen maps everything that is held of the chosen source again, and says what became of it.
export async function replayChosen(): Promise<void> {
  const id = chosenSource.peek()
  if (!id || !mayReplay()) return
  replaying.value = true
  try {
    const answer = await replay(who.peek(), id)
    replayed.value = { source: id, answer }
    say(text.peek().replayDone(answer.released, answer.left), answer.left > 0)
    await readSources()
    await readQuarantine()
  } catch (e) {
    say(text.peek().failed(text.peek().replay, e instanceof Error ? e.message : String(e)), true)
  } finally {
    replaying.value = false
  }
}
