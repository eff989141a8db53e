import { computed } from '@preact/signals'
import { Act, Key } from './button.tsx'
import { swapsWaiting } from './books.ts'
import { dismiss } from './sending.ts'
import {
  bookkeeper, canSound, city, clock, dataAge, lang, leader, link, LOST_AFTER_MS, mutedUntil, myName, mySeat, notices, pending, queue, serverNow, signedOn, text, trust, untrusted,
} from './state.ts'
import { named, nameOf } from './text.ts'
import { atDate, departmentName, duration, seatName } from './words.ts'

// missed: the last that was heard of handovers at this seat is that there was none.
const missed = computed(() => {
  const last = notices.value.find((n) => n.event.seat === mySeat.value?.id && ['handover.missed', 'handover.confirmed'].includes(n.event.type))
  return last?.event.type === 'handover.missed'
})

export function TopBar() {
  const t = text.value
  const seat = mySeat.value
  const now = clock.value(serverNow.value)
  return (
    <header class="top">
      <div class="top-seat">
        <b>{seat ? seatName(seat.id) : bookkeeper.value ? t.rosterTab : t.unknown}</b>
        <span>{seat ? `${departmentName(seat.department)} · ${t.roles[seat.role]}` : myName.value}</span>
      </div>
      <Presence />
      <span class="grow" />
      <P1 />
      {bookkeeper.value ? null : <Trust />}
      <div class="fact" role="timer" aria-label={`${now.date} ${now.time}`}><b class="clock-figures">{now.time}</b><span>{now.date} {now.weekday}</span></div>
      {bookkeeper.value ? null : <Sound />}
      <Act id="handover" hide={bookkeeper.value} />
      <Act id="board" hide label={<>{t.boardTab}{notices.value.some((n) => n.loud) ? <b class="badge">{notices.value.filter((n) => n.loud).length}</b> : null}</>} />
      {leader.value ? null : <Act id="roster" hide />}
      <Act id="commands" />
      <Act id="language" label={t.language} />
      <Act id="help" label="" />
    </header>
  )
}

// Presence says who sits here and lets them come and go.
function Presence() {
  const t = text.value
  const seat = mySeat.value
  if (!seat) return null
  const shift = seat.shift_name ? nameOf(named(seat.shift_name, seat.shift_name_en), lang.value) : ''
  const until = seat.until ? clock.value(Date.parse(seat.until)).time.slice(0, 5) : ''
  const lost = seat.presence === 'lost'
  return (
    <>
      <div class={'fact' + (seat.presence === 'present' ? '' : ' loud-value')} data-presence={seat.presence}>
        <b>{seat.presence === 'present' ? t.signedOnAs(seat.holder ?? '') : lost ? `${seat.holder ?? ''} ${t.lost}` : t.notSignedOn}</b>
        <span>{seat.presence === 'absent' ? t.otherHolds(seat.holder || t.nobody) + ' · ' : ''}{shift} {until ? t.until(until) : ''}</span>
      </div>
      {signedOn.value ? <Act id="sign-off" /> : <Act id="sign-on" strong label={<>{t.signOn}{seat.holder !== myName.value && myName.value ? ` · ${myName.value}` : ''}</>} />}
    </>
  )
}

function P1() {
  const n = queue.value.filter((i) => i.waiting && i.priority === 'P1').length
  return n > 0 ? <p class="p1-alarm" role="alert">◆ {text.value.p1Waiting(n)}</p> : null
}

// Trust says how old the picture is and how the link stands: a word and a figure, never a colour.
function Trust() {
  const t = text.value
  const how = trust.value
  const word = { live: t.live, connecting: t.connecting, down: t.down, stale: t.stale, lost: t.down }[how]
  const age = dataAge.value
  return (
    <div class={'fact' + (how === 'live' || how === 'connecting' ? '' : ' loud-value')} data-link={how}>
      <b>{word}</b>
      <span>{t.dataAge} {age === Infinity ? t.unknown : `${Math.floor(age / 1000)} ${t.seconds}`}</span>
    </div>
  )
}

function Sound() {
  const t = text.value
  const left = mutedUntil.value - serverNow.value
  const label = !canSound.value ? t.soundOff : left > 0 ? t.muted(duration(left + 999)) : t.soundOn
  return <div class={!canSound.value || left > 0 ? 'muted' : ''} data-muted={left > 0}><Act id="mute" label={label} /></div>
}

// Banners stand above everything for as long as they are true.
export function Banners() {
  const t = text.value
  const age = dataAge.value
  return (
    <>
      {untrusted.value ? (
        <div class="banner" role="alert" data-lost={trust.value}>
          <b>{trust.value === 'stale' ? t.staleTitle : t.lostTitle}</b>
          {age === Infinity || age < LOST_AFTER_MS ? null : <b class="clock-figures">{t.lostAge(duration(age))}</b>}
          {link.value.attempts > 0 ? <span>{t.retrying(link.value.attempts)}</span> : null}
          <span>{t.lostHint}</span>
        </div>
      ) : null}
      {mySeat.value?.presence === 'lost' && !untrusted.value ? <div class="banner" role="alert"><b>{t.seatLost}</b></div> : null}
      {mySeat.value?.maintenance ? (
        <div class="banner" role="alert" data-resting={mySeat.value.id}><b>{t.inMaintenance(atDate(mySeat.value.maintenance.until), mySeat.value.maintenance.reason ?? '')}</b></div>
      ) : null}
      {swapsWaiting.value.length > 0 ? <div class="banner quiet-banner" role="status" data-swaps={swapsWaiting.value.length}><b>{t.swapWaits(swapsWaiting.value.length)}</b><Key name="y" /></div> : null}
      {missed.value ? <div class="banner" role="alert"><b>{t.handoverMissed}</b><Key name="h" /></div> : null}
      {pending.value.filter((p) => p.phase === 'failed' && (p.request.on === 'seat' || p.request.on === 'handover')).map((p) => (
        <div class="banner" role="alert" key={p.id}>
          <span>{t.doing(p.request)} {t.failedMark}：{p.why}</span>
          <button type="button" onClick={() => dismiss(p.id)}>{t.close}</button>
        </div>
      ))}
      {city.value && mySeat.value?.handover_id && mySeat.value.holder !== myName.value ? (
        <div class="banner quiet-banner" role="status"><b>{t.handoverWaits(mySeat.value.holder ?? '')}</b><Key name="h" /></div>
      ) : null}
    </>
  )
}
