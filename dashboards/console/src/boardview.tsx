import { computed } from '@preact/signals'
import { boardOf } from './board.ts'
import type { SeatLine } from './board.ts'
import { Act } from './button.tsx'
import { Clock, Deadline } from './clocks.tsx'
import { Shape } from './levels.ts'
import { incidentItem } from './queue.ts'
import type { Item } from './queue.ts'
import { dismissNotices } from './hear.ts'
import { select } from './select.ts'
import { gaps, mySwaps, swaps } from './books.ts'
import { desk, list, notices, queue, seats, serverNow, store, text } from './state.ts'
import { SwapList } from './swapview.tsx'
import { atDate, atTime, between, departmentName, heldBy, noticeLine, placeOf, seatName, typeName, whyOf } from './words.ts'
import { Columns } from './pieces.tsx'

const MAX_TASKS = 100 // listed

const late = computed(() => {
  const at = new Map<string, boolean>()
  for (const n of [...notices.value].reverse()) {
    const e = n.event
    if (!e.seat) continue
    if (e.type === 'seat.no_show') at.set(e.seat, true)
  }
  return new Set(at.keys())
})
const picture = computed(() => boardOf(desk.value, seats.value, store.value.incidents.values(), late.value))

export function BoardView() {
  const t = text.value
  const { lines, unacknowledged } = picture.value
  return (
    <main class="incident board" aria-label={t.boardTitle} data-board>
      <header class="incident-head"><div class="incident-title"><h1>{t.boardTitle} <span class="place">{departmentName(desk.value.department)}</span></h1>
        <p>{t.presence} <b>{lines.filter((l) => l.seat.on_duty).length}/{lines.length}</b> {t.waitingCount} <b>{unacknowledged.length}</b></p></div><Act id="feeds" /><Act id="statistics" /><Act id="board" /></header>
      <div class="incident-body">
        <div class="column">
          <section class="panel" aria-label={t.unackedTasks}>
            <h2>{t.unackedTasks} <b>{unacknowledged.length}</b> <span class="soft">{t.assignHint}</span></h2>
            {unacknowledged.length === 0 ? <p class="soft">{t.noneUnacked}</p> : null}
            <ul class="entries">{unacknowledged.slice(0, MAX_TASKS).map((i) => <Unacknowledged key={i.key} item={i} />)}</ul>
            {unacknowledged.length > MAX_TASKS ? <p>{t.more(unacknowledged.length - MAX_TASKS)}</p> : null}
          </section>
          <Notices />
        </div>
        <div class="column">
          <GapsAhead />
          <section class="panel" aria-label={t.presence}>
            <table class="tasks seats">
              <Columns names={[t.seat, t.officer, t.presence, t.waitingCount, t.openCount, t.oldest]} />
              <tbody>{lines.map((l) => <Line key={l.seat.id} line={l} />)}</tbody>
            </table>
            <div class="actions board-do"><Act id="maintain" /><Act id="maintain-end" hide /></div>
          </section>
          {swaps.value === undefined ? null : (
            <section class="panel" aria-label={t.swapsTitle}><h2>{t.swapsTitle} <b>{mySwaps.value.length}</b> <span class="grow" /><Act id="swaps" /></h2><SwapList /></section>
          )}
        </div>
      </div>
    </main>
  )
}

// GapsAhead are the times of the coming days in which nobody is to hold a seat: loud where one has begun.
function GapsAhead() {
  const t = text.value
  return (
    <section class="panel" aria-label={t.gapsTitle} data-gaps={gaps.value.length}>
      <h2>{t.gapsTitle} <b class={gaps.value.length > 0 ? 'loud' : ''}>{gaps.value.length}</b> <span class="grow" /><Act id="roster" /></h2>
      {gaps.value.length === 0 ? <p class="soft">{t.noGaps}</p> : null}
      <ul class="entries">
        {gaps.value.map((g) => (
          <li key={g.seat + g.from} data-gap={g.seat}><b class={Date.parse(g.from) <= serverNow.value ? 'loud' : ''}>{seatName(g.seat)}</b> {between(g.from, g.to)} <span class="soft">{whyOf(g.why)}</span></li>
        ))}
      </ul>
    </section>
  )
}

// Unacknowledged is a task nobody has taken; chosen, the keys act on it, G among them.
function Unacknowledged({ item: i }: { item: Item }) {
  const choose = () => {
    const own = queue.peek().find((q) => q.key === i.key)
    if (own) {
      list.value = 'mine'
      select(own.key)
      return
    }
    list.value = 'all'
    select(incidentItem(desk.peek(), i.incident).key, i.key)
  }
  return (
    <li class="board-task" data-unacknowledged={i.key}>
      <Shape priority={i.priority} filled plain />
      <button type="button" class="plain" onClick={(e) => { e.currentTarget.blur(); choose() }}><b>{i.priority} {typeName(i.incident.type)}</b> {placeOf(i.incident)}</button>
      <span>{i.task ? heldBy(i.task) : ''}</span> <Clock sinceMs={i.sinceMs} /> <Deadline task={i.task} waiting={i.waiting} />
    </li>
  )
}

function Line({ line: l }: { line: SeatLine }) {
  const t = text.value
  const s = l.seat
  const word = s.presence === 'present' ? t.present : s.presence === 'lost' ? t.lost : l.late ? t.late : s.on_duty ? t.absent : t.nobody
  return (
    <tr data-seat={s.id} data-presence={s.presence} data-late={l.late}>
      <td>{seatName(s.id)} <span class="soft">{s.role === 'duty' ? '' : t.roles[s.role]}</span></td>
      <td class="when">{s.holder ?? t.nobody}</td>
      <td>{s.maintenance ? <span class="loud" data-maintained={s.id} title={s.maintenance.reason}>{t.restingUntil(atDate(s.maintenance.until).slice(5))}</span> : null} <span class={s.presence === 'lost' || l.late || (!s.on_duty && !s.maintenance) ? 'loud' : s.presence === 'present' ? '' : 'soft'}>{s.maintenance && s.presence !== 'present' ? '' : word}</span></td>
      <td class="number">{l.waiting > 0 ? <b class={l.overdue > 0 ? 'loud' : ''}>{l.waiting}</b> : 0}</td>
      <td class="number">{l.open}</td>
      <td class="number">{l.oldestMs === undefined ? '' : <Clock sinceMs={l.oldestMs} />}</td>
    </tr>
  )
}

function Notices() {
  const t = text.value
  return (
    <section class="panel" aria-label={t.noticesTitle}>
      <h2>{t.noticesTitle} <b>{notices.value.length}</b> <span class="grow" />
        {notices.value.length > 0 ? <button type="button" onClick={dismissNotices}>{t.clearNotices}</button> : null}
      </h2>
      <ul class="entries">
        {notices.value.map((n) => (
          <li key={n.id} data-notice={n.event.type}><span class="soft clock-figures">{atTime(n.at)}</span> <span class={n.loud ? 'loud' : ''}>{noticeLine(n.event)}</span></li>
        ))}
      </ul>
    </section>
  )
}
