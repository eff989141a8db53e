import { describe, expect, it } from 'vitest'
import { hazardsIn, inOrder, isOverdue, linkOf } from './near.ts'
import type { NearEntry } from './near.ts'

const entry = (attributes?: Record<string, string>): NearEntry => ({ id: 'GP-1', name: '某油库', location: { lon: 119.3, lat: 26.08 }, distance_m: 320, ...(attributes ? { attributes } : {}) })

describe('what is near', () => {
  it('is asked of hazards and cameras first, and of no more registers than a bound', () => {
    expect(inOrder(['wells', 'hazards', 'schools', 'cameras'])).toEqual(['hazards', 'cameras', 'wells', 'schools'])
    expect(inOrder(Array.from({ length: 30 }, (_, n) => 'r' + n))).toHaveLength(8)
  })
  it('counts listed hazards alone', () => {
    expect(hazardsIn([{ register: 'schools', entries: [entry()] }, { register: 'hazards', entries: [entry(), entry()] }])).toHaveLength(2)
    expect(hazardsIn([{ register: 'schools', entries: [entry()] }])).toEqual([])
  })
  it('is overdue once the last day is over, and never by what is no date', () => {
    const at = (deadline: string) => isOverdue(entry({ deadline }), '2026-11-25')
    expect([at('2026-11-24'), at('2026-11-25'), at('2026-11-26'), at('soon'), at('')]).toEqual([true, false, false, false, false])
    expect(isOverdue(entry(), '2026-11-25')).toBe(false)
  })
  it('leads to addresses of pictures and of nothing else', () => {
    expect(linkOf('rtsp://video.example/1')).toBe('rtsp://video.example/1')
    expect(linkOf('https://video.example/1')).toBe('https://video.example/1')
    for (const bad of ['javascript:alert(1)', 'data:text/html,x', 'video.example', 'rtsp://a b', '']) expect(linkOf(bad)).toBe('')
  })
})
