// Parents of H3 cells by arithmetic on the index (the layout is fixed by the H3 specification): 4 bits of
// resolution at bit 52, then 15 digits of 3 bits, of which those finer than the resolution are all ones.

const RESOLUTION_SHIFT = 52n
const RESOLUTION_MASK = 0xfn << RESOLUTION_SHIFT
const FINEST = 15

export function resolutionOf(cell: string): number {
  return Number((BigInt('0x' + cell) & RESOLUTION_MASK) >> RESOLUTION_SHIFT)
}

// parentOf returns the ancestor of cell at resolution, or cell itself where it is not finer than that.
export function parentOf(cell: string, resolution: number): string {
  const index = BigInt('0x' + cell)
  if (resolutionOf(cell) <= resolution) return cell
  const finer = (1n << BigInt(3 * (FINEST - resolution))) - 1n
  return ((index & ~RESOLUTION_MASK) | (BigInt(resolution) << RESOLUTION_SHIFT) | finer).toString(16)
}
