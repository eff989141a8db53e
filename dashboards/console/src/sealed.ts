// Opening what is sealed of an alert. It is asked for with a reason, the server writes down who looked and why, and
// only then shows it; here it stays on the screen for a while, and nowhere else.

import { signal } from '@preact/signals'
import { form } from './forms.ts'
import type { Choice } from './forms.ts'
import type { Item } from './queue.ts'
import { unseal } from './server.ts'
import { draftCount, drafts, me, say, text, who } from './state.ts'
import { describe } from './words.ts'

const SHOWN_MS = 5 * 60_000
const ENTITLED: readonly string[] = ['duty_leader', 'commander']

export const opened = signal<ReadonlyMap<string, Readonly<Record<string, unknown>>>>(new Map())

export const mayUnseal = (i: Item | undefined): boolean =>
  i?.incident.sensitivity === 'sealed' && (i.incident.alerts?.length ?? 0) > 0 && (me.value?.roles ?? []).some((r) => ENTITLED.includes(r))

export function closeSealed(): void {
  if (opened.peek().size > 0) opened.value = new Map()
}

export function unsealForm(i: Item): void {
  const t = text.peek()
  const alerts = i.incident.alerts ?? []
  const last = alerts.at(-1)
  if (!last) return
  const choices = alerts.map((a): Choice => ({ value: a.alert_id, label: `${a.source} ${a.id}` }))
  form.value = {
    name: 'unseal', title: t.unseal, about: i.incident.id, line: describe(i), warning: t.unsealHint, danger: true,
    fields: [...(alerts.length > 1 ? [{ name: 'text' as const, label: t.alerts, required: true, choices }] : []), { name: 'reason', label: t.reason, required: true }],
    submit: (b, draft) => void open(i.incident.id, b.text ?? last.alert_id, b.reason ?? '', draft),
  }
}

async function open(incident: string, alert: string, reason: string, draft: string): Promise<void> {
  const w = who.peek()
  try {
    const { fields } = await unseal(w, incident, alert, reason)
    if (who.peek() !== w) return
    opened.value = new Map(opened.peek()).set(alert, fields)
    drafts.confirmed(draft, reason)
    draftCount.value++
    setTimeout(() => {
      const rest = new Map(opened.peek())
      if (rest.delete(alert)) opened.value = rest
    }, SHOWN_MS)
  } catch (e) {
    say(text.peek().failed(text.peek().unseal, e instanceof Error ? e.message : String(e)), true)
  }
}
