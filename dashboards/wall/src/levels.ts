// The four levels: the only colours of the wall, each with a shape of its own.

import type { Priority } from '@banyan/live/protocol'

export interface Level {
  colour: string
  // Outline of the shape in a square of 100 by 100, and where the middle of a text in it lies.
  path: string
  textY: number
}

export const LEVELS: Record<Priority, Level> = {
  P1: { colour: '#ff4b3e', path: 'M50 2 98 50 50 98 2 50Z', textY: 51 },
  P2: { colour: '#ff9a1f', path: 'M50 -5 106 95 -6 95Z', textY: 70 },
  P3: { colour: '#ffe045', path: 'M10 10H90V90H10Z', textY: 51 },
  P4: { colour: '#55a8ff', path: 'M50 5A45 45 0 1 1 50 95A45 45 0 1 1 50 5Z', textY: 51 },
}

export const INK = '#0b0c0d' // on a filled shape, and the ground of an outlined one

export const FONT = '"Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", sans-serif'
