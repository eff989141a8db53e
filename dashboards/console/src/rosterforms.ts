// The forms about rosters: a change of a slot, a leave, a swap, a seat in maintenance.

import { localOf, instantOf } from '@banyan/live/time'
import type { Swap } from '@banyan/live/protocol'
import { amendments, comingWeek, week } from './books.ts'
import { form } from './forms.ts'
import type { Choice, Field } from './forms.ts'
import { CENTRE } from './queue.ts'
import { ask } from './sending.ts'
import { city, desk, lang, myName, seats, serverNow, text } from './state.ts'
import { named, nameOf } from './text.ts'
import { amendmentsOn, offers } from './week.ts'
import type { Offer, Slot, SwapStep } from './week.ts'
import { atDate, seatName, stintLine, whyOf } from './words.ts'

const HOUR_MS = 3_600_000
const MAINTENANCE_MS = 2 * HOUR_MS // proposed

const zone = () => city.peek()?.time_zone ?? 'Asia/Shanghai'
const written = (ms: number) => localOf(ms, zone()).replace('T', ' ')
const local = (iso: string) => written(Date.parse(iso))
// instant is what the server is told; what is no time is sent as it is, and refused with words.
const instant = (typed: string | undefined): string => {
  const at = instantOf((typed ?? '').trim().replace(/[ 　]+/, 'T').replaceAll('：', ':'), zone())
  return Number.isFinite(at) ? new Date(at).toISOString() : typed ?? ''
}

const reason = (required: boolean): Field => ({ name: 'reason', label: text.peek().reason, required })
const time = (name: 'from' | 'to' | 'until', label: string, initial: string): Field => ({ name, label, required: true, kind: 'time', initial })

export const isOver = (s: Slot): boolean => Date.parse(s.to) <= serverNow.peek()

// amendForm puts somebody at a seat for the time of a slot: in place of its holder, or where there is none.
export function amendForm(slot: Slot, person = ''): void {
  const t = text.peek()
  const kind = slot.holder ? 'override' : 'one_off'
  form.value = {
    name: 'amend', title: kind === 'override' ? t.acts.amend : t.fillGap, about: slot.key, line: stintLine(slot), danger: false,
    warning: slot.holder ? t.insteadOf(slot.holder) : t.gapReason(whyOf(slot.why)),
    fields: [{ name: 'person', label: t.person, required: true, kind: 'name', suggest: week.peek().people.filter((p) => p !== slot.holder), ...(person ? { initial: person } : {}) },
      time('from', t.fromTime, local(slot.from)), time('to', t.toTime, local(slot.to)), reason(true)],
    submit: (b, draft) => ask({ on: 'roster', act: 'amend', amendment: '', body: { ...b, kind, seat: slot.seat, from: instant(b.from), to: instant(b.to) } }, draft),
  }
}

// leaveForm says that who holds a slot is away, and who stands in.
export function leaveForm(slot: Slot): void {
  const t = text.peek()
  if (!slot.holder) return
  form.value = {
    name: 'leave', title: t.leaveTitle(slot.holder), about: slot.key, line: stintLine(slot), warning: t.leaveHint, danger: false,
    fields: [{ name: 'substitute', label: t.substitute, required: false, kind: 'name', suggest: week.peek().people.filter((p) => p !== slot.holder) },
      time('from', t.fromTime, local(slot.from)), time('to', t.toTime, local(slot.to)), reason(true)],
    submit: (b, draft) => ask({ on: 'roster', act: 'amend', amendment: '', body: { ...b, kind: 'leave', person: slot.holder, from: instant(b.from), to: instant(b.to) } }, draft),
  }
}

// unamendForm takes back what was changed of a slot: the newest, or the one that is chosen.
export function unamendForm(slot: Slot): void {
  const t = text.peek()
  const found = amendmentsOn(slot, amendments.peek() ?? []).filter((a) => Date.parse(a.to) > serverNow.peek())
  const [only] = found
  if (!only) return
  const choices = found.map((a): Choice => ({ value: a.id, label: `${t.kinds[a.kind]} ${a.person} ${atDate(a.from)} – ${atDate(a.to)} ${a.reason ?? ''}` }))
  form.value = {
    name: 'unamend', title: t.acts.unamend, about: slot.key, line: found.length === 1 ? choices[0]?.label ?? '' : stintLine(slot), warning: t.unamendHint, danger: true,
    fields: found.length === 1 ? [] : [{ name: 'kind', label: t.change, required: true, choices }],
    submit: (b) => ask({ on: 'roster', act: 'unamend', amendment: (b.kind as string | undefined) ?? only.id, body: {} }),
  }
}

const offerLine = (o: Offer): string => (o.return ? text.peek().offerFor(o.with, stintLine(o.return)) : text.peek().offerFree(o.with))

// swapForm asks somebody to take a coming shift of mine, for one of theirs or for nothing.
export function swapForm(slot: Slot): void {
  const t = text.peek()
  const all = offers(comingWeek.peek(), myName.peek(), slot, serverNow.peek())
  const choices = all.map((o, n): Choice => ({ value: String(n), label: offerLine(o) }))
  form.value = {
    name: 'swap', title: t.acts.swap, about: slot.key, line: stintLine(slot), warning: '', danger: false,
    fields: [{ name: 'with', label: t.swapWith, required: true, choices }, reason(true)],
    submit: (b, draft) => {
      const o = all[Number(b.with)]
      if (!o) return
      const give = { seat: slot.seat, from: slot.from, to: slot.to }
      const back = o.return && { seat: o.return.seat, from: o.return.from, to: o.return.to }
      ask({ on: 'swap', act: 'swap', swap: '', body: { with: o.with, give, ...(back ? { return: back } : {}), ...(b.reason ? { reason: b.reason } : {}) } }, draft)
    },
  }
}

// stepSwap moves a swap on; a refusal and a withdrawal are asked about.
export function stepSwap(s: Swap, act: SwapStep): void {
  const t = text.peek()
  if (act === 'accept' || act === 'approve') {
    ask({ on: 'swap', act, swap: s.id, body: {} })
    return
  }
  form.value = {
    name: act, title: t.acts[act], about: s.id, line: `${s.person} → ${s.with} · ${stintLine(s.give)}`, warning: '', danger: true, fields: [reason(act === 'refuse')],
    submit: (b, draft) => ask({ on: 'swap', act, swap: s.id, body: b }, draft),
  }
}

const overseenSeats = (resting: boolean) => seats.peek().filter((s) => (desk.peek().department === CENTRE || s.department === desk.peek().department) && (s.maintenance !== undefined) === resting)
const seatChoices = (resting: boolean): Choice[] => overseenSeats(resting).map((s) => ({ value: s.id, label: [nameOf(named(s.name, s.name_en), lang.peek()), s.holder].filter(Boolean).join(' · ') }))

// maintainForm takes a seat out of service.
export function maintainForm(): void {
  const t = text.peek()
  form.value = {
    name: 'maintain', title: t.acts.maintain, about: desk.peek().seat, line: '', warning: t.maintainHint, danger: true,
    fields: [{ name: 'seat', label: t.seat, required: true, choices: seatChoices(false) }, time('until', t.untilTime, written(serverNow.peek() + MAINTENANCE_MS)), reason(true)],
    submit: (b, draft) => ask({ on: 'seat', act: 'maintain', seat: b.seat ?? '', body: { until: instant(b.until), reason: b.reason ?? '' } }, draft),
  }
}

// endMaintenanceForm puts a seat into service again.
export function endMaintenanceForm(): void {
  const t = text.peek()
  const resting = seatChoices(true)
  const [only] = resting
  if (!only) return
  form.value = {
    name: 'maintain-end', title: t.acts['maintain-end'], about: desk.peek().seat, line: resting.length === 1 ? seatName(only.value) : '', warning: '', danger: false,
    fields: resting.length === 1 ? [] : [{ name: 'seat', label: t.seat, required: true, choices: resting }],
    submit: (b) => ask({ on: 'seat', act: 'maintain-end', seat: b.seat ?? only.value, body: {} }),
  }
}

export const anyResting = (): boolean => overseenSeats(true).length > 0
