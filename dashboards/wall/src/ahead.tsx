import { computed } from '@preact/signals'
import { ahead } from '@banyan/live/gaps'
import { wallclock } from '@banyan/live/time'
import { ofCentre } from './duty.ts'
import { city, lang, node, seats, serverNow, store, text } from './state.ts'
import type { NodeStatus } from './server.ts'
import { nameOf } from './text.ts'

// MAX_SHOWN of each kind stand in the line; "+N" says how many more there are.
const MAX_SHOWN = 2

const clock = computed(() => wallclock(city.value?.time_zone ?? 'Asia/Shanghai', lang.value === 'zh' ? 'zh-CN' : 'en-GB'))
const minute = computed(() => Math.floor(serverNow.value / 60_000) * 60_000)
const gaps = computed(() => ahead(store.value.gaps, minute.value))
const resting = computed(() => seats.value.filter((s) => s.maintenance && Date.parse(s.maintenance.until) > minute.value))

const centre = computed(() => ofCentre(store.value.incidents.values()))

// Ahead is the line that says what the centre itself must see to: its own incidents, such as an objective missed or a
// source that is silent, a server that works without what should stand by, which seats nobody is to hold in
// the coming days, and which are in maintenance. It is not there while all is well.
export function Ahead() {
  const t = text.value
  const { list, total } = gaps.value
  if (total === 0 && resting.value.length === 0 && centre.value.length === 0 && !node.value?.degraded) return null
  return (
    <ul class="ahead" aria-label={t.aheadTitle} data-gaps={total} data-maintenance={resting.value.length} data-centre={centre.value.length}>
      {node.value?.degraded ? <Standing node={node.value} /> : null}
      {centre.value.length > 0 ? <li><b class="loud">{t.ofCentre} {centre.value.length}</b></li> : null}
      {centre.value.slice(0, MAX_SHOWN).map((i) => <li key={i.id} data-of-centre={i.id}><b>{typeOf(i.type)}</b> {i.number} {at(i.opened_at)}</li>)}
      {centre.value.length > MAX_SHOWN ? <li><b>+{centre.value.length - MAX_SHOWN}</b></li> : null}
      {total > 0 ? <li><b class="loud">{t.gapsAhead} {total}</b></li> : null}
      {list.slice(0, MAX_SHOWN).map((g) => (
        <li key={g.seat + g.from} data-gap={g.seat}>
          {departmentOf(g.department)} <b>{seatOf(g.seat)}</b> {Date.parse(g.from) <= serverNow.value ? <b class="loud">{t.now}</b> : at(g.from)} {g.to ? t.until(end(g.from, g.to)) : t.noEnd}
        </li>
      ))}
      {total > MAX_SHOWN ? <li><b>+{total - Math.min(MAX_SHOWN, list.length)}</b></li> : null}
      {resting.value.length > 0 ? <li><b class="loud">{t.maintenance} {resting.value.length}</b></li> : null}
      {resting.value.slice(0, MAX_SHOWN).map((s) => (
        <li key={s.id} data-maintained={s.id}>{departmentOf(s.department)} <b>{seatOf(s.id)}</b> {t.until(at(s.maintenance?.until ?? ''))}</li>
      ))}
      {resting.value.length > MAX_SHOWN ? <li><b>+{resting.value.length - MAX_SHOWN}</b></li> : null}
    </ul>
  )
}

// Standing says what the server misses, and by how much what should stand by is behind.
function Standing({ node }: { node: NodeStatus }) {
  const t = text.value
  const lag = node.mirror
  return (
    <li data-degraded data-cut-off={node.cut_off}>
      <b class="loud">{node.cut_off ? t.cutOff : t.degraded}</b>
      {lag && lag.lag_events > 0 ? <> <b>{t.lag(lag.lag_events, Math.ceil(lag.lag_seconds))}</b></> : null}
    </li>
  )
}

const typeOf = (code: string): string => {
  const k = city.value?.types.find((o) => o.code === code)
  return k ? nameOf(k, lang.value) : code
}

const departmentOf = (id: string): string => {
  const d = city.value?.departments.find((o) => o.id === id)
  return d ? nameOf(d, lang.value) : id
}

const seatOf = (id: string): string => {
  const s = seats.value.find((o) => o.id === id)
  return s ? nameOf({ name: s.name, ...(s.name_en ? { name_en: s.name_en } : {}) }, lang.value) : id
}

// at is a day of the week and the minute: nothing here is more than a few days off.
function at(iso: string): string {
  const c = clock.value(Date.parse(iso))
  return `${c.date.slice(5)} ${c.weekday} ${c.time.slice(0, 5)}`
}

// end leaves the day out where it is that of the beginning.
function end(from: string, to: string): string {
  const [a, b] = [clock.value(Math.max(Date.parse(from), serverNow.value)), clock.value(Date.parse(to))]
  return a.date === b.date ? b.time.slice(0, 5) : at(to)
}
