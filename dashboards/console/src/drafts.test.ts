import { describe, expect, it } from 'vitest'
import { Drafts, KEPT_MS } from './drafts.ts'
import type { DraftStorage } from './drafts.ts'

class Disk implements DraftStorage {
  readonly kept = new Map<string, string>()
  full = false
  get length() { return this.kept.size }
  key(n: number) { return [...this.kept.keys()][n] ?? null }
  getItem(k: string) { return this.kept.get(k) ?? null }
  removeItem(k: string) { this.kept.delete(k) }
  setItem(k: string, v: string) {
    if (this.full) throw new Error('QuotaExceededError')
    this.kept.set(k, v)
  }
}
const KEY = Drafts.keyOf('fire-1', 'i-1', 'note')
const silent = () => {}

describe('drafts', () => {
  it('survive the page, of each field and seat its own', () => {
    const disk = new Disk()
    const d = new Drafts(disk, silent)
    d.write(KEY, '北门有水源')
    d.write(Drafts.keyOf('fire-1', 'i-1', 'return.reason'), '车辆故障')
    const again = new Drafts(disk, silent)
    expect(again.read(KEY)).toBe('北门有水源')
    expect(again.read(Drafts.keyOf('fire-2', 'i-1', 'note'))).toBe('')
    expect(again.about('fire-1')).toEqual(new Map([['i-1', ['note', 'return.reason']]]))
    expect(again.about('fire-2').size).toBe(0)
  })

  it('go when the server has them, unless somebody typed on', () => {
    const disk = new Disk()
    const d = new Drafts(disk, silent)
    d.write(KEY, '北门有水源 ')
    d.confirmed(KEY, '北门有水源')
    expect(d.read(KEY)).toBe('')
    expect(disk.length).toBe(0)
    d.write(KEY, '北门有水源，南门没有')
    d.confirmed(KEY, '北门有水源')
    expect(d.read(KEY)).toBe('北门有水源，南门没有')
  })

  it('stay in memory where the disk refuses, and that is said', () => {
    const disk = new Disk()
    disk.full = true
    const said: string[] = []
    const d = new Drafts(disk, (why) => said.push(why))
    d.write(KEY, 'x')
    expect(d.read(KEY)).toBe('x')
    expect(said).toHaveLength(1)
    new Drafts(undefined, (why) => said.push(why)).write(KEY, 'x')
    expect(said).toHaveLength(2)
  })

  it('of a month ago are dropped, and what others keep there is left alone', () => {
    const disk = new Disk()
    let now = 0
    const d = new Drafts(disk, silent, () => now)
    disk.setItem('banyan.console.lang', 'en')
    d.write(KEY, 'old')
    now = KEPT_MS
    d.write(Drafts.keyOf('fire-1', 'i-2', 'note'), 'new')
    d.tidy()
    expect(d.read(KEY)).toBe('old')
    now++
    d.tidy()
    expect([d.read(KEY), d.read(Drafts.keyOf('fire-1', 'i-2', 'note'))]).toEqual(['', 'new'])
    expect(disk.getItem('banyan.console.lang')).toBe('en')
  })

  it('that are damaged are no drafts', () => {
    const disk = new Disk()
    disk.setItem('banyan.console.draft.' + KEY, '{"text":')
    expect(new Drafts(disk, silent).read(KEY)).toBe('')
  })
})
