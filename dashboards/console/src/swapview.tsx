import { useEffect } from 'preact/hooks'
import type { Swap } from '@banyan/live/protocol'
import { comingWeek, mySwaps, readBooks, readComing } from './books.ts'
import { dutyOpen } from './forms.ts'
import { stepSwap, swapForm } from './rosterforms.ts'
import { Shell } from './shell.tsx'
import { approves, myName, pending, serverNow, store, text } from './state.ts'
import { stepsOf } from './week.ts'
import { between, seatName, shiftName, stintLine } from './words.ts'

const close = () => (dutyOpen.value = '')

// SwapPanel is where swaps are asked for, agreed to and approved.
export function SwapPanel() {
  const t = text.value
  useEffect(() => void readBooks().catch((e: unknown) => console.warn('swaps: ' + String(e))), [])
  return (
    <Shell label={t.swapsTitle} name="swaps" wide onClose={close}>
      <h2>{t.swapsTitle}</h2>
      <SwapList />
      <MyShifts />
      <button type="button" class="act" data-first onClick={close}><kbd aria-hidden="true">Esc</kbd>{t.close}</button>
    </Shell>
  )
}

// SwapList is every swap still to come that concerns whoever looks, with what they may do about it.
export function SwapList() {
  const t = text.value
  if (mySwaps.value.length === 0) return <p class="soft">{t.noSwaps}</p>
  return <ul class="entries">{mySwaps.value.map((s) => <SwapLine key={s.id} swap={s} />)}</ul>
}

function SwapLine({ swap: s }: { swap: Swap }) {
  const t = text.value
  const asked = pending.value.find((p) => p.request.on === 'swap' && p.request.swap === s.id)
  return (
    <li class="swap" data-swap={s.id} data-state={s.state}>
      <b>{t.swapLine(s.person, s.with)}</b> {stintLine(s.give)}{s.return ? <> · {t.inReturn} {stintLine(s.return)}</> : null} <span class="soft">{s.reason}</span>
      <span class="swap-do">
        <span class={'state' + (s.state === 'asked' || s.state === 'accepted' ? ' unacked' : '')}>{t.swapStates[s.state]}</span>
        {s.approved_by ? <span class="soft">{t.approvedBy(s.approved_by)}</span> : null}
        {asked ? <span class={asked.phase === 'failed' ? 'tag bad' : 'tag sending'} role="status">{asked.phase === 'failed' ? `${t.failedMark}：${asked.why}` : t.sending + '…'}</span> : null}
        {stepsOf(s, myName.value, approves.value).map((act) => (
          <button type="button" key={act} class="act" data-step={act} disabled={asked !== undefined && asked.phase !== 'failed'} onClick={() => stepSwap(s, act)}>{t.acts[act]}</button>
        ))}
      </span>
    </li>
  )
}

// MyShifts are my coming ones, each of which I may ask somebody to take.
export function MyShifts() {
  const t = text.value
  useEffect(() => void readComing().catch((e: unknown) => console.warn('roster: ' + String(e))), [store.value.amended])
  const mine = comingWeek.value.rows.flatMap((r) => r.days.flat()).filter((s) => s.holder === myName.value && Date.parse(s.to) > serverNow.value)
    .sort((a, b) => Date.parse(a.from) - Date.parse(b.from))
  return (
    <section class="shifts" aria-label={t.shifts}>
      <h3>{t.shifts}</h3>
      {mine.length === 0 ? <p class="soft">{t.noShifts}</p> : null}
      <ul class="entries">
        {mine.map((s) => {
          const asked = pending.value.find((p) => p.request.on === 'swap' && p.request.act === 'swap' && p.request.body.give?.from === s.from)
          return (
            <li class="swap" key={s.key} data-shift={s.key}>
              {between(s.from, s.to)} {shiftName(s.shift)} <span class="soft">{seatName(s.seat)}</span>
              <span class="swap-do">
                {asked ? <span class={asked.phase === 'failed' ? 'tag bad' : 'tag sending'} role="status">{asked.phase === 'failed' ? `${t.failedMark}：${asked.why}` : t.sending + '…'}</span> : null}
                {Date.parse(s.from) > serverNow.value ? <button type="button" class="act" data-step="swap" onClick={() => swapForm(s)}>{t.askSwapOf}</button> : null}
              </span>
            </li>
          )
        })}
      </ul>
    </section>
  )
}
