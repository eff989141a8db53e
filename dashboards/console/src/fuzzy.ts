// Fuzzy search of the command bar: every character of what was typed must come in a candidate, in that order.

// score says how well typed fits text: 0 not at all, more is better. Whole words, beginnings and runs count more.
export function score(typed: string, text: string): number {
  const q = typed.toLowerCase().replace(/\s+/g, '')
  const t = text.toLowerCase()
  if (q === '') return 1
  const whole = t.indexOf(q)
  if (whole >= 0) return 1_000 - Math.min(whole, 99) + (whole === 0 || !isWord(t[whole - 1]) ? 200 : 0) + (q.length === t.length ? 300 : 0)
  let from = 0
  let sum = 0
  let last = -2
  for (const c of q) {
    const at = t.indexOf(c, from)
    if (at < 0) return 0
    sum += at === last + 1 ? 12 : at === 0 || !isWord(t[at - 1]) ? 9 : 2
    last = at
    from = at + 1
  }
  return sum
}

const isWord = (c: string | undefined) => c !== undefined && /[\p{L}\p{N}]/u.test(c)

// best returns the candidates that fit, best first, at most limit; those that fit equally keep their order.
export function best<T>(typed: string, all: readonly T[], texts: (t: T) => readonly string[], limit: number): T[] {
  const scored: { t: T; s: number; n: number }[] = []
  for (const [n, t] of all.entries()) {
    const s = Math.max(0, ...texts(t).map((x) => score(typed, x)))
    if (s > 0) scored.push({ t, s, n })
  }
  return scored.sort((a, b) => b.s - a.s || a.n - b.n).slice(0, limit).map((x) => x.t)
}
