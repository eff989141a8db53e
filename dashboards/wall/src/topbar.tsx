import { computed } from '@preact/signals'
import { wallclock } from '@banyan/live/time'
import { presence } from './duty.ts'
import { city, dataAge, lang, seats, serverNow, switchLang, text, trust } from './state.ts'
import { nameOf } from './text.ts'

const clock = computed(() => wallclock(city.value?.time_zone ?? 'Asia/Shanghai', lang.value === 'zh' ? 'zh-CN' : 'en-GB'))
const present = computed(() => presence(city.value?.departments ?? [], seats.value))

export function TopBar() {
  const t = text.value
  const now = clock.value(serverNow.value)
  const c = city.value
  const here = present.value.filter((d) => d.onDuty > 0).length
  return (
    <header class="top">
      <h1>{c ? t.centre(nameOf(c, lang.value)) : 'Banyan 榕'}</h1>
      <div class="clock" role="timer" aria-label={now.date + ' ' + now.time}>
        <b>{now.time}</b>
        <span>{now.date} {now.weekday}</span>
      </div>
      <Post label={t.commander} holder={holderOf('commander')} />
      <Post label={t.dutyLeader} holder={holderOf('centre')} />
      <Shift />
      <div class={'fact' + (seats.value.length > 0 && here < present.value.length ? ' loud-value' : '')} data-present={here}>
        <span>{t.present}</span>
        <b>{seats.value.length > 0 ? t.presentOf(here, present.value.length) : t.unknown}</b>
      </div>
      <Age />
      <button class="lang" type="button" onClick={switchLang} aria-label={t.languageName} title={t.languageName + ' (L)'}>{t.language}</button>
    </header>
  )
}

function seatOf(who: 'commander' | 'centre') {
  return who === 'commander'
    ? seats.value.find((s) => s.role === 'commander')
    : seats.value.find((s) => s.department === 'centre' && (s.role === 'leader' || s.role === 'centre'))
}

const holderOf = (who: 'commander' | 'centre') => {
  const s = seatOf(who)
  return s && { name: s.on_duty ? s.holder ?? '' : '', onDuty: s.on_duty }
}

function Post({ label, holder }: { label: string; holder: { name: string; onDuty: boolean } | undefined }) {
  const t = text.value
  const gone = holder !== undefined && !holder.onDuty
  return (
    <div class={'fact' + (gone ? ' loud-value' : '')}>
      <span>{label}</span>
      <b>{gone ? t.nobody : holder?.name || t.unknown}</b>
    </div>
  )
}

function Shift() {
  const t = text.value
  const s = seatOf('centre') ?? seatOf('commander') ?? seats.value.find((o) => o.on_duty)
  const name = s?.shift ? nameOf({ name: s.shift_name ?? s.shift, ...(s.shift_name_en ? { name_en: s.shift_name_en } : {}) }, lang.value) : t.unknown
  const until = s?.until ? clock.value(Date.parse(s.until)).time.slice(0, 5) : ''
  return (
    <div class="fact">
      <span>{t.shift}</span>
      <b>{name}{until ? <small> {t.until(until)}</small> : null}</b>
    </div>
  )
}

// Age says how old the picture is and how the link stands: a mark, a word and a figure, never a colour.
function Age() {
  const t = text.value
  const how = trust.value
  const word = { live: t.live, connecting: t.connecting, down: t.down, stale: t.stale, lost: t.down }[how]
  const age = dataAge.value
  return (
    <div class={'fact age' + (how === 'live' || how === 'connecting' ? '' : ' loud-value')}>
      <span>{t.dataAge}</span>
      <b>{age === Infinity ? t.unknown : Math.floor(age / 1000)}<small>{age === Infinity ? '' : ' ' + t.seconds} {word}</small></b>
    </div>
  )
}
