// Layers: what sources measure, as the map shows it. The book keeps them as the server tells of changes, and asks for the
// whole where something is missing. Nothing here knows a socket or a screen.

import type { Geometry } from 'geojson'
import type { Named } from './protocol.ts'

export type Level = 'blue' | 'yellow' | 'orange' | 'red'

export interface LayerState extends Named {
  id: string
  level?: Level // none: as what is normal
}

export interface LayerInfo extends Named {
  id: string
  unit?: string
  states: readonly LayerState[]
  valid_seconds: number
  revision: number
}

// LayerFeature is the last reading of one feature. Times are RFC 3339 strings.
export interface LayerFeature {
  id: string
  state: string
  value?: number
  at: string
  until: string // stale from then on
  label?: string
  geometry: Geometry
}

export interface LayerChange {
  id: string
  from: number
  revision: number
  features: readonly (Omit<LayerFeature, 'geometry'> & { geometry?: Geometry })[]
  gone?: readonly string[]
}

export interface LayersFrame {
  op: 'layers'
  list?: readonly { id: string; revision: number }[]
  layers?: readonly LayerChange[]
}

// LayerCollection is the answer of GET /api/v1/layers/{id}.
export interface LayerCollection {
  id: string
  revision: number
  features: readonly { id: string; geometry: Geometry; properties: Omit<LayerFeature, 'id' | 'geometry'> }[]
}

export interface Layer {
  readonly info: LayerInfo
  readonly revision: number
  readonly features: ReadonlyMap<string, LayerFeature>
}

export type Layers = ReadonlyMap<string, Layer> // in the server's order

// changed is a layer after a change that goes on from it; undefined where the change names what is not known.
export function changed(layer: Layer, c: LayerChange): Layer | undefined {
  const features = new Map(layer.features)
  for (const id of c.gone ?? []) features.delete(id)
  for (const f of c.features) {
    const before = features.get(f.id)
    const geometry = f.geometry ?? before?.geometry
    if (!geometry) return undefined
    const label = f.geometry ? f.label : (f.label ?? before?.label)
    const { label: _, ...rest } = f
    features.set(f.id, { ...rest, geometry, ...(label === undefined ? {} : { label }) })
  }
  return { ...layer, revision: c.revision, features }
}

const MAX_WAITING = 32 // changes of one layer that wait for an answer
const ASK_AGAIN_MS = 1_000

export interface BookOptions {
  list: () => Promise<readonly LayerInfo[]>
  features: (id: string) => Promise<LayerCollection>
  onLayers: (layers: Layers) => void
  onProblem: (why: unknown) => void
}

// Book keeps the layers. What it has asked for and what it is told meet here: changes that come while a layer is asked for
// wait, and are applied to the answer where they go on from it.
export class Book {
  private layers: Layers = new Map()
  private waiting = new Map<string, LayerChange[]>() // by layer that is asked for
  private late = new Map<string, ReturnType<typeof setTimeout>>()
  private refreshing: Promise<void> | undefined
  private again = false
  private ended = false

  constructor(private readonly o: BookOptions) {}

  // end forgets everything; what is still asked for comes to nothing.
  end(): void {
    this.ended = true
    this.late.forEach(clearTimeout)
  }

  hear(f: LayersFrame): void {
    if (f.list) {
      const same = f.list.length === this.layers.size && f.list.every((l) => this.layers.get(l.id)?.revision === l.revision)
      if (!same) void this.refresh()
    }
    for (const c of f.layers ?? []) this.change(c)
  }

  // refresh asks which layers there are, and for those that have moved on unheard.
  refresh(): Promise<void> {
    this.again = this.refreshing !== undefined
    this.refreshing ??= this.ask().finally(() => {
      this.refreshing = undefined
      if (this.again && !this.ended) void this.refresh()
    })
    return this.refreshing
  }

  private async ask(): Promise<void> {
    try {
      const infos = await this.o.list()
      if (this.ended) return
      const next = new Map<string, Layer>()
      for (const info of infos) {
        const known = this.layers.get(info.id)
        next.set(info.id, known ? { ...known, info } : { info, revision: 0, features: new Map() })
      }
      this.publish(next)
      await Promise.all(infos.filter((i) => next.get(i.id)?.revision !== i.revision).map((i) => this.fetch(i.id)))
    } catch (e) {
      this.o.onProblem(e)
    }
  }

  private change(c: LayerChange): void {
    const waits = this.waiting.get(c.id)
    if (waits) {
      waits.push(c)
      if (waits.length > MAX_WAITING) waits.shift()
      return
    }
    const layer = this.layers.get(c.id)
    if (!layer || c.revision <= layer.revision) return // a list comes, or it is known already
    const next = c.from === layer.revision ? changed(layer, c) : undefined
    if (next) this.publish(new Map(this.layers).set(c.id, next))
    else this.soon(c.id)
  }

  // soon asks for a layer in a moment: a server that tells of much at once is not asked for each of it.
  private soon(id: string): void {
    if (this.late.has(id)) return
    this.late.set(id, setTimeout(() => {
      this.late.delete(id)
      void this.fetch(id).catch((e) => this.o.onProblem(e))
    }, ASK_AGAIN_MS))
  }

  private async fetch(id: string): Promise<void> {
    if (this.waiting.has(id)) return
    this.waiting.set(id, [])
    let told: LayerChange[] = []
    try {
      const c = await this.o.features(id)
      const layer = this.layers.get(id)
      if (this.ended || !layer) return
      const features = new Map(c.features.map((f) => [f.id, { id: f.id, geometry: f.geometry, ...f.properties }] as const))
      this.publish(new Map(this.layers).set(id, { info: layer.info, revision: c.revision, features }))
    } finally {
      told = this.waiting.get(id) ?? []
      this.waiting.delete(id)
    }
    told.forEach((t) => this.change(t))
  }

  private publish(layers: Layers): void {
    this.layers = layers
    this.o.onLayers(layers)
  }
}
