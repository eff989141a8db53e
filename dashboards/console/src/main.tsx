import { effect } from '@preact/signals'
import { render } from 'preact'
import { App } from './app.tsx'
import { start } from './run.ts'
import { city, lang, mySeat, queue, text, tick } from './state.ts'
import { named, nameOf } from './text.ts'
import './console.css'
import './incident.css'
import './paper.css'

start()
effect(() => {
  document.documentElement.lang = lang.value === 'zh' ? 'zh-CN' : 'en'
})
effect(() => {
  // A tab among others says what waits, and a P1 makes its title change.
  const waiting = queue.value.filter((i) => i.waiting)
  const p1 = waiting.filter((i) => i.priority === 'P1').length
  const name = [mySeat.value ? nameOf(named(mySeat.value.name, mySeat.value.name_en), lang.value) : '', text.value.console, city.value ? nameOf(city.value, lang.value) : '']
  const alarm = p1 > 0 ? `${p1 > 0 && tick.value % 2 === 0 ? '◆' : '◇'} P1×${p1} ` : ''
  document.title = alarm + (waiting.length > 0 ? `(${waiting.length}) ` : '') + name.filter(Boolean).join(' ')
})
const root = document.getElementById('console')
if (root) render(<App />, root)
