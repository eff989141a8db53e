// Incidents counted by H3 cell, with the outlines of the cells.

import { parentOf } from '@banyan/live/cells'
import type { Incident } from '@banyan/live/protocol'
import type { Feature, FeatureCollection } from 'geojson'
import type { CellOutlines } from './celloutlines.ts'

const MAX_PARENTS = 65_536
const ACROSS_M = [2_400, 910, 345] // of a hexagon of resolution 7, 8, 9
const COARSEST = 7
const LEAST_REM = 0.7 // a cell is at least this wide on the screen, if it can be

// resolutionFor returns the finest resolution whose cells can be told apart at a scale.
export function resolutionFor(metresPerPx: number, remPx: number): number {
  for (let n = ACROSS_M.length - 1; n > 0; n--) {
    if ((ACROSS_M[n] ?? 0) / metresPerPx >= LEAST_REM * remPx) return COARSEST + n
  }
  return COARSEST
}

export function countCells(incidents: Iterable<Incident>, parent: (cell: string) => string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const i of incidents) {
    if (!i.cell) continue
    const p = parent(i.cell)
    counts.set(p, (counts.get(p) ?? 0) + 1)
  }
  return counts
}

export class CellShading {
  private parents = new Map<string, string>()
  private shaded = '' // what was returned last

  constructor(private readonly cells: CellOutlines) {}

  // shade returns the shaded cells; undefined when they are as before, or a call before it is still asking for
  // outlines.
  async shade(incidents: readonly Incident[], resolution: number): Promise<FeatureCollection | undefined> {
    const counts = countCells(incidents, (c) => this.parent(c, resolution))
    if (!(await this.cells.ask([...counts.keys()]))) return undefined
    const known = [...counts].filter(([cell]) => this.cells.of(cell))
    const now = known.join(' ')
    if (now === this.shaded) return undefined
    this.shaded = now
    const features: Feature[] = []
    for (const [cell, count] of known) {
      const geometry = this.cells.of(cell)
      if (geometry) features.push({ type: 'Feature', geometry, properties: { cell, count } })
    }
    return { type: 'FeatureCollection', features }
  }

  private parent(cell: string, resolution: number): string {
    const key = resolution + cell
    let p = this.parents.get(key)
    if (p === undefined) {
      if (this.parents.size >= MAX_PARENTS) this.parents.clear()
      this.parents.set(key, (p = parentOf(cell, resolution)))
    }
    return p
  }
}
