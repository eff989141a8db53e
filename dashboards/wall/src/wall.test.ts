import { describe, expect, it } from 'vitest'
import type { Incident, Seat } from '@banyan/live/protocol'
import { countCells, resolutionFor } from './cellshading.ts'
import { presence } from './duty.ts'
import { iconsFor, ICONS, MAX_LABELLED } from './icons.ts'
import { boundsOf, labelPoints } from './outlines.ts'
import { entryOf } from './queue.ts'
import { goalOf, missed, responseOf } from './response.ts'
import { nameOf, TEXT } from './text.ts'
import { isToken, tokenIn } from './token.ts'

describe('tokenIn', () => {
  it.each([
    ['#token=bk_a-b_C', 'bk_a-b_C'], ['#a=1&token=x', 'x'], ['', ''], ['#', ''], ['#token=', ''], ['#token=two%20words', ''], ['#token=a,b', ''],
  ])('%s is %s', (fragment, want) => expect(tokenIn(fragment)).toBe(want))
  it('bounds the length', () => expect(isToken('x'.repeat(513))).toBe(false))
})

describe('presence', () => {
  const seat = (department: string, on: boolean, role: Seat['role'] = 'duty'): Seat => ({ id: department + role, department, name: '', role, on_duty: on })
  it('counts duty seats of the joined departments: a leader alone takes no tasks', () => {
    const list = presence(
      [{ id: 'fire', name: 'F' }, { id: 'gas', name: 'G' }, { id: 'metro', name: 'M' }, { id: 'centre', name: 'C' }, { id: 'guest', name: 'X', joined: false }],
      [seat('fire', true), seat('fire', false), seat('gas', false), seat('gas', true, 'leader'), seat('centre', true)],
    )
    expect(list.map((d) => [d.id, d.onDuty, d.seats])).toEqual([['fire', 1, 2], ['gas', 0, 1], ['metro', 0, 0]])
  })
})

describe('cells', () => {
  it('are as fine as can be told apart', () => {
    expect(resolutionFor(120, 24)).toBe(7)
    expect(resolutionFor(40, 24)).toBe(8)
    expect(resolutionFor(10, 24)).toBe(9)
    expect(resolutionFor(1_000, 24)).toBe(7)
  })
  it('are counted by parent, without incidents that have none', () => {
    const list = [{ cell: 'a1' }, { cell: 'a2' }, { cell: 'b1' }, {}] as Incident[]
    expect([...countCells(list, (c) => c.charAt(0))]).toEqual([['a', 2], ['b', 1]])
  })
})

describe('marks', () => {
  const entry = (n: number, priority: 'P1' | 'P3', waits: boolean) => entryOf({
    id: `i-${priority}-${n}`, number: '', type: 'x', state: 'open', priority, alert_count: 1, opened_at: '2026-11-23T08:00:00Z', seq: 1,
    tasks: [{ id: 't', incident_id: 'i', department: 'd', role: 'lead', priority, state: waits ? 'assigned' : 'on_scene', assigned_at: '2026-11-23T08:00:00Z' }],
  })
  it('are labelled for the most urgent only, and exist', () => {
    const icons = iconsFor([...Array.from({ length: MAX_LABELLED + 1 }, (_, n) => entry(n, 'P1', true)), entry(0, 'P3', true), entry(99, 'P1', false)])
    expect(icons.filter((i) => i === 'P1-labelled').length).toBe(MAX_LABELLED)
    expect(icons.slice(-3)).toEqual(['P1-filled', 'P3-filled', 'P1-outlined'])
    const drawn = new Set(ICONS.map((i) => i.name))
    for (const i of icons) expect(drawn).toContain(i)
  })
})

describe('outlines', () => {
  const square = (x: number, y: number, size: number) => [[[x, y], [x + size, y], [x + size, y + size], [x, y + size], [x, y]]]
  it('are named in the middle of their largest part, once', () => {
    const points = labelPoints({
      type: 'FeatureCollection',
      features: [
        { type: 'Feature', properties: { code: '1', name: 'one' }, geometry: { type: 'MultiPolygon', coordinates: [square(119, 26, 0.1), square(119.5, 26, 0.4)] } },
        { type: 'Feature', properties: { code: '2' }, geometry: { type: 'Point', coordinates: [0, 0] } },
      ],
    }, (code, p) => code + p.name)
    expect(points.features.length).toBe(1)
    expect(points.features[0]?.properties?.name).toBe('1one')
    expect(points.features[0]?.geometry.coordinates.map((c) => c.toFixed(6))).toEqual(['119.700000', '26.200000'])
  })
  it('bound points', () => {
    expect(boundsOf([])).toBeUndefined()
    expect(boundsOf([[119, 26], [118, 27]])).toEqual([118, 26, 119, 27])
  })
})

describe('response', () => {
  const now = Date.parse('2026-11-23T08:00:00Z')
  it('is what nine of ten P1 tasks of the last hour took', () => {
    const answers = Array.from({ length: 10 }, (_, n) => ({ priority: 'P1', at: now - n * 1000, tookMs: (n + 1) * 1000, inTime: n < 8 }))
    const old = { priority: 'P1', at: now - 3_600_001, tookMs: 999_000, inTime: false }
    expect(responseOf([old, ...answers, { priority: 'P2', at: now, tookMs: 1, inTime: true }], 'P1', now)).toEqual({ count: 10, share: 0.9, tookMs: 9_000, met: 0.8 })
    expect(responseOf([old], 'P1', now)).toBeUndefined()
  })
  it('is held against the objective of the city, not against that of a department, a class or another stage', () => {
    const o = { id: 'o', name: 'o', stage: 'acknowledged', within_seconds: 30, share: 0.95, basis: 'b' }
    const narrow = [{ ...o, department: 'fire', within_seconds: 1 }, { ...o, class: 'security', within_seconds: 2 }, { ...o, stage: 'on_scene', within_seconds: 3 }]
    const all = { ...o, within_seconds: 60 }
    expect(goalOf([...narrow, all, { ...o, priority: 'P2', within_seconds: 40 }, { ...o, priority: 'P1' }], 'P1')).toEqual({ withinMs: 30_000, share: 0.95 })
    expect(goalOf([...narrow, all], 'P1')).toEqual({ withinMs: 60_000, share: 0.95 })
    expect(goalOf(narrow, 'P1')).toBeUndefined()
  })
  it('misses the objective when fewer than its share were within its time, whatever the plans gave', () => {
    const goal = { withinMs: 30_000, share: 0.95 }
    const took = (late: number) => Array.from({ length: 20 }, (_, n) => ({ priority: 'P1', at: now, tookMs: n < late ? 31_000 : 30_000, inTime: true }))
    const one = responseOf(took(1), 'P1', now, goal)
    expect(one).toEqual({ count: 20, share: 0.95, tookMs: 30_000, met: 0.95 })
    expect(one && missed(one, goal)).toBe(false)
    const two = responseOf(took(2), 'P1', now, goal)
    expect(two).toEqual({ count: 20, share: 0.95, tookMs: 31_000, met: 0.9 })
    expect(two && missed(two, goal)).toBe(true)
    expect(two && missed(two, undefined)).toBe(false)
  })
})

describe('text', () => {
  it('falls back to the name there is', () => {
    expect(nameOf({ name: '福州' }, 'en')).toBe('福州')
    expect(nameOf({ name: '福州', name_en: 'Fuzhou' }, 'en')).toBe('Fuzhou')
    expect(nameOf({ name: '', name_en: 'Fuzhou' }, 'zh')).toBe('Fuzhou')
  })
  it('is there in both languages', () => {
    for (const [key, zh] of Object.entries(TEXT.zh)) {
      if (typeof zh === 'string' && key !== 'more') expect(TEXT.en[key as 'open'], key).not.toBe('')
    }
  })
})
