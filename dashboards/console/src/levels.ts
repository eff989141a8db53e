// What the console shares with the wall: the four levels with their shapes, and names in two languages.
// One place, so that both pages always look alike.

export { LEVELS, INK } from '../../wall/src/levels.ts'
export { Shape } from '../../wall/src/shape.tsx'
export { CellOutlines } from '../../wall/src/celloutlines.ts'
export { shapesOf, WARNING_COLOURS } from '../../wall/src/covers.ts'
export { boundsOf, labelPoints } from '../../wall/src/outlines.ts'
