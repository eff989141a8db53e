// What stands near the incident shown: asked for when it is shown, and again when it moves or the city changes. Only
// whoever reads the incident whole is told; for anybody else there is nothing here.

import { signal } from '@preact/signals'
import type { Incident } from '@banyan/live/protocol'
import { inOrder } from './near.ts'
import type { Near } from './near.ts'
import { getNear } from './server.ts'
import { city, pane, who } from './state.ts'

const near = signal<{ incident: string; registers: readonly Near[]; problem: string } | undefined>(undefined)

// nearOf is what is known to stand near an incident; a register that has nothing there is left out.
export const nearOf = (i: Incident): readonly Near[] => (near.value?.incident === i.id ? near.value.registers : [])
export const nearProblem = (i: Incident): string => (near.value?.incident === i.id ? near.value.problem : '')

export function forgetNear(): void {
  near.value = undefined
}

// readNear asks for what is near the incident shown. Nothing is, where nobody knows where it is.
export async function readNear(i: Incident | undefined): Promise<void> {
  const ids = inOrder(city.peek()?.registers ?? [])
  if (!i?.location || ids.length === 0) {
    near.value = undefined
    return
  }
  const asked = { incident: i.id, registers: near.peek()?.incident === i.id ? (near.peek()?.registers ?? []) : [], problem: '' }
  near.value = asked
  const w = who.peek()
  try {
    const all = await Promise.all(ids.map((id) => getNear(w, i.id, id)))
    if (near.peek() === asked && who.peek() === w) near.value = { ...asked, registers: all.flatMap((n) => (n && n.entries.length > 0 ? [n] : [])) }
  } catch (e) {
    if (near.peek() === asked) near.value = { ...asked, problem: e instanceof Error ? e.message : String(e) }
  }
}

// goNear puts the focus on the first entry, from where Tab and the arrows of the page go on.
export function goNear(): void {
  if (pane.peek() !== 'incident') {
    pane.value = 'incident'
    queueMicrotask(goNear)
    return
  }
  const first = document.querySelector<HTMLElement>('[data-near] [tabindex], [data-near] a')
  first?.focus({ preventScroll: true })
  first?.closest('section')?.scrollIntoView({ block: 'nearest' })
}
