import { describe, expect, it } from 'vitest'
import { barOf, frameOf, pathOf, project, within } from './map.ts'

const F = { lon: 119.3, lat: 26.08, widthKm: 10, width: 400, height: 200 }

describe('the small map', () => {
  it('has its place in the middle, north up, in true kilometres', () => {
    expect(project(F, 119.3, 26.08)).toEqual([200, 100])
    const [, north] = project(F, 119.3, 26.08 + 1 / 111.195)
    expect(north).toBeCloseTo(60)
    const [east] = project(F, 119.3 + 1 / (111.195 * Math.cos((26.08 * Math.PI) / 180)), 26.08)
    expect(east).toBeCloseTo(240)
  })
  it('knows what is on it', () => {
    expect([within(F, [0, 0]), within(F, [-1, 0]), within(F, [-1, 0], 5), within(F, [399, 201])]).toEqual([true, false, true, false])
  })
  it('draws rings, without points too close to be told apart', () => {
    const ring = [[119.3, 26.08], [119.300001, 26.08], [119.32, 26.08], [119.32, 26.1], [119.3, 26.08]]
    const d = pathOf(F, { type: 'FeatureCollection', features: [{ type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [ring] } }] })
    expect(d).toMatch(/^M200\.0 100\.0L[\d.]+ 100\.0L[\d.]+ [\d.]+L200\.0 100\.0Z$/)
  })
  it('frames shapes as a whole', () => {
    const ring = [[119.2, 26], [119.4, 26], [119.4, 26.1], [119.2, 26]]
    const f = frameOf({ type: 'FeatureCollection', features: [{ type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [ring] } }] }, { width: 400, height: 200 })
    expect([f?.lon, f?.lat]).toEqual([expect.closeTo(119.3), expect.closeTo(26.05)])
    for (const [lon, lat] of ring) expect(within(f ?? F, project(f ?? F, lon ?? 0, lat ?? 0))).toBe(true)
    expect(f?.widthKm).toBeLessThan(28)
    expect(frameOf({ type: 'FeatureCollection', features: [] }, { width: 400, height: 200 })).toBeUndefined()
  })
  it('has a scale of 1, 2 or 5', () => {
    expect([2, 5, 10, 25, 60, 150].map(barOf)).toEqual([0.5, 1, 2, 5, 20, 50])
  })
})
