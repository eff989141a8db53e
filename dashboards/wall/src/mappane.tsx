import { computed, effect, signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { dim } from './blink.ts'
import { LayerPanel } from './layerpanel.tsx'
import { extent, toDraw } from './layers.ts'
import { getOutlines } from './server.ts'
import { Shape } from './shape.tsx'
import { PRIORITIES } from '@banyan/live/protocol'
import { areas, city, dataAge, lang, layers, layersNow, layersOff, link, queue, text, token, trust, untrusted, view } from './state.ts'
import { span } from '@banyan/live/time'
import type { WallMap } from './map.ts'
import { nameOf } from './text.ts'

const REDRAW_MS = 400 // the map follows the queue at most this often,
const REST = 2 // and rests this many times as long as the last drawing took: a weak machine gets a slower map, not a frozen page
const OUTLINE_RETRY_MS = 15_000

// layerViewed is the layer that the map is framed on, once it has something to be framed on.
const layerViewed = computed(() => {
  const id = view.value.startsWith('layer:') ? view.value.slice('layer:'.length) : undefined
  return id !== undefined && (layers.value.get(id)?.features.size ?? 0) > 0 ? id : undefined
})
const framedLayer = computed(() => {
  const l = layerViewed.value === undefined ? undefined : layers.value.get(layerViewed.value)
  return l && nameOf(l.info, lang.value)
})
const failed = signal(false)
const ready = signal(false)

export function MapPane() {
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const el = place.current
    if (!el) return
    return attach(el)
  }, [])
  const t = text.value
  return (
    <section class="map" aria-label={t.map} data-map={failed.value ? 'failed' : ready.value ? 'ready' : 'loading'}>
      <div class="map-place" ref={place} aria-hidden="true" />
      {view.value === 'urgent' && !failed.value ? <p class="map-rule"><b class="loud">{t.framed}</b></p> : null}
      {framedLayer.value && !failed.value ? <p class="map-rule"><b class="loud">{t.layerFramed(framedLayer.value)}</b></p> : null}
      {failed.value ? null : <LayerPanel />}
      {failed.value ? <p class="map-note" role="alert">{t.mapFailed}</p> : null}
      {!failed.value && !ready.value && !untrusted.value ? <p class="map-note hint">{t.mapLoading}</p> : null}
      <Legend />
      {untrusted.value ? <LinkLost /> : null}
    </section>
  )
}

// attach loads the map beside the page. Whatever goes wrong with it, the rest of the wall goes on.
function attach(el: HTMLElement): () => void {
  let map: WallMap | undefined
  let gone = false
  const endings: (() => void)[] = []
  const fail = (why: unknown) => {
    console.warn('map: ' + String(why))
    failed.value = true
    map?.remove()
    map = undefined
  }
  const stopWaiting = effect(() => {
    const c = city.value
    if (!c || map || gone || failed.peek()) return
    import('./map.ts').then((m) => {
      if (gone || map) return
      try {
        map = m.openMap(el, c, token.peek(), fail, () => {
          ready.value = true
        })
        endings.push(...follow(map))
      } catch (e) {
        fail(e)
      }
    }, fail)
  })
  return () => {
    gone = true
    stopWaiting()
    endings.forEach((end) => end())
    map?.remove()
  }
}

function follow(map: WallMap): (() => void)[] {
  let late: ReturnType<typeof setTimeout> | undefined
  let drawn: unknown
  const draw = async () => {
    drawn = queue.peek()
    const took = await map.show(queue.peek())
    late = setTimeout(() => {
      late = undefined
      if (queue.peek() !== drawn) plan()
    }, Math.max(REDRAW_MS, took * REST))
  }
  const plan = () => {
    late ??= setTimeout(() => void draw())
  }
  const outlines = async () => {
    try {
      map.outlines(await getOutlines(token.peek(), 'district'))
    } catch (e) {
      console.warn('outlines: ' + String(e))
      retry = setTimeout(() => void outlines(), OUTLINE_RETRY_MS)
    }
  }
  let retry: ReturnType<typeof setTimeout> | undefined
  void outlines()
  return [
    effect(() => {
      void queue.value
      plan()
    }),
    effect(() => map.label(lang.value, areas.value)),
    effect(() => map.layers(toDraw(layers.value, layersOff.value, layersNow.value))),
    effect(() => {
      const id = layerViewed.value
      map.frame(view.value, id === undefined ? undefined : extent(layers.peek().get(id)))
    }),
    effect(() => map.dim(dim.value)),
    () => clearTimeout(late),
    () => clearTimeout(retry),
  ]
}

function Legend() {
  const t = text.value
  return (
    <div class="legend">
      <span>{PRIORITIES.map((p) => <span key={p}><Shape priority={p} filled plain /><b> {p}</b></span>)}</span>
      <span><i class="mark full" /> {t.unacknowledged} <i class="mark" /> {t.acknowledgedShort}</span>
      <span class="legend-cells"><i /><i /><i /> {t.legendCells}</span>
      <span class="grow" />
      <button type="button" aria-pressed={view.value === 'city'} onClick={() => (view.value = 'city')}>C {t.city}</button>
      <button type="button" aria-pressed={view.value === 'urgent'} onClick={() => (view.value = 'urgent')}>F {t.urgentView}</button>
    </div>
  )
}

function LinkLost() {
  const t = text.value
  const age = dataAge.value
  return (
    <div class="lost" data-lost={trust.value}>
      <p class="lost-title" role="alert">{trust.value === 'stale' ? t.staleTitle : t.lostTitle}</p>
      <p>{age === Infinity ? t.noPicture : t.lostAge}</p>
      {age === Infinity ? null : <p class="lost-age">{span(age, t.dayUnit, t.hourUnit)}</p>}
      {link.value.attempts > 0 ? <p>{t.lostRetry(link.value.attempts)}</p> : null}
    </div>
  )
}
