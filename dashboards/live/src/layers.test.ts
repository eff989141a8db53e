import { describe, expect, it, vi } from 'vitest'
import { Book, changed } from './layers.ts'
import type { Layer, LayerChange, LayerCollection, LayerInfo, Layers } from './layers.ts'
import { parseFrame } from './protocol.ts'

const at = (lon: number) => ({ type: 'Point' as const, coordinates: [lon, 26] })
const feature = (id: string, state: string) => ({ id, state, at: '2026-05-01T01:00:00.000000Z', until: '2026-05-01T01:10:00.000000Z' })
const info = (id: string, revision: number): LayerInfo => ({ id, name: id, states: [{ id: 'low', name: '低' }, { id: 'high', name: '高', level: 'red' }], valid_seconds: 600, revision })
const change = (from: number, more: Partial<LayerChange> = {}): LayerChange => ({ id: 'a', from, revision: from + 1, features: [], ...more })

const layer: Layer = { info: info('a', 7), revision: 7, features: new Map([['x', { ...feature('x', 'low'), label: '一号', geometry: at(119) }]]) }

describe('changed', () => {
  it('keeps place and name of what is known', () => {
    const next = changed(layer, change(7, { features: [feature('x', 'high')] }))
    expect(next?.revision).toBe(8)
    expect(next?.features.get('x')).toMatchObject({ state: 'high', label: '一号', geometry: at(119) })
    expect(layer.features.get('x')?.state).toBe('low')
  })
  it('takes in what is new and drops what is gone', () => {
    const next = changed(layer, change(7, { features: [{ ...feature('y', 'low'), geometry: at(120) }], gone: ['x'] }))
    expect([...(next?.features.keys() ?? [])]).toEqual(['y'])
  })
  it('says where something is missing', () => {
    expect(changed(layer, change(7, { features: [feature('z', 'low')] }))).toBeUndefined()
  })
})

// server answers a book, later where held.
function server(revision = 7) {
  const s = {
    infos: [info('a', revision)],
    revision,
    asked: 0,
    held: undefined as Promise<void> | undefined,
    shown: new Map() as Layers,
    problems: [] as unknown[],
  }
  const collection = (): LayerCollection => ({
    id: 'a', revision: s.revision, features: [{ id: 'x', geometry: at(119), properties: { state: 'low', at: feature('x', '').at, until: feature('x', '').until } }],
  })
  const book = new Book({
    list: async () => s.infos,
    features: async () => {
      s.asked++
      const c = collection()
      await s.held
      return c
    },
    onLayers: (l) => (s.shown = l),
    onProblem: (e) => s.problems.push(e),
  })
  return { s, book, state: () => s.shown.get('a')?.features.get('x')?.state }
}

describe('Book', () => {
  it('asks at the beginning and follows changes', async () => {
    const { s, book, state } = server()
    await book.refresh()
    expect(state()).toBe('low')
    book.hear({ op: 'layers', layers: [change(7, { features: [feature('x', 'high')] })] })
    expect(state()).toBe('high')
    book.hear({ op: 'layers', layers: [change(7, { features: [feature('x', 'low')] })] }) // known already
    expect(state()).toBe('high')
    expect(s.asked).toBe(1)
  })
  it('applies to the answer what came while it was asked for', async () => {
    const { s, book, state } = server()
    let go = () => {}
    s.held = new Promise((done) => (go = done))
    const ready = book.refresh()
    await vi.waitFor(() => expect(s.asked).toBe(1))
    book.hear({ op: 'layers', layers: [change(6), change(7, { features: [feature('x', 'high')] })] })
    go()
    await ready
    expect(state()).toBe('high')
    expect(s.shown.get('a')?.revision).toBe(8)
  })
  it('asks for the whole where a change is missing, once for many', async () => {
    vi.useFakeTimers()
    const { s, book } = server()
    await book.refresh()
    s.revision = 12
    book.hear({ op: 'layers', layers: [change(9), change(10), change(11)] })
    await vi.advanceTimersByTimeAsync(2_000)
    expect(s.asked).toBe(2)
    expect(s.shown.get('a')?.revision).toBe(12)
    vi.useRealTimers()
  })
  it('drops layers that are not listed any more, and leaves those alone that it has', async () => {
    const { s, book } = server()
    await book.refresh()
    book.hear({ op: 'layers', list: [{ id: 'a', revision: 7 }] })
    await book.refresh()
    expect(s.asked).toBe(1)
    s.infos = []
    book.hear({ op: 'layers', list: [] })
    await vi.waitFor(() => expect(s.shown.size).toBe(0))
  })
  it('goes on after a failure', async () => {
    const { s, book } = server()
    s.held = Promise.reject(new Error('away'))
    await book.refresh()
    expect(s.problems).toHaveLength(1)
    s.held = undefined
    await book.refresh()
    expect(s.shown.get('a')?.revision).toBe(7)
  })
})

it('frames of layers are read', () => {
  expect(parseFrame('{"op":"layers","list":[]}')).toMatchObject({ op: 'layers' })
})
