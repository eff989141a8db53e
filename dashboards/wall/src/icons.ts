// The marks of incidents on the map, drawn for the size of the screen.

import { PRIORITIES } from '@banyan/live/protocol'
import type { Priority } from '@banyan/live/protocol'
import { FONT, INK, LEVELS } from './levels.ts'
import type { Entry } from './queue.ts'

export interface Icon {
  name: string
  priority: Priority
  filled: boolean
  sizeRem: number
  labelled: boolean
}

// What somebody must answer is large and, where urgent, carries its characters; the rest is told by shape alone,
// so that it does not cover the map. Sizes in rem: [unacknowledged, acknowledged].
const SIZES: Record<Priority, readonly [number, number]> = { P1: [1.8, 1.7], P2: [1.5, 1.4], P3: [1.4, 1.1], P4: [1.25, 1] }
const LABELLED: readonly Priority[] = ['P1', 'P2']
const LABELLED_REM = 3
export const MAX_LABELLED = 40 // more large marks than this would cover the map and each other

const named = (p: Priority, how: 'labelled' | 'filled' | 'outlined') => `${p}-${how}`

export const ICONS: readonly Icon[] = [
  ...LABELLED.map((priority) => ({ name: named(priority, 'labelled'), priority, filled: true, sizeRem: LABELLED_REM, labelled: true })),
  ...PRIORITIES.flatMap((priority) => [
    { name: named(priority, 'filled'), priority, filled: true, sizeRem: SIZES[priority][0], labelled: false },
    { name: named(priority, 'outlined'), priority, filled: false, sizeRem: SIZES[priority][1], labelled: false },
  ]),
]

const wantsLabel = (e: Entry) => e.unacknowledged && LABELLED.includes(e.incident.priority)

// iconsFor returns the icon of each entry. Entries come most urgent first, so it is the most urgent that are
// labelled where not all can be.
export function iconsFor(entries: readonly Entry[]): string[] {
  let room = MAX_LABELLED
  return entries.map((e) => named(e.incident.priority, wantsLabel(e) && room-- > 0 ? 'labelled' : e.unacknowledged ? 'filled' : 'outlined'))
}

const UNITS = 132 // of a shape with its rim, drawn around a square of 100

// drawIcon draws i for a screen where a rem is remPx device pixels.
export function drawIcon(i: Icon, remPx: number): ImageData {
  const size = Math.ceil(i.sizeRem * remPx)
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = size
  const c = canvas.getContext('2d')
  if (!c) throw new Error('no 2d canvas')
  const l = LEVELS[i.priority]
  const shape = new Path2D(l.path)
  c.scale(size / UNITS, size / UNITS)
  c.translate((UNITS - 100) / 2, (UNITS - 100) / 2)
  c.lineJoin = 'round'
  c.strokeStyle = INK // a rim, so that marks on top of each other stay apart
  c.lineWidth = i.labelled ? 14 : 24
  c.stroke(shape)
  c.strokeStyle = l.colour
  c.lineWidth = i.labelled ? 8 : 14
  c.fillStyle = i.filled ? l.colour : INK
  c.fill(shape)
  c.stroke(shape)
  if (i.labelled) {
    c.fillStyle = i.filled ? INK : l.colour
    c.font = `800 44px ${FONT}`
    c.textAlign = 'center'
    c.textBaseline = 'middle'
    c.fillText(i.priority, 50, l.textY + 2)
  }
  return c.getImageData(0, 0, size, size)
}
