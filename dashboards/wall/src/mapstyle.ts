// The style of the map: greys on near-black. Colour comes in with the marks of incidents, what warnings are about, and layers.

import type { StyleSpecification } from 'maplibre-gl'
import { WARNING_COLOURS } from './covers.ts'
import { layerStyles } from './layerstyle.ts'

const NOTHING = { type: 'FeatureCollection' as const, features: [] }

// Greys of the shading: few incidents, some, many. wall.css has the same in its legend.
const CELL_GREYS = ['#3d444b', '#69727b', '#a3acb4'] as const

export const STYLE = (remPx: number): StyleSpecification => ({
  version: 8,
  sources: {
    areas: { type: 'geojson', data: NOTHING },
    cells: { type: 'geojson', data: NOTHING },
    covers: { type: 'geojson', data: NOTHING },
    layers: { type: 'geojson', data: NOTHING },
    labels: { type: 'geojson', data: NOTHING },
    incidents: { type: 'geojson', data: NOTHING },
  },
  layers: [
    { id: 'ground', type: 'background', paint: { 'background-color': '#0b0c0d' } },
    { id: 'areas', type: 'fill', source: 'areas', paint: { 'fill-color': '#15181a' } },
    {
      id: 'cells', type: 'fill', source: 'cells',
      paint: { 'fill-color': ['step', ['get', 'count'], CELL_GREYS[0], 3, CELL_GREYS[1], 10, CELL_GREYS[2]], 'fill-outline-color': '#0b0c0d' },
    },
    {
      id: 'covers', type: 'fill', source: 'covers',
      paint: {
        'fill-color': ['match', ['get', 'level'], 'red', WARNING_COLOURS.red, 'orange', WARNING_COLOURS.orange, 'yellow', WARNING_COLOURS.yellow, 'blue', WARNING_COLOURS.blue, '#a3acb4'],
        'fill-opacity': 0.35, 'fill-antialias': false, // the seams between cells say nothing
      },
    },
    { id: 'borders', type: 'line', source: 'areas', paint: { 'line-color': '#565d64', 'line-width': Math.max(1, remPx / 20) } },
    ...layerStyles(remPx),
    {
      id: 'labels', type: 'symbol', source: 'labels',
      layout: { 'text-field': ['get', 'name'], 'text-font': ['Noto Sans CJK SC'], 'text-size': remPx, 'text-padding': 0, 'text-max-width': 8, 'symbol-sort-key': ['get', 'order'] },
      paint: { 'text-color': '#a3abb2', 'text-halo-color': '#0b0c0d', 'text-halo-width': 2 },
    },
    {
      id: 'incidents', type: 'symbol', source: 'incidents', filter: ['!', ['get', 'alarm']],
      layout: { 'icon-image': ['get', 'icon'], 'icon-allow-overlap': true, 'icon-ignore-placement': true, 'symbol-sort-key': ['get', 'order'], 'symbol-z-order': 'auto' },
    },
    {
      id: 'alarms', type: 'symbol', source: 'incidents', filter: ['get', 'alarm'],
      layout: { 'icon-image': ['get', 'icon'], 'icon-allow-overlap': true, 'icon-ignore-placement': true, 'symbol-sort-key': ['get', 'order'] },
      paint: { 'icon-opacity-transition': { duration: 0, delay: 0 } }, // a fade would draw the whole map at every frame of it
    },
  ],
})
