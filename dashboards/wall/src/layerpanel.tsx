// The layers of this wall: which are on, what their lines mean and how many there are of each, how old they are.

import { span } from '@banyan/live/time'
import type { Layer } from '@banyan/live/layers'
import { allStale, counted, listed, MAX_LAYERS } from './layers.ts'
import type { Look } from './layers.ts'
import { POINT_REM, STROKES } from './layerstyle.ts'
import { INK } from './levels.ts'
import { lang, layers, layersNow, layersOff, text, toggleLayer, view } from './state.ts'
import { nameOf } from './text.ts'

export function LayerPanel() {
  const all = listed(layers.value)
  if (all.length === 0) return null
  const more = layers.value.size - all.length
  return (
    <div class="layers" aria-label={text.value.layers}>
      {all.map((l, n) => <LayerRow key={l.info.id} layer={l} digit={n + 1} />)}
      {more > 0 ? <p>+{more}</p> : null}
    </div>
  )
}

function LayerRow({ layer, digit }: { layer: Layer; digit: number }) {
  const t = text.value
  const { id, states } = layer.info
  const on = !layersOff.value.has(id)
  const now = layersNow.value
  const c = counted(layer, now)
  const old = allStale(layer, c)
  const point = layer.features.values().next().value?.geometry.type === 'Point'
  const framed = view.value === `layer:${id}`
  return (
    <section data-layer={id} data-on={on} data-stale={old}>
      <div class="layer-head">
        <button type="button" aria-pressed={on} title={t.layerToggle} onClick={() => toggleLayer(id)}>{digit} {nameOf(layer.info, lang.value)}</button>
        {on ? <button type="button" aria-pressed={framed} aria-label={t.layerFrame} title={t.layerFrame} onClick={() => (view.value = framed ? 'city' : `layer:${id}`)}><Frame /></button> : null}
      </div>
      {!on ? null : layer.features.size === 0 ? <p class="hint">{t.layerEmpty}</p> : (
        <ul>
          {old ? <li><b class="loud">{t.layerStale(span(Math.max(0, now - c.newest), t.dayUnit, t.hourUnit))}</b></li> : null}
          {states.map((s) => <Entry key={s.id} point={point} state={s.id} look={s.level ?? 'normal'} name={nameOf(s, lang.value)} count={c.byState.get(s.id) ?? 0} />)}
          {c.stale > 0 ? <Entry point={point} state="stale" look="stale" name={t.layerOld} count={c.stale} /> : null}
        </ul>
      )}
    </section>
  )
}

function Entry({ point, state, look, name, count }: { point: boolean; state: string; look: Look; name: string; count: number }) {
  return (
    <li data-state={state} class={count === 0 ? 'none' : ''}>
      <Swatch look={look} point={point} /><span>{name}</span><b>{count}</b>
    </li>
  )
}

// Frame is four corners: the map is brought to what lies between them.
function Frame() {
  return (
    <svg class="frame" viewBox="0 0 20 20" aria-hidden="true">
      <path d="M2 7V2H7M13 2H18V7M18 13V18H13M7 18H2V13" fill="none" stroke="currentColor" stroke-width="2.2" />
    </svg>
  )
}

const PER_REM = 24 // units of the drawing

// Swatch is a piece of line, or a point, as the map draws it.
function Swatch({ look, point }: { look: Look; point: boolean }) {
  const s = STROKES[look]
  const width = s.rem * PER_REM
  const dash = s.dash?.map((d) => d * width).join(' ')
  if (point) {
    return (
      <svg class="swatch" viewBox="0 0 48 20" aria-hidden="true">
        <circle cx={24} cy={10} r={(POINT_REM + s.rem) * PER_REM * 0.75} fill={look === 'stale' ? INK : s.colour} stroke={look === 'stale' ? s.colour : INK} stroke-width={2} />
      </svg>
    )
  }
  const line = { x1: 0, x2: 48, y1: 10, y2: 10 }
  return (
    <svg class="swatch" viewBox="0 0 48 20" aria-hidden="true">
      <line {...line} stroke={s.colour} stroke-width={width} stroke-dasharray={dash} />
      {s.core ? <line {...line} stroke={INK} stroke-width={width * 0.3} /> : null}
    </svg>
  )
}

// layerOfKey is the layer that a digit stands for.
export function layerOfKey(key: string): string | undefined {
  const n = Number(key)
  return n >= 1 && n <= MAX_LAYERS ? listed(layers.value)[n - 1]?.info.id : undefined
}
