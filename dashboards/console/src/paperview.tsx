import { useEffect } from 'preact/hooks'
import { useHandover } from './dutyview.tsx'
import { city, lang, paper, serverNow, text } from './state.ts'
import { nameOf } from './text.ts'
import { atDate, seatName, typeName } from './words.ts'
import { Owed } from './owedview.tsx'
import { Columns } from './pieces.tsx'

const close = () => {
  paper.value = ''
  if (location.hash) history.replaceState(null, '', location.pathname)
}

// Paper is a handover as it is printed and signed.
export function Paper({ id }: { id: string }) {
  const t = text.value
  const { handover: h, problem } = useHandover(id)
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      if (e.key !== 'Escape') return
      e.preventDefault()
      close()
    }
    document.addEventListener('keydown', key)
    return () => document.removeEventListener('keydown', key)
  }, [])
  return (
    <div class="paper-frame">
      <div class="paper-do">
        <button type="button" class="act strong" autofocus onClick={() => print()}>{t.print}</button> <span class="soft">{t.printHint}</span> <span class="grow" />
        <button type="button" class="act" onClick={close}><kbd aria-hidden="true">Esc</kbd>{t.close}</button>
      </div>
      {h ? (
        <article class="paper" data-paper={h.id}>
          <header><p>{city.value ? nameOf(city.value, lang.value) : ''}</p><h1>{t.handoverTitle}</h1><p>{seatName(h.seat)} · {h.id}</p></header>
          <dl>
            <div><dt>{t.from}</dt><dd>{h.from}</dd></div>
            <div><dt>{t.openedAt}</dt><dd>{atDate(h.opened_at)}</dd></div>
            <div><dt>{t.to}</dt><dd>{h.to ?? t.notConfirmed}{h.reason ? `（${h.reason}）` : ''}</dd></div>
            <div><dt>{t.confirmedAt}</dt><dd>{atDate(h.confirmed_at) || t.notConfirmed}</dd></div>
          </dl>
          <h2>{t.handoverNote}</h2>
          <p class="paper-note">{h.note}</p>
          <h2>{t.openTasks}（{t.tasksCount(h.tasks.length)}）</h2>
          {h.tasks.length === 0 ? <p>{t.noOpenTasks}</p> : (
            <table>
              <Columns names={[t.priority, t.number, t.type, t.state, t.assignedAt, t.deadline]} />
              <tbody>
                {h.tasks.map((k) => (
                  <tr key={k.task}>{[k.priority, k.number, typeName(k.type), t.states[k.state], atDate(k.assigned_at), atDate(k.deadline)].map((v, n) => <td key={n}>{v}</td>)}</tr>
                ))}
              </tbody>
            </table>
          )}
          <Owed handover={h} />
          <footer><p>{t.from} {t.signature}：<i /></p><p>{t.to} {t.signature}：<i /></p><p>{t.printedAt}：{atDate(new Date(serverNow.value).toISOString())}</p></footer>
        </article>
      ) : <p role="status">{problem || t.opening}</p>}
    </div>
  )
}
