// Outlines of H3 cells, which the server draws: there is no H3 in the browser.

import type { Feature, FeatureCollection } from 'geojson'

export const MAX_CELLS_PER_CALL = 512
const MAX_OUTLINES = 16_384 // kept; past it, all are asked for again
const RETRY_MS = 10_000

// CellOutlines keeps those that were asked for.
export class CellOutlines {
  private outlines = new Map<string, Feature['geometry']>()
  private asking = false
  private askAfter = 0 // performance.now(); a server that failed is left alone for a while

  constructor(private readonly fetch: (cells: readonly string[]) => Promise<FeatureCollection>) {}

  of(cell: string): Feature['geometry'] | undefined {
    return this.outlines.get(cell)
  }

  // ask fetches those of cells that are not known; false while a call before it is still asking.
  async ask(cells: readonly string[]): Promise<boolean> {
    if (this.asking) return false
    const missing = [...new Set(cells)].filter((c) => !this.outlines.has(c))
    if (missing.length === 0 || performance.now() < this.askAfter) return true
    if (this.outlines.size + missing.length > MAX_OUTLINES) this.outlines.clear()
    this.asking = true
    try {
      for (let n = 0; n < missing.length; n += MAX_CELLS_PER_CALL) {
        for (const f of (await this.fetch(missing.slice(n, n + MAX_CELLS_PER_CALL))).features) this.outlines.set(String(f.properties?.cell), f.geometry)
      }
    } catch (e) {
      console.warn('cells: ' + String(e))
      this.askAfter = performance.now() + RETRY_MS
    } finally {
      this.asking = false
    }
    return true
  }
}
