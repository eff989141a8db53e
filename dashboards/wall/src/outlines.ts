// Geometry the map needs of outlines: where a name stands, and the box around points. Degrees, lon before lat.

import type { Feature, FeatureCollection, Point, Position } from 'geojson'

export type Bounds = [west: number, south: number, east: number, north: number]

export function boundsOf(points: readonly (readonly [number, number])[]): Bounds | undefined {
  const [first] = points
  if (!first) return undefined
  const b: Bounds = [first[0], first[1], first[0], first[1]]
  for (const [lon, lat] of points) {
    b[0] = Math.min(b[0], lon)
    b[1] = Math.min(b[1], lat)
    b[2] = Math.max(b[2], lon)
    b[3] = Math.max(b[3], lat)
  }
  return b
}

// middle returns the centroid of a closed ring and the ring's area in square degrees.
function middle(ring: readonly Position[]): { at: [number, number]; area: number } {
  let area = 0
  let x = 0
  let y = 0
  const [ox, oy] = [ring[0]?.[0] ?? 0, ring[0]?.[1] ?? 0] // near the origin, or digits are lost
  for (let n = 0; n + 1 < ring.length; n++) {
    const [ax, ay] = [(ring[n]?.[0] ?? 0) - ox, (ring[n]?.[1] ?? 0) - oy]
    const [bx, by] = [(ring[n + 1]?.[0] ?? 0) - ox, (ring[n + 1]?.[1] ?? 0) - oy]
    const cross = ax * by - bx * ay
    area += cross / 2
    x += (ax + bx) * cross
    y += (ay + by) * cross
  }
  if (area === 0) return { at: [ox, oy], area: 0 }
  return { at: [ox + x / (6 * area), oy + y / (6 * area)], area: Math.abs(area) }
}

// labelPoints returns a point for the name of each area: the middle of its largest part. Large areas come
// first where names would cover each other.
export function labelPoints(areas: FeatureCollection, named: (code: string, p: { name?: string; name_en?: string }) => string): FeatureCollection<Point> {
  const features: Feature<Point>[] = []
  for (const f of areas.features) {
    const polygons = f.geometry.type === 'Polygon' ? [f.geometry.coordinates] : f.geometry.type === 'MultiPolygon' ? f.geometry.coordinates : []
    const parts = polygons.flatMap((p) => (p[0] ? [middle(p[0])] : []))
    const largest = parts.reduce<ReturnType<typeof middle> | undefined>((a, b) => (a && a.area >= b.area ? a : b), undefined)
    if (!largest) continue
    const code = String(f.properties?.code ?? '')
    features.push({
      type: 'Feature', geometry: { type: 'Point', coordinates: largest.at },
      properties: { name: named(code, f.properties ?? {}), order: -largest.area },
    })
  }
  return { type: 'FeatureCollection', features }
}
