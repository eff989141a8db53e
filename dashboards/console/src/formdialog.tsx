import { useEffect, useRef, useState } from 'preact/hooks'
import { MAX_DRAFT_CHARS } from './drafts.ts'
import { draftKey, form, readDraft, writeDraft } from './forms.ts'
import type { Choice, Field, Form } from './forms.ts'
import { best } from './fuzzy.ts'
import type { Body } from './pending.ts'
import { text } from './state.ts'
import { Shell } from './shell.tsx'

export function FormDialog() {
  const f = form.value
  return f ? <Open key={f.name + f.about} form={f} /> : null
}

function Open({ form: f }: { form: Form }) {
  const t = text.value
  const [chosen, setChosen] = useState<Readonly<Record<string, string>>>(() => Object.fromEntries(f.fields.flatMap((field) => (field.choices && field.initial ? [[field.name, field.initial]] : []))))
  const [asked, setAsked] = useState(false)
  const key = (field: Field) => `${f.name}.${field.name}`
  const typedOf = (field: Field) => chosen[field.name] ?? (field.initial || readDraft(f.about, key(field)))
  const valueOf = (field: Field) => (field.choices ? chosen[field.name] ?? '' : field.kind ? typedOf(field) : readDraft(f.about, key(field))).trim()
  const type = (field: Field, v: string) => {
    setChosen({ ...chosen, [field.name]: v })
    if (field.kind === 'name') writeDraft(f.about, key(field), v)
  }
  const missing = f.fields.filter((field) => field.required && valueOf(field) === '')
  const submit = () => {
    setAsked(true)
    if (missing.length > 0) return
    const body: Record<string, string> = {}
    for (const field of f.fields) {
      const v = valueOf(field)
      if (v) body[field.name] = v
    }
    form.value = undefined
    for (const field of f.fields) if (field.kind === 'name') writeDraft(f.about, key(field), '') // it is in what was sent, which says so when it fails
    const typed = f.fields.find((field) => !field.choices && !field.kind)
    f.submit(body as Body, typed ? draftKey(f.about, `${f.name}.${typed.name}`) : '')
  }
  return (
    <Shell label={f.title} onClose={() => (form.value = undefined)} name={f.name}>
      <form class="form" onSubmit={(e) => { e.preventDefault(); submit() }}>
        <h2>{f.title}</h2>
        <p class="form-line">{f.line}</p>
        {f.warning ? <p class={f.danger ? 'form-warning loud' : 'form-warning'}>{f.warning}</p> : null}
        {f.fields.map((field, n) => (
          <div class="field" key={field.name}>
            {field.choices
              ? <Choices field={field} choices={field.choices} value={chosen[field.name] ?? ''} first={n === 0} onChoose={(v) => setChosen({ ...chosen, [field.name]: v })} />
              : field.kind ? <Line field={field} value={typedOf(field)} first={n === 0} onType={(v) => type(field, v)} />
              : <Text field={field} about={f.about} name={f.name} first={n === 0} onEnter={submit} />}
            {asked && missing.includes(field) ? <p class="bad" role="alert">{field.label}：{t.reasonNeeded}</p> : null}
          </div>
        ))}
        <div class="form-do">
          <button type="submit" class={f.danger ? 'act danger' : 'act strong'} data-first={f.fields.length === 0 || undefined}>
            <kbd aria-hidden="true">⏎</kbd>{f.title}
          </button>
          <button type="button" class="act" onClick={() => (form.value = undefined)}><kbd aria-hidden="true">Esc</kbd>{t.cancelKey}</button>
        </div>
      </form>
    </Shell>
  )
}

// Line is a time, or a name of which some are proposed.
function Line({ field, value, first, onType }: { field: Field; value: string; first: boolean; onType: (v: string) => void }) {
  const t = text.value
  const list = field.suggest ? 'names-' + field.name : undefined
  return (
    <label>
      <span>{field.label} <small>{field.required ? t.reasonNeeded : t.reasonOptional}</small></span>
      <input type="text" inputMode={field.kind === 'time' ? 'numeric' : 'text'} placeholder={field.kind === 'time' ? t.timeHint : ''} value={value} required={field.required} data-first={first || undefined} data-field={field.name} autocomplete="off"
        {...(list ? { list } : {})} maxLength={MAX_NAME_CHARS} onInput={(e) => onType(e.currentTarget.value)} />
      {list ? <datalist id={list}>{field.suggest?.map((n) => <option key={n} value={n} />)}</datalist> : null}
    </label>
  )
}
const MAX_NAME_CHARS = 60

function Text({ field, about, name, first, onEnter }: { field: Field; about: string; name: string; first: boolean; onEnter: () => void }) {
  const t = text.value
  const draft = readDraft(about, `${name}.${field.name}`)
  return (
    <label>
      <span>{field.label} <small>{field.required ? t.reasonNeeded : t.reasonOptional}</small></span>
      <textarea rows={3} maxLength={MAX_REASON_CHARS} value={draft} required={field.required} data-first={first || undefined}
        onInput={(e) => writeDraft(about, `${name}.${field.name}`, e.currentTarget.value)}
        onKeyDown={(e) => {
          // With an input method Enter takes a word over; it sends only when no word is being composed.
          if (e.key !== 'Enter' || e.shiftKey || e.isComposing) return
          e.preventDefault()
          onEnter()
        }} />
    </label>
  )
}
const MAX_REASON_CHARS = Math.min(680, MAX_DRAFT_CHARS) // the server takes 2 KiB, and a Chinese character has 3 bytes

// Choices are found by typing a part of their name, and taken with the arrows or Enter.
function Choices({ field, choices, value, first, onChoose }: { field: Field; choices: readonly Choice[]; value: string; first: boolean; onChoose: (v: string) => void }) {
  const t = text.value
  const [typed, setTyped] = useState('')
  const list = useRef<HTMLUListElement>(null)
  const fits = best(typed, choices, (c) => [c.label, c.value], choices.length)
  const at = fits.findIndex((c) => c.value === value)
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' })
  }, [value])
  const move = (n: number) => {
    const to = fits[Math.min(Math.max(at + n, 0), fits.length - 1)]
    if (to) onChoose(to.value)
  }
  return (
    <div class="choices">
      <label>
        <span>{field.label} <small>{field.required ? t.reasonNeeded : t.reasonOptional}</small></span>
        <input type="text" role="combobox" aria-expanded="true" aria-controls={'choices-' + field.name} autocomplete="off" value={typed} placeholder={t.chooseOne}
          data-first={first || undefined}
          onInput={(e) => {
            const v = e.currentTarget.value
            setTyped(v)
            const [top] = best(v, choices, (c) => [c.label, c.value], 1)
            if (top) onChoose(top.value)
          }}
          onKeyDown={(e) => {
            if (e.key === 'ArrowDown') move(1)
            else if (e.key === 'ArrowUp') move(-1)
            else return
            e.preventDefault()
          }} />
      </label>
      <ul id={'choices-' + field.name} role="listbox" aria-label={field.label} ref={list}>
        {fits.map((c) => (
          <li key={c.value} role="option" aria-selected={c.value === value} data-choice={c.value} onClick={() => onChoose(c.value)}>{c.label}</li>
        ))}
        {fits.length === 0 ? <li class="soft">{t.noCommand}</li> : null}
      </ul>
    </div>
  )
}
