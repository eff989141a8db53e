import { useEffect } from 'preact/hooks'
import { Counts } from './counts.tsx'
import { Departments } from './departments.tsx'
import { layerOfKey } from './layerpanel.tsx'
import { MapPane } from './mappane.tsx'
import { Queue } from './queueview.tsx'
import { lang, refused, switchLang, toggleLayer, token, trust, untrusted, view } from './state.ts'
import { TokenForm } from './tokenform.tsx'
import { TopBar } from './topbar.tsx'

// Keys work everywhere but where somebody types.
function onKey(e: KeyboardEvent): void {
  if (e.ctrlKey || e.metaKey || e.altKey || e.target instanceof HTMLInputElement) return
  switch (e.key.toLowerCase()) {
    case 'l': switchLang(); break
    case 'c': view.value = 'city'; break
    case 'f': view.value = 'urgent'; break
    default: {
      const layer = layerOfKey(e.key)
      if (!layer) return
      toggleLayer(layer)
    }
  }
  e.preventDefault()
}

export function App() {
  useEffect(() => {
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
  if (!token.value || refused.value) return <TokenForm />
  return (
    <div class={'wall' + (untrusted.value ? ' untrusted' : '')} data-trust={trust.value} data-lang={lang.value}>
      <TopBar />
      <MapPane />
      <main class="side">
        <Counts />
        <Queue />
      </main>
      <Departments />
    </div>
  )
}
