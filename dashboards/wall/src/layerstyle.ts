// How layers are drawn: every look has a colour, a width and dashes of its own, so that nobody needs the colour. The map
// and the legend draw from the same table.

import type { ExpressionSpecification, LayerSpecification } from 'maplibre-gl'
import { INK, LEVELS } from './levels.ts'
import { ORDER } from './layers.ts'
import type { Look } from './layers.ts'

export interface Stroke {
  colour: string
  rem: number // width
  dash?: readonly number[] // in widths
  core?: true // a dark line in the middle: nothing goes there any more
}

export const STROKES: Record<Look, Stroke> = {
  stale: { colour: '#a3abb2', rem: 0.1, dash: [0.6, 1.8] },
  normal: { colour: '#8b949c', rem: 0.07 },
  blue: { colour: LEVELS.P4.colour, rem: 0.15, dash: [4, 1.5] },
  yellow: { colour: LEVELS.P3.colour, rem: 0.2, dash: [1.5, 0.8] },
  orange: { colour: LEVELS.P2.colour, rem: 0.28 },
  red: { colour: LEVELS.P1.colour, rem: 0.36, core: true },
}

const CORE = 0.3 // of the width
const CASING_REM = 0.14 // of near-black about every line, so that it stands on grey cells too
export const POINT_REM = 0.16 // least radius of a point; its look's width comes on top
const FAR = 0.45 // of the width where the whole city is in sight

// widthAt is a width that grows as the map comes nearer.
const widthAt = (px: number): ExpressionSpecification => ['interpolate', ['linear'], ['zoom'], 9, px * FAR, 12.5, px]

const casing = (rem: number): ExpressionSpecification => {
  const arms = ORDER.flatMap((look) => [look, STROKES[look].rem + CASING_REM])
  const wide = (by: number) => ['*', ['match', ['get', 'look'], ...arms, CASING_REM], rem * by]
  return ['interpolate', ['linear'], ['zoom'], 9, wide(FAR), 12.5, wide(1)] as unknown as ExpressionSpecification
}

const radius = (rem: number): ExpressionSpecification => {
  const arms = ORDER.flatMap((look) => [look, POINT_REM + STROKES[look].rem])
  return ['*', ['match', ['get', 'look'], ...arms, 0.2], rem] as unknown as ExpressionSpecification
}

const colours = (): ExpressionSpecification =>
  ['match', ['get', 'look'], ...ORDER.flatMap((look) => [look, STROKES[look].colour]), STROKES.normal.colour] as unknown as ExpressionSpecification

const OF_LINES: ExpressionSpecification = ['!=', ['geometry-type'], 'Point']
const OF_POINTS: ExpressionSpecification = ['==', ['geometry-type'], 'Point']
const looks = (look: Look): ExpressionSpecification => ['all', OF_LINES, ['==', ['get', 'look'], look]]

// layerStyles returns the style's layers of source layers, from the bottom up.
export function layerStyles(rem: number): LayerSpecification[] {
  const list: LayerSpecification[] = [
    { id: 'layer-fill', type: 'fill', source: 'layers', filter: ['match', ['geometry-type'], ['Polygon', 'MultiPolygon'], true, false], paint: { 'fill-color': colours(), 'fill-opacity': 0.15 } },
    { id: 'layer-casing', type: 'line', source: 'layers', filter: OF_LINES, layout: { 'line-cap': 'round', 'line-join': 'round' }, paint: { 'line-color': INK, 'line-width': casing(rem) } },
  ]
  for (const look of ORDER) {
    const s = STROKES[look]
    list.push({
      id: 'layer-' + look, type: 'line', source: 'layers', filter: looks(look), layout: { 'line-join': 'round' },
      paint: { 'line-color': s.colour, 'line-width': widthAt(s.rem * rem), ...(s.dash ? { 'line-dasharray': [...s.dash] } : {}) },
    })
    if (s.core) {
      list.push({ id: 'layer-core', type: 'line', source: 'layers', filter: looks(look), paint: { 'line-color': INK, 'line-width': widthAt(s.rem * CORE * rem) } })
    }
  }
  list.push({
    id: 'layer-points', type: 'circle', source: 'layers', filter: OF_POINTS, layout: { 'circle-sort-key': ['get', 'order'] },
    paint: {
      'circle-radius': radius(rem), 'circle-color': ['match', ['get', 'look'], 'stale', INK, colours()], 'circle-stroke-width': rem * 0.07,
      'circle-stroke-color': ['match', ['get', 'look'], 'stale', STROKES.stale.colour, INK],
    },
  })
  return list
}
