import { describe, expect, it } from 'vitest'
import type { Incident } from '@banyan/live/protocol'
import type { FeatureCollection, Polygon } from 'geojson'
import { CellOutlines } from './celloutlines.ts'
import { covered, Covers, shapesOf } from './covers.ts'

const incident = (id: string, change: Partial<Incident>): Incident =>
  ({ id, number: id, type: 'weather.rainstorm', state: 'open', priority: 'P2', alert_count: 1, tasks: [], opened_at: '2026-11-23T08:00:00Z', seq: 1, ...change })

const square = (n: number): Polygon => ({ type: 'Polygon', coordinates: [[[n, 0], [n + 1, 0], [n + 1, 1], [n, 0]]] })
const outlined = (cells: readonly string[]): FeatureCollection =>
  ({ type: 'FeatureCollection', features: cells.map((cell, n) => ({ type: 'Feature', geometry: square(n), properties: { cell } })) })

describe('covers', () => {
  it('are those that say where, the gravest above', () => {
    const list = [incident('b', { warning_level: 'blue', cover: { cells: ['1'] } }), incident('none', {}), incident('empty', { cover: {} }),
      incident('r', { warning_level: 'red', cover: { areas: ['350102'] } }), incident('plain', { cover: { cells: ['2'] } })]
    expect(covered(list).map((i) => i.id)).toEqual(['plain', 'b', 'r'])
    expect(covered(Array.from({ length: 99 }, (_, n) => incident('i' + n, { cover: { cells: ['1'] } })))).toHaveLength(32)
  })
  it('are drawn by their cells, or where they have none by the outlines of their areas', () => {
    const areas: FeatureCollection = { type: 'FeatureCollection', features: ['350102', '350103'].map((code, n) => ({ type: 'Feature', geometry: square(n), properties: { code } })) }
    const shapes = shapesOf([incident('c', { warning_level: 'orange', cover: { cells: ['1', '9'], areas: ['350102'] } }), incident('a', { cover: { areas: ['350103', '350199'] } })],
      (c) => (c === '1' ? square(5) : undefined), areas)
    expect(shapes.features.map((f) => [f.properties, f.geometry])).toEqual([[{ incident: 'c', level: 'orange' }, square(5)], [{ incident: 'a', level: '' }, square(1)]])
  })
  it('ask for an outline once, and draw again only what has changed', async () => {
    const asked: string[] = []
    const covers = new Covers(new CellOutlines(async (cells) => {
      asked.push(...cells)
      return outlined(cells)
    }))
    const one = incident('i', { warning_level: 'yellow', cover: { cells: ['1', '2'] } })
    expect((await covers.draw([one], undefined))?.features).toHaveLength(2)
    expect(await covers.draw([one], undefined)).toBeUndefined()
    expect((await covers.draw([{ ...one, warning_level: 'red' }], undefined))?.features.map((f) => f.properties?.level)).toEqual(['red', 'red'])
    expect((await covers.draw([], undefined))?.features).toEqual([])
    expect(asked).toEqual(['1', '2'])
  })
})
