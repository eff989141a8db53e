import { describe, expect, it } from 'vitest'
import { parseFrame } from './protocol.ts'

describe('parseFrame', () => {
  it('reads the frames of the protocol', () => {
    expect(parseFrame('{"op":"heartbeat","epoch":1,"seq":45,"server_time":"2026-11-23T08:00:00.000000Z"}')).toMatchObject({ op: 'heartbeat', seq: 45 })
  })
  it.each(['{"op":"news"}', '[]', 'null', '7', '{}'])('lets pass what a newer server may say: %s', (text) => {
    expect(parseFrame(text)).toBeUndefined()
  })
  it('throws at what is no JSON', () => expect(() => parseFrame('{')).toThrow())
})
