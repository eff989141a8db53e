import { describe, expect, it } from 'vitest'
import { best, score } from './fuzzy.ts'

describe('the command bar', () => {
  it('finds by parts in order, and nothing else', () => {
    expect(score('00017', 'FZ20261123-00017')).toBeGreaterThan(0)
    expect(score('fz17', 'FZ20261123-00017')).toBeGreaterThan(0)
    expect(score('71zf', 'FZ20261123-00017')).toBe(0)
    expect(score('退', '退回')).toBeGreaterThan(score('退', '签退'))
  })
  it('puts the whole before the part, and the part before the scattered', () => {
    const all = ['a scattered n o t e', 'another note', 'note']
    expect(best('note', all, (s) => [s], 9)).toEqual(['note', 'another note', 'a scattered n o t e'])
    expect(best('note', all, (s) => [s], 1)).toEqual(['note'])
  })
  it('shows everything in its order while nothing is typed', () => {
    expect(best('', ['b', 'a', 'c'], (s) => [s], 2)).toEqual(['b', 'a'])
    expect(best('x', ['b', 'a'], (s) => [s], 2)).toEqual([])
  })
})
