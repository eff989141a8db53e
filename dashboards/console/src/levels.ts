// What the console shares with the wall: the four levels with their shapes, and names in two languages.
// One place, so that both pages always look alike.

export { LEVELS, INK } from '../../wall/src/levels.ts'
export { Shape } from '../../wall/src/shape.tsx'
export { boundsOf, labelPoints } from '../../wall/src/outlines.ts'
