// The HTTP calls of the wall.

import type { LayerCollection, LayerInfo } from '@banyan/live/layers'
import type { Area, City, Seat } from '@banyan/live/protocol'
import type { FeatureCollection } from 'geojson'

const TIMEOUT_MS = 10_000

// Refused: the key is not good for this, and asking again would not change that.
export class Refused extends Error {}

async function get<T>(token: string, path: string): Promise<T> {
  const r = await fetch('/api/v1/' + path, {
    headers: { authorization: 'Bearer ' + token }, signal: AbortSignal.timeout(TIMEOUT_MS), cache: 'no-store',
  })
  if (r.status === 401 || r.status === 403) throw new Refused(`${path}: ${r.status}`)
  if (!r.ok) throw new Error(`${path.split('?')[0]}: ${r.status}`)
  return (await r.json()) as T
}

export const getCity = (token: string): Promise<City> => get<City>(token, 'city')

export const getLayers = async (token: string): Promise<readonly LayerInfo[]> =>
  (await get<{ layers: readonly LayerInfo[] }>(token, 'layers')).layers

export const getLayer = (token: string, id: string): Promise<LayerCollection> =>
  get<LayerCollection>(token, 'layers/' + encodeURIComponent(id))

export const getSeats = async (token: string): Promise<readonly Seat[]> =>
  (await get<{ seats: readonly Seat[] }>(token, 'seats')).seats

// NodeStatus says how the server itself fares.
export interface NodeStatus {
  degraded: boolean
  cut_off?: boolean
  reason?: string
  mirror?: { lag_events: number; lag_seconds: number }
}

// getNode returns undefined where the server does not say.
export async function getNode(token: string): Promise<NodeStatus | undefined> {
  try {
    return await get<NodeStatus>(token, 'node')
  } catch (e) {
    if (e instanceof Refused) return undefined
    throw e
  }
}

type Tree = Area & { children?: readonly Tree[] }

// getAreas returns the whole area tree, flat.
export async function getAreas(token: string): Promise<Area[]> {
  const out: Area[] = []
  const walk = (list: readonly Tree[]) => {
    for (const a of list) {
      out.push(a)
      if (a.children) walk(a.children)
    }
  }
  walk((await get<{ areas: readonly Tree[] }>(token, 'areas')).areas)
  return out
}

export const getOutlines = (token: string, level: string): Promise<FeatureCollection> =>
  get<FeatureCollection>(token, 'areas.geojson?level=' + level)

export const getCells = (token: string, cells: readonly string[]): Promise<FeatureCollection> =>
  get<FeatureCollection>(token, 'cells.geojson?cells=' + cells.join(','))
