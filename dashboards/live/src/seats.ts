// Seats as events change them. A shift change makes no event: who follows seats asks for them again then.

import type { LiveEvent, Seat } from './protocol.ts'

// seatsAfter returns the seats after e, the same list where nothing changed.
export function seatsAfter(seats: readonly Seat[], e: LiveEvent): readonly Seat[] {
  if (!e.seat) return seats
  const at = seats.findIndex((s) => s.id === e.seat)
  const seat = seats[at]
  const next = seat && seatAfter(seat, e)
  return next && next !== seat ? seats.with(at, next) : seats
}

function seatAfter(s: Seat, e: LiveEvent): Seat {
  const { handover_id: _, ...rest } = s
  const holder = e.sign_on?.officer
  switch (e.type) {
    case 'seat.signed_on':
      return { ...rest, presence: 'present', on_duty: true, ...(holder ? { holder } : {}) }
    case 'handover.confirmed':
      return { ...rest, presence: 'present', on_duty: true, ...(e.handover?.to ? { holder: e.handover.to } : {}) }
    case 'seat.found':
      return { ...s, presence: 'present', on_duty: true }
    case 'seat.lost':
      return { ...s, presence: 'lost', on_duty: false }
    case 'seat.signed_off':
      return { ...rest, presence: 'absent' } // whether the roster names another one is for the server to say
    case 'seat.maintenance': {
      // Who is on duty afterwards is for the server to say.
      const { maintenance: _was, ...plain } = s
      return e.maintenance ? { ...s, maintenance: e.maintenance, on_duty: false } : plain
    }
    case 'handover.opened':
      return e.handover ? { ...rest, handover_id: e.handover.id } : s
  }
  return s
}
