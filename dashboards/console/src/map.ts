// The geometry of the small map: a window of some kilometres around a place, drawn as SVG. It needs no WebGL and no
// tiles. Pure.

import type { FeatureCollection, Geometry, Position } from 'geojson'
import { boundsOf } from '../../wall/src/outlines.ts'

const KM_PER_DEGREE = 111.195 // of latitude, on a sphere of 6,371 km
export const WIDTHS_KM = [2, 5, 10, 25, 60, 150] as const
export const FIRST_WIDTH = 3 // index: 25 km

export interface Frame {
  lon: number
  lat: number
  widthKm: number
  width: number // of the drawing, in units
  height: number
}

// project returns where a position lies in the drawing. At this scale a plain cylinder is exact enough.
export function project(f: Frame, lon: number, lat: number): [x: number, y: number] {
  const scale = f.width / f.widthKm
  const x = (lon - f.lon) * KM_PER_DEGREE * Math.cos((f.lat * Math.PI) / 180)
  const y = (f.lat - lat) * KM_PER_DEGREE
  return [f.width / 2 + x * scale, f.height / 2 + y * scale]
}

export const within = (f: Frame, [x, y]: readonly [number, number], margin = 0): boolean =>
  x >= -margin && y >= -margin && x <= f.width + margin && y <= f.height + margin

// pathOf draws the rings of areas. Points closer together than a unit are left out.
export function pathOf(f: Frame, areas: FeatureCollection): string {
  const rings: string[] = []
  for (const feature of areas.features) {
    const g = feature.geometry
    const polygons = g.type === 'Polygon' ? [g.coordinates] : g.type === 'MultiPolygon' ? g.coordinates : []
    for (const ring of polygons.flat()) rings.push(ringOf(f, ring))
  }
  return rings.join('')
}

function ringOf(f: Frame, ring: readonly Position[]): string {
  let d = ''
  let [lastX, lastY] = [NaN, NaN]
  for (const [lon, lat] of ring) {
    const [x, y] = project(f, lon ?? 0, lat ?? 0)
    if (Math.abs(x - lastX) < 1 && Math.abs(y - lastY) < 1) continue
    d += (d === '' ? 'M' : 'L') + x.toFixed(1) + ' ' + y.toFixed(1)
    ;[lastX, lastY] = [x, y]
  }
  return d + 'Z'
}

// frameOf returns the place and width in kilometres that show all of some shapes; undefined where there are none.
export function frameOf(shapes: FeatureCollection, size: { width: number; height: number }): Frame | undefined {
  const b = boundsOf(shapes.features.flatMap((f) => pointsOf(f.geometry)))
  if (!b) return undefined
  const [lon, lat] = [(b[0] + b[2]) / 2, (b[1] + b[3]) / 2]
  const east = (b[2] - b[0]) * KM_PER_DEGREE * Math.cos((lat * Math.PI) / 180)
  const north = (b[3] - b[1]) * KM_PER_DEGREE
  return { ...size, lon, lat, widthKm: Math.max(WIDTHS_KM[0], 1.1 * Math.max(east, (north * size.width) / size.height)) }
}

const pointsOf = (g: Geometry): (readonly [number, number])[] =>
  (g.type === 'Polygon' ? g.coordinates : g.type === 'MultiPolygon' ? g.coordinates.flat() : []).flat().map((p) => [p[0] ?? 0, p[1] ?? 0] as const)

// barOf returns a length for the scale, about a quarter of the width: 1, 2 or 5 of something.
export function barOf(widthKm: number): number {
  const most = widthKm / 3
  const ten = 10 ** Math.floor(Math.log10(most))
  return ([5, 2, 1].find((n) => n * ten <= most) ?? 1) * ten
}
