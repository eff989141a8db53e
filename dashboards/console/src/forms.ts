// Forms: what an action must be told before it is sent. One is open at a time; what is typed into it is a draft of
// its incident or seat, so that closing it, or losing the page, loses nothing.

import { signal } from '@preact/signals'
import type { Body } from './pending.ts'
import { Drafts } from './drafts.ts'
import { desk, draftCount, drafts } from './state.ts'

export interface Choice {
  value: string
  label: string
  key?: string // beside it, one press
  hint?: string
}

export interface Field {
  name: keyof Body
  label: string
  required: boolean
  choices?: readonly Choice[] // one of these; without them it is typed
  kind?: 'time' | 'name' // typed: a date and time of the city, a name; else words
  suggest?: readonly string[] // names
  initial?: string
}

export interface Form {
  name: string // of the action: part of the draft's name
  title: string
  about: string // id of the incident or seat
  line: string // what it is about, for people
  warning: string // '' for none
  fields: readonly Field[]
  danger: boolean // ends something
  submit: (values: Body, draft: string) => void
}

export const form = signal<Form | undefined>(undefined)
export const commandBar = signal(false)
export const helping = signal(false)
export const dutyOpen = signal<'' | 'handover' | 'swaps'>('')

export const draftKey = (about: string, field: string): string => Drafts.keyOf(desk.peek().seat, about, field)
export const readDraft = (about: string, field: string): string => (void draftCount.value, drafts.read(draftKey(about, field)))

export function writeDraft(about: string, field: string, text: string): void {
  drafts.write(draftKey(about, field), text)
  draftCount.value++
}

// overlaid reports whether something lies over the page and takes the keys.
export const overlaid = (): boolean => form.value !== undefined || commandBar.value || helping.value || dutyOpen.value !== ''
