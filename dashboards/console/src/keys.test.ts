import { describe, expect, it } from 'vitest'
import { nameOf, shown } from './keys.ts'
import type { Press } from './keys.ts'

const press = (key: string, code: string, change: Partial<Press> = {}): Press =>
  ({ key, code, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, isComposing: false, ...change })

describe('a key', () => {
  it('is a letter, a digit or a named one', () => {
    expect([nameOf(press('a', 'KeyA')), nameOf(press('A', 'KeyA', { shiftKey: true })), nameOf(press('1', 'Digit1')), nameOf(press('ArrowDown', 'ArrowDown'))])
      .toEqual(['a', 'shift+a', '1', 'down'])
  })
  it('with Caps Lock is the letter itself', () => {
    expect(nameOf(press('A', 'KeyA'))).toBe('a')
  })
  it('is known by its place while a Chinese input method is on', () => {
    expect(nameOf(press('Process', 'KeyA'))).toBe('a')
    expect(nameOf(press('Process', 'Slash'))).toBe('/')
    expect(nameOf(press('Process', 'Slash', { shiftKey: true }))).toBe('?')
    expect(nameOf(press('、', 'Slash'))).toBe('/')
    expect(nameOf(press('【', 'BracketLeft'))).toBe('[')
  })
  it('of the browser or the system is none of ours', () => {
    expect([nameOf(press('r', 'KeyR', { ctrlKey: true })), nameOf(press('d', 'KeyD', { metaKey: true })), nameOf(press('F5', 'F5')), nameOf(press('é', 'KeyE'))]).toEqual(['', '', '', ''])
  })
})

it('keys are shown as they are printed', () => {
  expect(['a', 'shift+a', 'enter', '/'].map(shown)).toEqual(['A', '⇧A', '⏎', '/'])
})
