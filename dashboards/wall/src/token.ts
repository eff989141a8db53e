// The key of this wall. It comes in the URL fragment, which browsers keep to themselves, and is remembered for
// the tab only, so that a reload without the fragment still works.

const KEY = 'banyan.wall.token'

// A token is what an HTTP header and a websocket subprotocol can both carry (RFC 9110 section 5.6.2).
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,512}$/

export function tokenIn(fragment: string): string {
  const t = new URLSearchParams(fragment.replace(/^#/, '')).get('token')?.trim() ?? ''
  return isToken(t) ? t : ''
}

export const isToken = (t: string): boolean => TOKEN.test(t)

export function tokenNow(): string {
  const t = tokenIn(location.hash)
  try {
    if (t) sessionStorage.setItem(KEY, t)
    return t || (sessionStorage.getItem(KEY) ?? '')
  } catch {
    return t // storage may be forbidden
  }
}

export function rememberToken(t: string): void {
  history.replaceState(null, '', '#' + new URLSearchParams({ token: t }).toString())
  try {
    sessionStorage.setItem(KEY, t)
  } catch { /* the fragment has it */ }
}
