import { describe, expect, it } from 'vitest'
import type { Layer, LayerFeature } from '@banyan/live/layers'
import { allStale, counted, extent, listed, MAX_LAYERS, ORDER, toDraw } from './layers.ts'
import { layerStyles, STROKES } from './layerstyle.ts'

const NOW = Date.parse('2026-05-01T01:05:00Z')
const road = (id: string, state: string, until = '2026-05-01T01:10:00Z'): LayerFeature =>
  ({ id, state, at: '2026-05-01T01:00:00Z', until, geometry: { type: 'LineString', coordinates: [[119.3, 26.1], [119.31, 26.12]] } })
const layer = (id: string, ...features: LayerFeature[]): Layer => ({
  info: { id, name: id, states: [{ id: 'smooth', name: '畅通' }, { id: 'severe', name: '严重拥堵', level: 'orange' }], valid_seconds: 600, revision: 1 },
  revision: 1, features: new Map(features.map((f) => [f.id, f])),
})
const looks = (l: Layer, off: string[] = []) => toDraw(new Map([[l.info.id, l]]), new Set(off), NOW).features.map((f) => f.properties?.look as string)

describe('layers on the map', () => {
  const l = layer('traffic', road('a', 'smooth'), road('b', 'severe'), road('c', 'severe', '2026-05-01T01:04:59Z'), road('d', 'unknown'))
  it('are drawn by state, and what is old as old', () => {
    expect(looks(l)).toEqual(['normal', 'orange', 'stale', 'normal'])
    expect(looks(l, ['traffic'])).toEqual([])
  })
  it('are counted by state, what is old apart', () => {
    const c = counted(l, NOW)
    expect([...c.byState]).toEqual([['smooth', 1], ['severe', 1], ['unknown', 1]])
    expect(c.stale).toBe(1)
    expect(allStale(l, c)).toBe(false)
    expect(allStale(l, counted(l, NOW + 3_600_000))).toBe(true)
    expect(allStale(layer('x'), counted(layer('x'), NOW))).toBe(false)
  })
  it('have an extent', () => {
    expect(extent(l)).toEqual([119.3, 26.1, 119.31, 26.12])
    expect(extent(layer('x', { ...road('p', 'smooth'), geometry: { type: 'Point', coordinates: [1, 2] } }))).toEqual([1, 2, 1, 2])
    expect(extent(undefined)).toBeUndefined()
  })
  it('are as many as there are digits', () => {
    const many = new Map(Array.from({ length: 12 }, (_, n) => [String(n), layer(String(n), road('a', 'smooth'))]))
    expect(listed(many)).toHaveLength(MAX_LAYERS)
    expect(toDraw(many, new Set(), NOW).features).toHaveLength(MAX_LAYERS)
  })
})

// Rule of the wall: never colour alone.
it('no two looks differ by colour alone', () => {
  const marks = ORDER.map((look) => JSON.stringify([STROKES[look].rem, STROKES[look].dash ?? [], STROKES[look].core ?? false]))
  expect(new Set(marks).size).toBe(ORDER.length)
  const widths = ORDER.slice(1).map((look) => STROKES[look].rem)
  expect(widths).toEqual([...widths].sort((a, b) => a - b)) // the worse, the wider
})

it('what is worse lies on top', () => {
  const ids = layerStyles(24).map((s) => s.id)
  expect(ids.indexOf('layer-red')).toBeGreaterThan(ids.indexOf('layer-normal'))
  expect(ids[ids.length - 1]).toBe('layer-points')
})
