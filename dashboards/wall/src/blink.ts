// The one blink of the wall: new P1 that nobody has acknowledged dim together, slowly, for as long as the
// picture is true and motion is wanted.

import { effect, signal } from '@preact/signals'
import { untrusted } from './state.ts'

const BRIGHT_MS = 1_400
const DIM_MS = 600

export const dim = signal(false)

export function startBlinking(): void {
  const still = matchMedia('(prefers-reduced-motion: reduce)')
  const turn = () => {
    dim.value = !dim.peek() && !still.matches && !untrusted.peek()
    setTimeout(turn, dim.peek() ? DIM_MS : BRIGHT_MS)
  }
  turn()
  effect(() => {
    document.documentElement.classList.toggle('dim', dim.value)
  })
}
