// The map: outlines of areas, H3 cells shaded grey by how many incidents they hold, and incidents as shapes of
// their level. It knows nothing of signals; whoever opens it feeds it.

import { Map as GLMap, setWorkerUrl } from 'maplibre-gl'
import type { GeoJSONSource, LngLatBoundsLike } from 'maplibre-gl'
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url'
import 'maplibre-gl/dist/maplibre-gl.css'
import type { Feature, FeatureCollection, Point } from 'geojson'
import type { Area, City } from '@banyan/live/protocol'
import { CellOutlines } from './celloutlines.ts'
import { CellShading, resolutionFor } from './cellshading.ts'
import { Covers } from './covers.ts'
import { drawIcon, ICONS, iconsFor } from './icons.ts'
import { FONT } from './levels.ts'
import { layerStyles } from './layerstyle.ts'
import { STYLE } from './mapstyle.ts'
import { boundsOf, labelPoints } from './outlines.ts'
import type { Bounds } from './outlines.ts'
import type { Entry } from './queue.ts'
import { getCells } from './server.ts'
import type { View } from './state.ts'
import { nameOf } from './text.ts'
import type { Lang } from './text.ts'

const DIMMED = 0.5
const REFERENCE_REM = 24 // the zoom of the configuration is meant for a screen of 1080 lines
const FRAME_ZOOM_MAX = 11.5 // of one incident: its surroundings stay in sight
const LAYER_ZOOM_MAX = 14
const SETTLE_MS = 200
const DRAWN_WITHIN_MS = 5_000 // a drawing that is not seen to end is taken for done

export interface WallMap {
  show(entries: readonly Entry[]): Promise<number> // resolves to the ms it took until the screen had it
  outlines(areas: FeatureCollection): void
  label(lang: Lang, areas: ReadonlyMap<string, Area>): void
  layers(features: FeatureCollection): void // what is drawn of them
  frame(view: View, extent?: Bounds): void // extent is that of the view of a layer
  dim(on: boolean): void // the new P1 that nobody has acknowledged
  remove(): void
}

const remPx = () => parseFloat(getComputedStyle(document.documentElement).fontSize)

// openMap builds the map into el. It throws where there is no WebGL; fail is called when that is lost later.
export function openMap(el: HTMLElement, city: City, token: string, fail: (why: unknown) => void, ready: () => void): WallMap {
  setWorkerUrl(workerUrl)
  const home = () => ({ center: [city.centre.lon, city.centre.lat] as [number, number], zoom: city.zoom + Math.log2(remPx() / REFERENCE_REM) })
  const map = new GLMap({
    container: el, style: STYLE(remPx()), ...home(), attributionControl: false, dragRotate: false, pitchWithRotate: false,
    touchPitch: false, maxPitch: 0, fadeDuration: 0, localIdeographFontFamily: FONT, renderWorldCopies: false, keyboard: false,
    minZoom: 5, maxZoom: 17, trackResize: true,
  })
  const outlines = () => new CellOutlines((cells) => getCells(token, cells))
  return new Shown(map, home, new CellShading(outlines()), new Covers(outlines()), fail, ready)
}

class Shown implements WallMap {
  private loaded = false
  private entries: readonly Entry[] = []
  private areas: FeatureCollection | undefined
  private lang: Lang = 'zh'
  private names: ReadonlyMap<string, Area> = new Map()
  private drawnLayers: FeatureCollection | undefined
  private view: View = 'city'
  private extent: Bounds | undefined
  private rem = remPx()
  private settling: ReturnType<typeof setTimeout> | undefined
  private framed = ''

  constructor(
    private readonly map: GLMap,
    private readonly home: () => { center: [number, number]; zoom: number },
    private readonly cells: CellShading,
    private readonly covers: Covers,
    fail: (why: unknown) => void,
    ready: () => void,
  ) {
    map.on('error', (e) => console.warn('map: ' + e.error.message))
    map.getCanvas().addEventListener('webglcontextlost', () => fail('WebGL was lost'), { once: true })
    map.on('load', () => {
      this.loaded = true
      this.icons()
      this.drawAreas()
      if (this.drawnLayers) this.layers(this.drawnLayers)
      this.draw()
      this.aim()
      ready()
    })
    map.on('moveend', () => void this.shade())
    map.on('resize', () => this.resized())
  }

  remove(): void {
    clearTimeout(this.settling)
    this.map.remove()
  }

  show(entries: readonly Entry[]): Promise<number> {
    this.entries = entries
    if (!this.loaded) return Promise.resolve(0)
    const from = performance.now()
    this.draw()
    if (this.view === 'urgent') this.aim()
    return new Promise((done) => {
      const end = () => {
        clearTimeout(giveUp)
        this.map.off('idle', end)
        done(performance.now() - from)
      }
      const giveUp = setTimeout(end, DRAWN_WITHIN_MS)
      this.map.on('idle', end)
    })
  }

  outlines(areas: FeatureCollection): void {
    this.areas = areas
    this.drawAreas()
  }

  label(lang: Lang, areas: ReadonlyMap<string, Area>): void {
    this.lang = lang
    this.names = areas
    this.drawAreas()
  }

  layers(features: FeatureCollection): void {
    this.drawnLayers = features
    if (this.loaded) this.source('layers')?.setData(features)
  }

  frame(view: View, extent?: Bounds): void {
    this.view = view
    this.extent = extent
    this.framed = ''
    if (this.loaded) this.aim()
  }

  dim(on: boolean): void {
    if (this.loaded) this.map.setPaintProperty('alarms', 'icon-opacity', on ? DIMMED : 1)
  }

  private source(id: string): GeoJSONSource | undefined {
    return this.map.getSource(id)
  }

  private draw(): void {
    const features: Feature<Point>[] = []
    const icons = iconsFor(this.entries)
    for (const [n, e] of this.entries.entries()) {
      const at = e.incident.location
      if (!at) continue
      const alarm = e.incident.priority === 'P1' && e.unacknowledged
      features.push({
        type: 'Feature',
        geometry: { type: 'Point', coordinates: [at.lon, at.lat] },
        properties: { icon: icons[n], order: -e.rank, alarm },
      })
    }
    this.source('incidents')?.setData({ type: 'FeatureCollection', features })
    void this.shade()
    void this.cover()
  }

  private async cover(): Promise<void> {
    const shapes = await this.covers.draw(this.entries.map((e) => e.incident), this.areas)
    if (!shapes) return
    this.source('covers')?.setData(shapes)
    this.map.getContainer().dataset.covers = String(shapes.features.length)
  }

  private async shade(): Promise<void> {
    if (!this.loaded) return
    const lat = this.map.getCenter().lat
    const metresPerPx = (78_271.5 * Math.cos((lat * Math.PI) / 180)) / 2 ** this.map.getZoom()
    const shaded = await this.cells.shade(this.entries.map((e) => e.incident), resolutionFor(metresPerPx, this.rem))
    if (shaded) this.source('cells')?.setData(shaded)
  }

  private drawAreas(): void {
    if (!this.loaded || !this.areas) return
    this.source('areas')?.setData(this.areas)
    void this.cover()
    const named = (code: string, fallback: { name?: string; name_en?: string }) => {
      const a = this.names.get(code)
      return nameOf(a ?? { name: fallback.name ?? code, ...(fallback.name_en ? { name_en: fallback.name_en } : {}) }, this.lang)
    }
    this.source('labels')?.setData(labelPoints(this.areas, named))
  }

  // aim frames what the view asks for, without an animation: the map moves only when it means something.
  private aim(): void {
    if (this.view === 'city') {
      this.map.jumpTo(this.home())
      return
    }
    if (this.view !== 'urgent') {
      if (this.extent) this.map.fitBounds(this.extent as LngLatBoundsLike, { padding: 2 * this.rem, maxZoom: LAYER_ZOOM_MAX, animate: false })
      return
    }
    const urgent = this.entries.filter((e) => e.incident.priority === 'P1' && e.unacknowledged)
    const bounds = boundsOf(urgent.flatMap((e) => (e.incident.location ? [[e.incident.location.lon, e.incident.location.lat] as const] : [])))
    const key = String(bounds)
    if (!bounds || key === this.framed) return
    this.framed = key
    this.map.fitBounds(bounds as LngLatBoundsLike, { padding: 4 * this.rem, maxZoom: FRAME_ZOOM_MAX, animate: false })
  }

  private icons(): void {
    const ratio = devicePixelRatio
    for (const icon of ICONS) {
      const image = drawIcon(icon, this.rem * ratio)
      if (this.map.hasImage(icon.name)) this.map.removeImage(icon.name)
      this.map.addImage(icon.name, image, { pixelRatio: ratio })
    }
  }

  // measureLayers gives lines and points the widths of the present rem.
  private measureLayers(): void {
    for (const l of layerStyles(this.rem)) {
      if (l.type === 'line') this.map.setPaintProperty(l.id, 'line-width', l.paint?.['line-width'])
      if (l.type === 'circle') this.map.setPaintProperty(l.id, 'circle-radius', l.paint?.['circle-radius'])
    }
  }

  // resized redraws what is measured in rem once the size has settled.
  private resized(): void {
    clearTimeout(this.settling)
    this.settling = setTimeout(() => {
      if (!this.loaded) return
      if (this.rem !== remPx()) {
        this.rem = remPx()
        this.icons()
        this.map.setLayoutProperty('labels', 'text-size', this.rem)
        this.measureLayers()
      }
      this.framed = ''
      this.aim()
    }, SETTLE_MS)
  }
}
