// The HTTP calls of the console.

import type { Amendment, Area, City, Gap, Handed, Handover, Incident, LiveEvent, Seat, Swap } from '@banyan/live/protocol'
import type { FeatureCollection } from 'geojson'
import type { Quarantine, Replayed, SourceState } from './feeds.ts'
import { CAMERAS } from './near.ts'
import type { Near } from './near.ts'
import type { Request } from './pending.ts'
import type { Report } from './statistics.ts'
import type { Roster } from './week.ts'

const TIMEOUT_MS = 10_000
const LONG_MS = 65_000 // of what the server itself gives a minute

// Who is asking: a key's token, or '' for the session's cookie, and the seat a person acts as.
export interface Who {
  token: string
  seat: string
}

export interface Me {
  user?: string
  name?: string
  roles: readonly string[]
  department?: string
  seat?: string
  expires?: string
}

interface Problem {
  code?: string
  title?: string
  detail?: string
  errors?: readonly { field: string; reason: string; limit?: string }[]
}

// Refusal is an answer that says no. Without an answer, status is 0: what was asked may have happened.
export class Refusal extends Error {
  constructor(readonly status: number, readonly code: string, message: string, readonly fields: Readonly<Record<string, string>> = {}) {
    super(message)
  }

  get unsure(): boolean {
    return this.status === 0 || this.status >= 500
  }
}

async function call<T>(who: Who, path: string, body?: object, method = body ? 'POST' : 'GET', timeoutMs = TIMEOUT_MS): Promise<T> {
  const headers: Record<string, string> = {}
  if (who.token) headers.authorization = 'Bearer ' + who.token
  else if (who.seat) headers['banyan-seat'] = who.seat
  if (body) headers['content-type'] = 'application/json'
  let r: Response
  try {
    r = await fetch('/api/v1/' + path, {
      method, headers, cache: 'no-store', signal: AbortSignal.timeout(timeoutMs),
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
  } catch (e) {
    throw new Refusal(0, 'unreachable', e instanceof Error ? e.message : String(e))
  }
  if (!r.ok) throw await refusalOf(r)
  return (r.status === 204 ? undefined : await r.json()) as T
}

async function refusalOf(r: Response): Promise<Refusal> {
  const p = (await r.json().catch(() => ({}))) as Problem
  const fields = Object.fromEntries((p.errors ?? []).map((e) => [e.field.replace(/^body\./, ''), [e.reason, e.limit].filter(Boolean).join('; ')]))
  const detail = Object.entries(fields).map(([f, why]) => `${f}: ${why}`).join('; ') || p.detail || p.title || String(r.status)
  const wait = r.headers.get('retry-after')
  return new Refusal(r.status, p.code ?? String(r.status), detail + (wait ? ` (${wait} s)` : ''), fields)
}

export const getMe = (who: Who): Promise<Me> => call<Me>(who, 'me')
export const logIn = (name: string, password: string): Promise<Me> => call<Me>({ token: '', seat: '' }, 'login', { name, password })
export const logOut = (who: Who): Promise<void> => call<void>(who, 'logout', {})
export const getCity = (who: Who): Promise<City> => call<City>(who, 'city')
export const getSeats = async (who: Who): Promise<readonly Seat[]> => (await call<{ seats: readonly Seat[] }>(who, 'seats')).seats
export const getAreas = async (who: Who): Promise<readonly Area[]> => (await call<{ areas: readonly Area[] }>(who, 'areas')).areas
export const getIncident = (who: Who, id: string): Promise<Incident> => call<Incident>(who, 'incidents/' + encodeURIComponent(id))
export const getHandover = (who: Who, id: string): Promise<Handover> => call<Handover>(who, 'handovers/' + encodeURIComponent(id))
export const getCells = (who: Who, cells: readonly string[]): Promise<FeatureCollection> => call<FeatureCollection>(who, 'cells.geojson?cells=' + cells.join(','))

// getNear returns what a register of the city has near an incident, undefined for whom that is not, or where there is none.
export async function getNear(who: Who, incident: string, register: string): Promise<Near | undefined> {
  const path = register === CAMERAS ? 'cameras?limit=5' : 'nearby?limit=5&register=' + encodeURIComponent(register)
  try {
    return await call<Near>(who, `incidents/${encodeURIComponent(incident)}/${path}`)
  } catch (e) {
    if (e instanceof Refusal && [403, 404, 422].includes(e.status)) return undefined
    throw e
  }
}
export const getHandovers = async (who: Who, seat: string): Promise<readonly Handed[]> => (await call<{ handovers: readonly Handed[] }>(who, 'handovers?seat=' + encodeURIComponent(seat))).handovers
export const getOutlines = (who: Who): Promise<FeatureCollection> => call<FeatureCollection>(who, 'areas.geojson?level=district')

export interface Timeline {
  events: readonly LiveEvent[]
  truncated: boolean
}

export const getTimeline = (who: Who, id: string): Promise<Timeline> => call<Timeline>(who, `incidents/${encodeURIComponent(id)}/timeline`)

// send asks for one thing. Its answer says only that the server took it.
export function send(who: Who, r: Request): Promise<unknown> {
  const id = encodeURIComponent
  switch (r.on) {
    case 'task': return call(who, `tasks/${id(r.task)}/${r.act}`, r.body)
    case 'incident': return call(who, `incidents/${id(r.incident)}/${r.act === 'pass-up' || r.act === 'pass-down' ? 'pass' : r.act}`, r.body)
    case 'seat':
      if (r.act === 'handover') return call(who, 'handovers', { seat: r.seat, note: r.body.note ?? '' })
      if (r.act === 'maintain') return call(who, `seats/${id(r.seat)}/maintenance`, r.body)
      if (r.act === 'maintain-end') return call(who, `seats/${id(r.seat)}/maintenance`, undefined, 'DELETE')
      return call(who, `seats/${id(r.seat)}/${r.act}`, r.body)
    case 'handover': return call(who, `handovers/${id(r.handover)}/confirm`, r.body)
    case 'roster':
      return r.act === 'amend' ? call(who, 'rosters/amendments', r.body) : call(who, 'rosters/amendments/' + id(r.amendment), undefined, 'DELETE')
    case 'swap': return call(who, r.act === 'swap' ? 'swaps' : `swaps/${id(r.swap)}/${r.act}`, r.body)
  }
}

// getRoster returns who holds which seat on a day, undefined where the server has no such thing.
export const getRoster = (who: Who, date: string): Promise<Roster | undefined> => where<Roster>(who, 'rosters/' + date)

// getAmendments and getSwaps return those of a department, '' for all; undefined where the server has no such thing.
export const getAmendments = async (who: Who, department: string): Promise<readonly Amendment[] | undefined> =>
  (await where<{ amendments: readonly Amendment[] }>(who, 'rosters/amendments' + of(department)))?.amendments
export const getSwaps = async (who: Who, department: string): Promise<readonly Swap[] | undefined> =>
  (await where<{ swaps: readonly Swap[] }>(who, 'swaps' + of(department)))?.swaps

export const getGaps = async (who: Who, department: string): Promise<readonly Gap[]> =>
  (await where<{ gaps: readonly Gap[] }>(who, 'rosters/gaps' + of(department)))?.gaps ?? []

const of = (department: string) => (department ? '?department=' + encodeURIComponent(department) : '')

// where asks for something that a server may not have.
async function where<T>(who: Who, path: string): Promise<T | undefined> {
  try {
    return await call<T>(who, path)
  } catch (e) {
    if (e instanceof Refusal && e.status === 404) return undefined
    throw e
  }
}

export const getSources = async (who: Who): Promise<readonly SourceState[]> => (await call<{ sources: readonly SourceState[] }>(who, 'sources')).sources
export const getQuarantine = (who: Who, source: string): Promise<Quarantine> => call<Quarantine>(who, `sources/${encodeURIComponent(source)}/quarantine`)
export const replay = (who: Who, source: string): Promise<Replayed> => call<Replayed>(who, `sources/${encodeURIComponent(source)}/quarantine/replay`, {}, 'POST', LONG_MS)
export const unseal = (who: Who, incident: string, alert: string, reason: string): Promise<{ fields: Readonly<Record<string, unknown>> }> =>
  call(who, `incidents/${encodeURIComponent(incident)}/unseal`, { alert_id: alert, reason })

export const getStatistics = (who: Who, path: string): Promise<Report | undefined> => where<Report>(who, path)

// getDocument fetches what a browser is to show or save: a link would not carry the key.
export async function getDocument(who: Who, path: string): Promise<Blob> {
  const r = await fetch('/api/v1/' + path, { headers: who.token ? { authorization: 'Bearer ' + who.token } : {}, cache: 'no-store', signal: AbortSignal.timeout(LONG_MS) })
  if (!r.ok) throw await refusalOf(r)
  return r.blob()
}

// federated reports whether people may sign in at an OpenID provider. The redirect is looked at, not followed.
export async function federated(): Promise<boolean> {
  try {
    return (await fetch('/api/v1/login/oidc', { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) })).type === 'opaqueredirect'
  } catch {
    return false
  }
}
