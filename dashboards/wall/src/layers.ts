// What of layers is drawn: which are on, how each feature looks, what the legend counts. Pure.

import type { Feature, FeatureCollection, Position } from 'geojson'
import type { Layer, Layers, Level } from '@banyan/live/layers'
import { boundsOf } from './outlines.ts'
import type { Bounds } from './outlines.ts'

// Look is how a feature is drawn: like a level, as what is normal, or as a reading that is too old to count.
export type Look = Level | 'normal' | 'stale'

export const MAX_LAYERS = 9 // on one wall: each has a digit as its key

export const listed = (layers: Layers): Layer[] => [...layers.values()].slice(0, MAX_LAYERS)

export interface Counted {
  byState: ReadonlyMap<string, number>
  stale: number
  newest: number // ms since the epoch, of the newest reading; -Infinity where there is none
}

// counted counts a layer's features by state, those that are stale apart.
export function counted(layer: Layer, now: number): Counted {
  const byState = new Map<string, number>()
  let stale = 0
  let newest = -Infinity
  for (const f of layer.features.values()) {
    newest = Math.max(newest, Date.parse(f.at))
    if (Date.parse(f.until) <= now) stale++
    else byState.set(f.state, (byState.get(f.state) ?? 0) + 1)
  }
  return { byState, stale, newest }
}

// allStale says that nothing of a layer counts any more.
export const allStale = (layer: Layer, c: Counted): boolean => layer.features.size > 0 && c.stale === layer.features.size

// toDraw returns what the map draws of the layers that are on.
export function toDraw(layers: Layers, off: ReadonlySet<string>, now: number): FeatureCollection {
  const features: Feature[] = []
  for (const layer of listed(layers)) {
    if (off.has(layer.info.id)) continue
    const looks = new Map(layer.info.states.map((s) => [s.id, s.level ?? 'normal'] as const))
    for (const f of layer.features.values()) {
      const look: Look = Date.parse(f.until) <= now ? 'stale' : (looks.get(f.state) ?? 'normal')
      features.push({ type: 'Feature', geometry: f.geometry, properties: { look, order: ORDER.indexOf(look) } })
    }
  }
  return { type: 'FeatureCollection', features }
}

// ORDER is what lies beneath what.
export const ORDER: readonly Look[] = ['stale', 'normal', 'blue', 'yellow', 'orange', 'red']

// extent is the box around a layer's features.
export function extent(layer: Layer | undefined): Bounds | undefined {
  const points: [number, number][] = []
  const walk = (c: Position | readonly unknown[]): void => {
    if (typeof c[0] === 'number') points.push([c[0], c[1] as number])
    else c.forEach((inner) => walk(inner as readonly unknown[]))
  }
  for (const f of layer?.features.values() ?? []) {
    if (f.geometry.type !== 'GeometryCollection') walk(f.geometry.coordinates)
  }
  return boundsOf(points)
}
