// When the console makes itself heard: one short sound a level when something new waits, P1 again and again until
// it is acknowledged. Pure; sound.ts makes the noise.

import { PRIORITIES } from '@banyan/live/protocol'
import type { Priority } from '@banyan/live/protocol'
import type { Item } from './queue.ts'

export const REPEAT_MS = 5_000 // of a P1 nobody has acknowledged
export const MUTES_MIN = [5, 15] as const // how long a mute may last; then it ends by itself

export interface Alarm {
  heard: ReadonlySet<string> // what has been sounded for: task and the times it was brought before the seat
  lastMs: number // when something was last sounded
}

export const SILENT: Alarm = { heard: new Set(), lastMs: -Infinity }

// nameOf tells the occasions of a task apart: assigned anew, or brought before this seat, it alarms again.
const occasion = (i: Item) => `${i.key}@${i.task?.assigned_at ?? ''}#${i.priority}`

// ring returns which level to sound now, if any. The first call for a picture (fresh) sounds only for P1: the rest
// was there before somebody sat down.
export function ring(a: Alarm, queue: readonly Item[], nowMs: number, muted: boolean, fresh: boolean): { alarm: Alarm; sound: Priority | undefined; news: readonly Item[] } {
  const waiting = queue.filter((i) => i.kind === 'task' && i.waiting)
  const news = waiting.filter((i) => !a.heard.has(occasion(i)) && (!fresh || i.priority === 'P1'))
  const heard = new Set(waiting.map(occasion)) // what waits no longer is forgotten: it may come again
  const urgent = waiting.some((i) => i.priority === 'P1')
  const level = most(news) ?? (urgent && nowMs - a.lastMs >= REPEAT_MS ? 'P1' : undefined)
  if (muted || level === undefined) return { alarm: { heard, lastMs: a.lastMs }, sound: undefined, news }
  return { alarm: { heard, lastMs: nowMs }, sound: level, news }
}

const most = (items: readonly Item[]): Priority | undefined => PRIORITIES.find((p) => items.some((i) => i.priority === p))

// nextMute returns until when a press of the key mutes: longer and longer, then no more.
export function nextMute(untilMs: number, nowMs: number): number {
  if (untilMs <= nowMs) return nowMs + MUTES_MIN[0] * 60_000
  if (untilMs - nowMs <= MUTES_MIN[0] * 60_000) return nowMs + MUTES_MIN[1] * 60_000
  return 0
}
