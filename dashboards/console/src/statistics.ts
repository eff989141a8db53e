// Statistics as their page shows them: a time, by what it is divided, and the figures of the server for both.

import { signal } from '@preact/signals'
import { getDocument, getStatistics, Refusal } from './server.ts'
import { city, serverNow, text, who } from './state.ts'
import { localOf } from '@banyan/live/time'
import { rangeOf, startOf } from './period.ts'
import type { Period } from './period.ts'

export interface Times {
  n: number
  median_s: number
  p90_s: number
}

export interface Figures {
  counts: Readonly<Record<string, number>>
  stages: Readonly<Record<string, Times>>
}

export interface StatRow extends Figures {
  key: string
  name?: string
  name_en?: string
  from?: string
  to?: string
  shift?: string
}

export interface LateTask {
  task: string
  incident: string
  number: string
  type: string
  department: string
  seat?: string
  priority: string
  why: string
  late_at: string
  assigned_at: string
  acknowledged_at?: string
}

export interface Report {
  from: string
  to: string
  by: string
  rows: readonly StatRow[]
  total: Figures
  before: Figures & { from: string; to: string }
  late: readonly LateTask[]
  late_total: number
}

export const GROUPINGS = ['hour', 'shift', 'day', 'department', 'district', 'type', 'priority'] as const
export type Grouping = (typeof GROUPINGS)[number]
export const COUNTS = ['incidents', 'alerts', 'closed', 'tasks', 'acknowledged', 'overdue', 'unstaffed', 'escalated'] as const
export const STAGES = ['report', 'acknowledge', 'depart', 'arrive', 'finish', 'verify'] as const

export const period = signal<Period>('today')
export const grouping = signal<Grouping>('hour')
export const measure = signal<(typeof COUNTS)[number]>('incidents')
export const report = signal<Report | undefined>(undefined)
export const statProblem = signal('')

const zone = () => city.peek()?.time_zone ?? 'Asia/Shanghai'

let asked = 0

const pathOf = () => {
  const { from, to } = rangeOf(period.peek(), serverNow.peek(), zone())
  return `statistics?from=${encodeURIComponent(from)}&to=${encodeURIComponent(to)}&by=${grouping.peek()}`
}

export async function readStatistics(): Promise<void> {
  const mine = ++asked
  try {
    const got = await getStatistics(who.peek(), pathOf())
    if (mine !== asked) return
    report.value = got
    statProblem.value = got ? '' : text.peek().noStatistics
  } catch (e) {
    if (mine === asked) statProblem.value = e instanceof Refusal && e.status === 503 ? text.peek().noStatistics : e instanceof Error ? e.message : String(e)
  }
}

export function forgetStatistics(): void {
  asked++
  report.value = undefined
  statProblem.value = ''
}

const KEPT_MS = 60_000 // of what a browser is given to save

// saveTable has the browser save the figures shown as CSV.
export async function saveTable(): Promise<void> {
  const a = document.createElement('a')
  a.href = URL.createObjectURL(await getDocument(who.peek(), pathOf() + '&format=csv'))
  a.download = `statistics-${period.peek()}-${grouping.peek()}.csv`
  a.click()
  setTimeout(() => URL.revokeObjectURL(a.href), KEPT_MS)
}

// briefing is the duty day's 值班快报, a page to print, as the server wrote it.
export const briefing = signal('')

// openBriefing shows the duty day that runs, or yesterday's. It begins with the first shift: before that, the date of
// today has no duty day yet, and the server says so.
export async function openBriefing(): Promise<void> {
  const of = async (days: number) => (await getDocument(who.peek(), `briefings/${localOf(startOf(serverNow.peek(), days, zone()), zone()).slice(0, 10)}.html`)).text()
  if (period.peek() === 'yesterday') briefing.value = await of(-1)
  else {
    briefing.value = await of(0).catch((e: unknown) => {
      if (e instanceof Refusal && (e.status === 404 || e.status === 422)) return of(-1)
      throw e
    })
  }
}
