import { describe, expect, it } from 'vitest'
import { parentOf, resolutionOf } from './cells.ts'

// A cell of resolution 9 and its ancestors of 8, 7, 6 and 5, from the reference implementation of H3 4.
const FAMILIES = [
  ['8941b53084bffff', '8841b53085fffff', '8741b5308ffffff', '8641b530fffffff', '8541b533fffffff'] as const,
  ['8941b5964d7ffff', '8841b5964dfffff', '8741b5964ffffff', '8641b5967ffffff', '8541b597fffffff'] as const,
  ['89754e64993ffff', '88754e6499fffff', '87754e649ffffff', '86754e64fffffff', '85754e67fffffff'] as const,
  ['892830828cfffff', '882830828dfffff', '872830828ffffff', '86283082fffffff', '85283083fffffff'] as const,
]

describe('parentOf', () => {
  it.each(FAMILIES)('agrees with H3 for %s', (cell, ...ancestors) => {
    expect(resolutionOf(cell)).toBe(9)
    ancestors.forEach((a, n) => {
      expect(parentOf(cell, 8 - n)).toBe(a)
      expect(resolutionOf(a)).toBe(8 - n)
    })
  })
  it('leaves a cell that is not finer as it is', () => {
    expect(parentOf('8741b530cffffff', 7)).toBe('8741b530cffffff')
    expect(parentOf('8741b530cffffff', 9)).toBe('8741b530cffffff')
  })
})
