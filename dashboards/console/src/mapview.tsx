import { computed, signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { FeatureCollection } from 'geojson'
import type { Incident, Priority } from '@banyan/live/protocol'
import { CellOutlines, INK, labelPoints, LEVELS, shapesOf, WARNING_COLOURS } from './levels.ts'
import { barOf, FIRST_WIDTH, frameOf, pathOf, project, WIDTHS_KM, within } from './map.ts'
import type { Frame } from './map.ts'
import { getCells, getOutlines } from './server.ts'
import { areas, city, lang, store, text, who } from './state.ts'
import { named, nameOf } from './text.ts'
import { areaName } from './words.ts'

const SIZE = { width: 360, height: 190 }
const MAX_NEARBY = 200 // other incidents drawn
const MARK = { here: 30, other: 13 }

const width = signal(FIRST_WIDTH)
const outlines = signal<FeatureCollection | undefined>(undefined)
const problem = signal('')
let asked = 0

export function zoom(n: number): void {
  width.value = Math.min(Math.max(width.peek() - n, 0), WIDTHS_KM.length - 1)
}

function read(configs: number): void {
  if (asked === configs + 1) return
  asked = configs + 1
  getOutlines(who.peek()).then((o) => {
    outlines.value = o
    problem.value = ''
  }, (e: unknown) => {
    asked = 0 // the next incident shown asks again
    problem.value = e instanceof Error ? e.message : String(e)
  })
}

const cells = new CellOutlines((list) => getCells(who.peek(), list))
const cover = signal<{ incident: string; shapes: FeatureCollection } | undefined>(undefined)

// readCover makes the shapes of what the warning shown is about.
async function readCover(i: Incident): Promise<void> {
  const show = () => (cover.value = { incident: i.id, shapes: shapesOf([i], (c) => cells.of(c), outlines.peek()) })
  if (!i.cover) return void (cover.value = undefined)
  if (cover.peek()?.incident !== i.id) show()
  if (await cells.ask(i.cover.cells ?? []) && cover.peek()?.incident === i.id) show()
}

const labels = computed(() => outlines.value && labelPoints(outlines.value, (code, p) => {
  const a = areas.value.get(code)
  return nameOf(a ?? named(p.name ?? code, p.name_en), lang.value)
}))

// MapView is a small map: the place, outlines of districts, and the other open incidents around.
export function MapView({ incident: i }: { incident: Incident }) {
  const t = text.value
  const at = i.location
  useEffect(() => read(store.value.configs), [i.id, store.value.configs])
  useEffect(() => void readCover(i), [i.id, i.cover, outlines.value])
  const shapes = cover.value?.incident === i.id ? cover.value.shapes : undefined
  const about = shapes && frameOf(shapes, SIZE) // a warning is framed as a whole
  if (!at && !about) return <section class="panel"><h2>{t.place}</h2><p class="soft">{t.noPlace}</p></section>
  const chosen = WIDTHS_KM[width.value] ?? WIDTHS_KM[FIRST_WIDTH]
  const f: Frame = about ? { ...about, widthKm: (about.widthKm * chosen) / WIDTHS_KM[FIRST_WIDTH] } : { ...SIZE, lon: at?.lon ?? 0, lat: at?.lat ?? 0, widthKm: chosen }
  const km = f.widthKm
  const here = at && project(f, at.lon, at.lat)
  const bar = barOf(km)
  return (
    <section class="panel map" aria-label={t.map}>
      <svg viewBox={`0 0 ${f.width} ${f.height}`} role="img" aria-label={`${t.map} ${f.lon.toFixed(4)}, ${f.lat.toFixed(4)}`}>
        {outlines.value ? <path class="land" d={pathOf(f, outlines.value)} fill-rule="evenodd" /> : null}
        {shapes && shapes.features.length > 0 ? <path class="cover" data-cover={shapes.features.length} d={pathOf(f, shapes)} fill={i.warning_level ? WARNING_COLOURS[i.warning_level] : undefined} /> : null}
        {labels.value?.features.map((l) => {
          const p = project(f, l.geometry.coordinates[0] ?? 0, l.geometry.coordinates[1] ?? 0)
          return within(f, p, -20) ? <text key={l.properties?.name} x={p[0]} y={p[1]} class="map-label">{l.properties?.name}</text> : null
        })}
        <Nearby frame={f} not={i.id} />
        {here && at?.accuracy_m ? <circle class="accuracy" cx={here[0]} cy={here[1]} r={(at.accuracy_m / 1000) * (f.width / km)} /> : null}
        {here ? <Mark x={here[0]} y={here[1]} size={MARK.here} priority={i.priority} filled /> : null}
        <path class="bar" d={`M10 ${f.height - 10}v-5m0 5h${(bar * f.width) / km}v-5`} />
        <text class="bar-text" x={14} y={f.height - 16}>{bar} {t.kmUnit}</text>
      </svg>
      <div class="map-do">
        <span class="soft">{shapes?.features.length ? t.coverOf(i.cover?.areas?.map(areaName) ?? []) : at ? `${at.lon.toFixed(4)}, ${at.lat.toFixed(4)}` : ''}{at?.accuracy_m ? ' · ' + t.accuracy(at.accuracy_m) : ''}</span>
        <span class="grow" />
        <button type="button" aria-label={t.zoomIn} onClick={() => zoom(1)}>＋</button>
        <button type="button" aria-label={t.zoomOut} onClick={() => zoom(-1)}>－</button>
      </div>
      {problem.value ? <p class="soft" role="status">{t.mapFailed}：{problem.value}</p> : outlines.value || !city.value ? null : <p class="soft">{t.mapLoading}</p>}
    </section>
  )
}

function Nearby({ frame: f, not }: { frame: Frame; not: string }) {
  const marks: { id: string; p: readonly [number, number]; priority: Priority; filled: boolean }[] = []
  for (const i of store.value.incidents.values()) {
    if (i.id === not || !i.location || i.state === 'suspended') continue
    const p = project(f, i.location.lon, i.location.lat)
    if (within(f, p)) marks.push({ id: i.id, p, priority: i.priority, filled: i.tasks.some((t) => t.state === 'assigned' || t.state === 'unstaffed') })
    if (marks.length >= MAX_NEARBY) break
  }
  return <>{marks.map((m) => <Mark key={m.id} x={m.p[0]} y={m.p[1]} size={MARK.other} priority={m.priority} filled={m.filled} plain />)}</>
}

function Mark({ x, y, size, priority, filled, plain = false }: { x: number; y: number; size: number; priority: Priority; filled: boolean; plain?: boolean }) {
  const l = LEVELS[priority]
  return (
    <g transform={`translate(${x - size / 2} ${y - size / 2}) scale(${size / 100})`}>
      <path d={l.path} fill={filled ? l.colour : INK} stroke={plain ? l.colour : INK} stroke-width={plain ? 14 : 8} />
      {plain ? null : <text x={50} y={l.textY} fill={INK} text-anchor="middle" dominant-baseline="central" font-size={45} font-weight={800}>{priority}</text>}
    </g>
  )
}
