import { effect } from '@preact/signals'
import { render } from 'preact'
import { App } from './app.tsx'
import { startBlinking } from './blink.ts'
import { city, lang, start, text } from './state.ts'
import { nameOf } from './text.ts'
import './wall.css'

start()
startBlinking()
effect(() => {
  document.documentElement.lang = lang.value === 'zh' ? 'zh-CN' : 'en'
  document.title = city.value ? text.value.centre(nameOf(city.value, lang.value)) : 'Banyan 榕'
})
const root = document.getElementById('wall')
if (root) render(<App />, root)
