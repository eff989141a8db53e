import { useEffect } from 'preact/hooks'
import { press } from './actions.ts'
import { BoardView } from './boardview.tsx'
import { CommandBar } from './commandbar.tsx'
import { Door } from './door.tsx'
import { DutyPanel } from './dutyview.tsx'
import { FeedsView } from './feedsview.tsx'
import { FormDialog } from './formdialog.tsx'
import { commandBar, dutyOpen, helping, overlaid } from './forms.ts'
import { Help } from './help.tsx'
import { IncidentView } from './incidentview.tsx'
import { nameOf } from './keys.ts'
import { Paper } from './paperview.tsx'
import { Queue } from './queueview.tsx'
import { RosterView } from './rosterview.tsx'
import { StatisticsView } from './statisticsview.tsx'
import { SwapPanel } from './swapview.tsx'
import { chooseTask, ends, openGroup, step, toggleGroup } from './select.ts'
import { wake } from './sound.ts'
import { bookkeeper, canSound, door, draftTrouble, lang, pane, paper, rows, selected, selectedRow, text, toast, trust, untrusted } from './state.ts'
import { zoom } from './mapview.tsx'
import { Banners, TopBar } from './topbar.tsx'

const MOVES: Record<string, () => void> = {
  up: () => step(-1), k: () => step(-1), down: () => step(1), j: () => step(1), home: () => ends(false), end: () => ends(true),
  left: () => openGroup(false), right: () => openGroup(true), '[': () => chooseTask(-1), ']': () => chooseTask(1),
  '+': () => zoom(1), '-': () => zoom(-1),
}

const isField = (e: EventTarget | null) =>
  e instanceof HTMLElement && (e.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(e.tagName))

// Keys work everywhere but where somebody types, and where something lies over the page. A key held down counts once
// for what is sent, and again and again for what only moves.
function onKey(e: KeyboardEvent): void {
  void wake().then((on) => (canSound.value = on))
  if (door.peek() !== 'open' || overlaid() || paper.peek() || e.defaultPrevented) return
  const name = nameOf(e)
  if (isField(e.target)) {
    if (name === 'escape') (e.target as HTMLElement).blur()
    return
  }
  const move = MOVES[name]
  if (move) {
    e.preventDefault()
    move()
    return
  }
  if (name === 'enter') {
    const row = selectedRow.peek()
    if (row?.kind !== 'group' || e.target instanceof HTMLButtonElement) return
    toggleGroup(row.group.key)
  } else if (name === 'escape') {
    pane.value = 'incident'
  } else if (name === '' || (e.repeat || !press(name))) {
    return
  }
  e.preventDefault()
}

const onPointer = () => void wake().then((on) => (canSound.value = on))

export function App() {
  useEffect(() => {
    document.addEventListener('keydown', onKey)
    document.addEventListener('pointerdown', onPointer)
    return () => {
      document.removeEventListener('keydown', onKey)
      document.removeEventListener('pointerdown', onPointer)
    }
  }, [])
  if (door.value !== 'open') return <Door />
  if (paper.value) return <Paper id={paper.value} />
  return (
    <div class={'desk' + (untrusted.value ? ' untrusted' : '')} data-trust={trust.value} data-lang={lang.value} data-selected={selected.value} data-rows={rows.value.length}>
      <TopBar />
      <Banners />
      <div class={'panes' + (bookkeeper.value ? ' alone' : '')}>
        {bookkeeper.value ? null : <Queue />}
        {bookkeeper.value || pane.value === 'roster' ? <RosterView /> : <Beside />}
      </div>
      {form()}
      <Toast />
    </div>
  )
}

// Beside is what stands beside the queue.
function Beside() {
  switch (pane.value) {
    case 'board': return <BoardView />
    case 'feeds': return <FeedsView />
    case 'statistics': return <StatisticsView />
    default: return <IncidentView />
  }
}

function form() {
  return (
    <>
      <FormDialog />
      {dutyOpen.value === 'handover' ? <DutyPanel /> : dutyOpen.value === 'swaps' ? <SwapPanel /> : null}
      {commandBar.value ? <CommandBar /> : null}
      {helping.value ? <Help /> : null}
    </>
  )
}

function Toast() {
  const said = toast.value
  return (
    <div class="toasts" role="status" aria-live="polite">
      {draftTrouble.value ? <p class="toast bad">{text.value.draftFailed}（{draftTrouble.value}）</p> : null}
      {said ? <p class={'toast' + (said.bad ? ' bad' : '')} key={said.id}>{said.text}</p> : null}
    </div>
  )
}
