// Who sits here: the token of a key, for the tab only, or a person's session, which lives in a cookie no script can
// read. What is remembered here are the token and which seat a person chose.

const TOKEN_KEY = 'banyan.console.token'
const SEAT_KEY = 'banyan.console.seat'

// A token is what an HTTP header and a websocket subprotocol can both carry (RFC 9110 section 5.6.2).
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,512}$/

export const isToken = (t: string): boolean => TOKEN.test(t)

export function fragment(name: string, hash = location.hash): string {
  return new URLSearchParams(hash.replace(/^#/, '')).get(name)?.trim() ?? ''
}

// tokenNow takes the token out of the fragment, where it would be seen over a shoulder and kept in the history.
export function tokenNow(): string {
  const t = fragment('token')
  const rest = new URLSearchParams(location.hash.replace(/^#/, ''))
  if (rest.has('token')) {
    rest.delete('token')
    history.replaceState(null, '', location.pathname + (rest.size > 0 ? '#' + rest.toString() : ''))
  }
  if (isToken(t)) keep(TOKEN_KEY, t)
  return isToken(t) ? t : recall(TOKEN_KEY)
}

export const rememberToken = (t: string): void => keep(TOKEN_KEY, t)
export const seatNow = (): string => recall(SEAT_KEY)
export const rememberSeat = (seat: string): void => keep(SEAT_KEY, seat)

const fallback = new Map<string, string>() // storage may be forbidden

function keep(key: string, value: string): void {
  fallback.set(key, value)
  try {
    if (value) sessionStorage.setItem(key, value)
    else sessionStorage.removeItem(key)
  } catch { /* the tab remembers it until it is reloaded */ }
}

function recall(key: string): string {
  try {
    return sessionStorage.getItem(key) ?? fallback.get(key) ?? ''
  } catch {
    return fallback.get(key) ?? ''
  }
}
