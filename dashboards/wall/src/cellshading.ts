// Incidents counted by H3 cell, with the outlines the server draws: there is no H3 in the browser.

import { parentOf } from '@banyan/live/cells'
import type { Incident } from '@banyan/live/protocol'
import type { Feature, FeatureCollection, Polygon } from 'geojson'
import { getCells, MAX_CELLS_PER_CALL } from './server.ts'

const MAX_OUTLINES = 8_192 // kept; past it, all are asked for again
const MAX_PARENTS = 65_536
const RETRY_MS = 10_000
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
  private outlines = new Map<string, Feature['geometry']>()
  private parents = new Map<string, string>()
  private shaded = '' // what was returned last
  private asking = false
  private askAfter = 0 // performance.now(); a server that failed is left alone for a while

  constructor(private readonly token: string) {}

  // shade returns the shaded cells; undefined when they are as before, or a call before it is still asking for
  // outlines.
  async shade(incidents: readonly Incident[], resolution: number): Promise<FeatureCollection | undefined> {
    if (this.asking) return undefined
    const counts = countCells(incidents, (c) => this.parent(c, resolution))
    await this.ask([...counts.keys()].filter((c) => !this.outlines.has(c)))
    const known = [...counts].filter(([cell]) => this.outlines.has(cell))
    const now = known.join(' ')
    if (now === this.shaded) return undefined
    this.shaded = now
    const features: Feature[] = []
    for (const [cell, count] of known) {
      const geometry = this.outlines.get(cell)
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

  private async ask(missing: readonly string[]): Promise<void> {
    if (missing.length === 0 || performance.now() < this.askAfter) return
    if (this.outlines.size + missing.length > MAX_OUTLINES) this.outlines.clear()
    this.asking = true
    try {
      for (let n = 0; n < missing.length; n += MAX_CELLS_PER_CALL) {
        const got = (await getCells(this.token, missing.slice(n, n + MAX_CELLS_PER_CALL))) as FeatureCollection<Polygon>
        for (const f of got.features) this.outlines.set(String(f.properties?.cell), f.geometry)
      }
    } catch (e) {
      console.warn('cells: ' + String(e))
      this.askAfter = performance.now() + RETRY_MS
    } finally {
      this.asking = false
    }
  }
}
