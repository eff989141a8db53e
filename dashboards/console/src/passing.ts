// Passing incidents up 上报 and down 下派 between the levels of the areas. Pure.

import type { Area, AreaLevel, City, Incident } from '@banyan/live/protocol'
import { nameOf } from './text.ts'
import type { Lang } from './text.ts'

export const ASCENDING: readonly AreaLevel[] = ['grid', 'community', 'street', 'district', 'city']

// levelOf is the level that an incident is with: the one it was passed to, or else that of the last of its areas.
export function levelOf(i: Incident, areas: ReadonlyMap<string, Area>): AreaLevel {
  if (i.level) return i.level
  const level = areas.get(i.areas?.at(-1) ?? '')?.level
  return ASCENDING.find((l) => l === level) ?? 'city'
}

// targets are the levels above, or below, that an incident may be passed to, the next one first.
export function targets(p: City['passing'], i: Incident, now: AreaLevel, up: boolean): readonly AreaLevel[] {
  if (!p?.types.includes(i.type)) return []
  const order = up ? ASCENDING : ASCENDING.toReversed()
  return order.slice(order.indexOf(now) + 1).filter((l) => p.levels.includes(l))
}

// placeAt names the area of an incident's path at a level: as the city's areas have it, or as its source told the path,
// from the city down; '' where nobody knows.
export function placeAt(i: Incident, level: AreaLevel, areas: ReadonlyMap<string, Area>, told: readonly unknown[], lang: Lang): string {
  const known = (i.areas ?? []).map((code) => areas.get(code)).find((a) => a?.level === level)
  const said = told[ASCENDING.length - 1 - ASCENDING.indexOf(level)]
  return known ? nameOf(known, lang) : (typeof said === 'string' ? said : '')
}
