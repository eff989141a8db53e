// Who is on duty, department by department.

import type { City, Incident, Named, Seat } from '@banyan/live/protocol'

export interface Presence extends Named {
  id: string
  onDuty: number // duty seats somebody holds now
  seats: number // duty seats
}

// The command centre itself is in every city's configuration and is none of the joined departments.
const CENTRE = 'centre'

// ofCentre are the open incidents that the centre itself leads: an objective that is missed, a source that is silent.
export const ofCentre = (incidents: Iterable<Incident>): Incident[] =>
  [...incidents].filter((i) => i.tasks.findLast((t) => t.role === 'lead')?.department === CENTRE).sort((a, b) => Date.parse(a.opened_at) - Date.parse(b.opened_at))

export function presence(departments: City['departments'], seats: readonly Seat[]): Presence[] {
  const by = new Map<string, { onDuty: number; seats: number }>()
  for (const s of seats) {
    if (s.role !== 'duty') continue
    const d = by.get(s.department) ?? { onDuty: 0, seats: 0 }
    by.set(s.department, { onDuty: d.onDuty + (s.on_duty ? 1 : 0), seats: d.seats + 1 })
  }
  return departments
    .filter((d) => d.id !== CENTRE && d.joined !== false)
    .map((d) => ({ ...d, ...(by.get(d.id) ?? { onDuty: 0, seats: 0 }) }))
}
