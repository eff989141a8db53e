import { useMemo, useRef, useState, useEffect } from 'preact/hooks'
import { ACTIONS } from './actions.ts'
import type { Action } from './actions.ts'
import { commandBar } from './forms.ts'
import { best } from './fuzzy.ts'
import { Key } from './button.tsx'
import { all, incidentItem } from './queue.ts'
import type { Item } from './queue.ts'
import { select, showList } from './select.ts'
import { Shell } from './shell.tsx'
import { desk, list, queue, store, text } from './state.ts'
import { departmentName, placeOf, typeName } from './words.ts'

const MAX_SHOWN = 12
const MAX_INCIDENTS = 2_000 // looked through

type Entry = { kind: 'action'; action: Action; possible: boolean } | { kind: 'incident'; item: Item }

function textsOf(e: Entry): string[] {
  if (e.kind === 'action') return [e.action.label(), e.action.id, e.action.key]
  const i = e.item.incident
  return [i.number, typeName(i.type), placeOf(i), i.text ?? '', i.type, ...i.tasks.map((t) => departmentName(t.department))]
}

// CommandBar finds every action and every incident by a part of its name.
export function CommandBar() {
  const t = text.value
  const [typed, setTyped] = useState('')
  const [at, setAt] = useState(0)
  const place = useRef<HTMLUListElement>(null)
  const entries = useMemo<Entry[]>(() => [
    ...ACTIONS.filter((a) => a.id !== 'commands').map((action) => ({ kind: 'action' as const, action, possible: action.possible() })).filter((e) => e.possible),
    ...all(desk.peek(), store.peek().incidents.values()).slice(0, MAX_INCIDENTS).map((item) => ({ kind: 'incident' as const, item })),
  ], [])
  const found = best(typed, entries, textsOf, MAX_SHOWN)
  const current = Math.min(at, found.length - 1)
  useEffect(() => place.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' }), [current])
  const go = (e: Entry | undefined) => {
    if (!e) return
    commandBar.value = false
    if (e.kind === 'action') e.action.run()
    else show(e.item)
  }
  return (
    <Shell label={t.commands} name="commands" onClose={() => (commandBar.value = false)}>
      <form class="form" onSubmit={(e) => { e.preventDefault(); go(found[current]) }}>
        <input type="text" role="combobox" aria-expanded="true" aria-controls="commands" aria-label={t.commands} autocomplete="off" spellcheck={false} data-first
          placeholder={t.commandHint} value={typed}
          onInput={(e) => { setTyped(e.currentTarget.value.replace(/^[/、]/, '')); setAt(0) }}
          onKeyDown={(e) => {
            if (e.key === 'ArrowDown') setAt(Math.min(current + 1, found.length - 1))
            else if (e.key === 'ArrowUp') setAt(Math.max(current - 1, 0))
            else return
            e.preventDefault()
          }} />
        <ul id="commands" class="commands" role="listbox" aria-label={t.commands} ref={place}>
          {found.map((e, n) => (
            <li key={e.kind === 'action' ? e.action.id : e.item.key} role="option" aria-selected={n === current} onClick={() => go(e)}>
              {e.kind === 'action'
                ? <><Key name={e.action.key} /><b>{e.action.label()}</b></>
                : <><b>{e.item.priority}</b> <span class="number">{e.item.incident.number}</span> {typeName(e.item.incident.type)} <span class="soft">{placeOf(e.item.incident)}</span></>}
            </li>
          ))}
          {found.length === 0 ? <li class="soft">{t.noCommand}</li> : null}
        </ul>
      </form>
    </Shell>
  )
}

// show selects an incident: its row in the queue where it has one, else in the list of all.
function show(i: Item): void {
  const own = queue.peek().find((q) => q.incident.id === i.incident.id)
  if (own) {
    if (list.peek() !== 'mine') showList('mine')
    select(own.key)
    return
  }
  showList('all')
  select(incidentItem(desk.peek(), i.incident).key)
}
