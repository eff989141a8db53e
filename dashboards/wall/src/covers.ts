// The areas that warnings are about, as shapes for a map: the cells of a cover where it has any, else its areas as far
// as their outlines are known.

import type { Incident, WarningLevel } from '@banyan/live/protocol'
import type { Feature, FeatureCollection } from 'geojson'
import { CellOutlines } from './celloutlines.ts'
import { LEVELS } from './levels.ts'

const MAX_COVERS = 32 // drawn at once, the gravest first
const GRAVEST: readonly WarningLevel[] = ['red', 'orange', 'yellow', 'blue']

// WARNING_COLOURS are those of the four levels: 红, 橙, 黄, 蓝. On a screen the word always stands beside.
export const WARNING_COLOURS: Record<WarningLevel, string> = { red: LEVELS.P1.colour, orange: LEVELS.P2.colour, yellow: LEVELS.P3.colour, blue: LEVELS.P4.colour }

const gravity = (i: Incident): number => (i.warning_level ? GRAVEST.indexOf(i.warning_level) : GRAVEST.length)

// covered are the incidents whose cover is drawn, the least grave first: what is drawn later lies above.
export function covered(incidents: Iterable<Incident>): readonly Incident[] {
  const all = [...incidents].filter((i) => (i.cover?.cells?.length ?? 0) > 0 || (i.cover?.areas?.length ?? 0) > 0)
  return all.sort((a, b) => gravity(a) - gravity(b) || (a.id < b.id ? -1 : 1)).slice(0, MAX_COVERS).reverse()
}

// shapesOf makes the shapes of covers out of the outlines that are known.
export function shapesOf(incidents: readonly Incident[], outline: (cell: string) => Feature['geometry'] | undefined, areas: FeatureCollection | undefined): FeatureCollection {
  const features: Feature[] = []
  for (const i of incidents) {
    const properties = { incident: i.id, level: i.warning_level ?? '' }
    const cells = i.cover?.cells ?? []
    for (const c of cells) {
      const geometry = outline(c)
      if (geometry) features.push({ type: 'Feature', geometry, properties })
    }
    if (cells.length > 0) continue
    for (const a of areas?.features ?? []) {
      if (i.cover?.areas?.includes(String(a.properties?.code))) features.push({ type: 'Feature', geometry: a.geometry, properties })
    }
  }
  return { type: 'FeatureCollection', features }
}

// Covers draws covers with outlines that it asks for.
export class Covers {
  private drawn = ''

  constructor(private readonly cells: CellOutlines) {}

  // draw returns the shapes; undefined where they are as before, or a call before it is still asking.
  async draw(incidents: Iterable<Incident>, areas: FeatureCollection | undefined): Promise<FeatureCollection | undefined> {
    const shown = covered(incidents)
    if (!(await this.cells.ask(shown.flatMap((i) => i.cover?.cells ?? [])))) return undefined
    const shapes = shapesOf(shown, (c) => this.cells.of(c), areas)
    const now = `${areas ? 'areas' : ''} ${shapes.features.length} ${shown.map((i) => i.id + i.warning_level + i.cover?.cells?.join() + i.cover?.areas?.join()).join(' ')}`
    if (now === this.drawn) return undefined
    this.drawn = now
    return shapes
  }
}
