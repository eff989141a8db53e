// The console's sounds, one a level and one for a lost link, made with Web Audio: nothing is loaded, and each level is told from the others by how
// many tones it has and how high they are.

import type { Priority } from '@banyan/live/protocol'

interface Tone {
  hz: number
  atS: number
  forS: number
}

export type Sound = Priority | 'link'

const SOUNDS: Record<Sound, readonly Tone[]> = {
  P1: [{ hz: 988, atS: 0, forS: 0.14 }, { hz: 740, atS: 0.17, forS: 0.14 }, { hz: 988, atS: 0.34, forS: 0.14 }, { hz: 740, atS: 0.51, forS: 0.18 }],
  P2: [{ hz: 784, atS: 0, forS: 0.14 }, { hz: 988, atS: 0.2, forS: 0.18 }],
  P3: [{ hz: 659, atS: 0, forS: 0.2 }],
  P4: [{ hz: 440, atS: 0, forS: 0.12 }],
  link: [{ hz: 330, atS: 0, forS: 0.25 }, { hz: 247, atS: 0.28, forS: 0.35 }],
}
const LOUDNESS: Record<Sound, number> = { P1: 0.35, P2: 0.22, P3: 0.16, P4: 0.1, link: 0.3 }
const EDGE_S = 0.012 // tones begin and end softly, or they click

let context: AudioContext | undefined
const counts: Record<Sound, number> = { P1: 0, P2: 0, P3: 0, P4: 0, link: 0 }

// audible reports whether the browser lets this page be heard. It does after the first key or click.
export const audible = (): boolean => context?.state === 'running'

// wake is called from a key press or click.
export async function wake(): Promise<boolean> {
  try {
    context ??= new AudioContext()
    if (context.state !== 'running') await context.resume()
  } catch (e) {
    console.warn('sound: ' + String(e))
  }
  return audible()
}

export function play(level: Sound): void {
  counts[level]++
  document.documentElement.dataset.sounded = JSON.stringify(counts) // what a test without ears can see
  if (!context || context.state !== 'running') return
  const start = context.currentTime + 0.02
  for (const tone of SOUNDS[level]) {
    const gain = context.createGain()
    const from = start + tone.atS
    gain.gain.setValueAtTime(0, from)
    gain.gain.linearRampToValueAtTime(LOUDNESS[level], from + EDGE_S)
    gain.gain.setValueAtTime(LOUDNESS[level], from + tone.forS - EDGE_S)
    gain.gain.linearRampToValueAtTime(0, from + tone.forS)
    const oscillator = context.createOscillator()
    oscillator.type = level === 'P1' ? 'square' : 'sine'
    oscillator.frequency.value = tone.hz
    oscillator.connect(gain).connect(context.destination)
    oscillator.start(from)
    oscillator.stop(from + tone.forS)
  }
}
