import { computed } from '@preact/signals'
import { NOTHING } from '@banyan/live/load'
import { presence } from './duty.ts'
import type { Presence } from './duty.ts'
import { Ahead } from './ahead.tsx'
import { ResponseTime } from './responsetime.tsx'
import { city, lang, seats, store, text } from './state.ts'
import { nameOf } from './text.ts'

const present = computed(() => presence(city.value?.departments ?? [], seats.value))

export function Departments() {
  const t = text.value
  return (
    <section class="depts" aria-label={t.departments}>
      <Ahead />
      <div class="depts-head">
        <h2>{t.departments}</h2>
        <span class="hint">{t.deptLegend} | {t.seats}</span>
        <span class="grow" />
        <Today />
        <ResponseTime />
      </div>
      <ul class="tiles">
        {present.value.map((d) => <Tile key={d.id} d={d} known={seats.value.length > 0} />)}
      </ul>
    </section>
  )
}

function Tile({ d, known }: { d: Presence; known: boolean }) {
  const t = text.value
  const l = store.value.tally.departments.get(d.id) ?? NOTHING
  const off = known && d.onDuty === 0
  const name = nameOf(d, lang.value)
  const say = `${name}: ${t.open} ${l.open}, ${t.unacknowledged} ${l.unacknowledged}, ${t.overdue} ${l.overdue}, ${t.seats} ${d.onDuty}/${d.seats}`
  return (
    <li class={'tile' + (off ? ' off' : '') + (l.open === 0 ? ' idle' : '')} data-department={d.id} aria-label={off ? `${name}: ${t.offDuty}` : say} title={name}>
      <span class={'tile-name' + (lang.value === 'zh' && name.length > 8 ? ' long' : '')}>{name}</span>
      <span class="tile-load">
        <Figure n={l.open} how="plain" />
        <Figure n={l.unacknowledged} how="some" />
        <Figure n={l.overdue} how="loud" />
      </span>
      <span class="tile-seats">{off ? t.offShort : known ? `${d.onDuty}/${d.seats}` : ''}</span>
    </li>
  )
}

function Figure({ n, how }: { n: number; how: 'plain' | 'some' | 'loud' }) {
  return <b class={n > 0 ? how : 'none'}>{n}</b>
}

function Today() {
  const t = text.value
  const d = store.value.today
  return (
    <span class="today">
      {t.today} {t.todayAlerts} <b>{d.alerts}</b> {t.todayIncidents} <b>{d.incidents}</b> {t.todayClosed} <b>{d.closed}</b>
    </span>
  )
}
