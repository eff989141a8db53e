// What stands near an incident, as the city's registers have it. Pure.

export interface NearEntry {
  id: string
  name: string
  location: { lon: number; lat: number }
  distance_m: number
  attributes?: Readonly<Record<string, string>>
}

export interface Near {
  register: string
  entries: readonly NearEntry[]
}

export const CAMERAS = 'cameras'
const HAZARDS = 'hazards'
const MAX_REGISTERS = 8 // asked for one incident
const FOLLOWED = /^(https?|rtsps?|rtmps?|wss?):\/\/[^\s]+$/i // addresses that a link may lead to

// inOrder is which registers are asked: hazards, cameras, then the others.
export const inOrder = (ids: readonly string[]): readonly string[] => {
  const rank = (id: string) => (id === HAZARDS ? 0 : id === CAMERAS ? 1 : 2)
  return [...ids].sort((a, b) => rank(a) - rank(b)).slice(0, MAX_REGISTERS)
}

// hazardsIn are the listed hazards among what is near.
export const hazardsIn = (all: readonly Near[]): readonly NearEntry[] => all.find((n) => n.register === HAZARDS)?.entries ?? []

// isOverdue reports whether the last day of an entry's deadline is over on a day of the city, both YYYY-MM-DD.
export const isOverdue = (e: NearEntry, today: string): boolean => /^\d{4}-\d\d-\d\d$/.test(e.attributes?.deadline ?? '') && (e.attributes?.deadline ?? '') < today

// linkOf is where an attribute leads, '' where it is no address that a page may lead to.
export const linkOf = (value: string): string => (FOLLOWED.test(value) ? value : '')
