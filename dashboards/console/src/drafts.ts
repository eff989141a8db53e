// Drafts: what somebody has typed and the server has not confirmed. They lie in localStorage, so that no reload,
// dropped link, log-out or crash takes them away, and go only when an event has confirmed them or their writer
// empties them.

const PREFIX = 'banyan.console.draft.'
export const MAX_DRAFT_CHARS = 8_192 // of one field; the server takes 8 KiB
export const KEPT_MS = 30 * 24 * 3_600_000

interface Kept {
  text: string
  at: number // ms since the epoch, of the last change
}

export type DraftStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>

// Drafts of one desk. Where the storage refuses, what is typed stays in memory and onTrouble is told.
export class Drafts {
  private readonly memory = new Map<string, string>()

  constructor(
    private readonly storage: DraftStorage | undefined,
    private readonly onTrouble: (why: string) => void,
    private readonly now: () => number = Date.now,
  ) {}

  // keyOf names a field: whose desk, of which incident or seat, which field.
  static keyOf(desk: string, about: string, field: string): string {
    return [desk, about, field].map(encodeURIComponent).join('/')
  }

  read(key: string): string {
    const here = this.memory.get(key)
    if (here !== undefined) return here
    return this.stored(key)?.text ?? ''
  }

  // write keeps text as it is; an empty one forgets the draft.
  write(key: string, text: string): void {
    this.memory.set(key, text)
    try {
      if (text === '') this.storage?.removeItem(PREFIX + key)
      else this.storage?.setItem(PREFIX + key, JSON.stringify({ text, at: this.now() } satisfies Kept))
      if (!this.storage && text !== '') this.onTrouble('no storage')
    } catch (e) {
      this.onTrouble(String(e))
    }
  }

  // confirmed forgets a draft the server has, unless it was changed since it was sent.
  confirmed(key: string, sent: string): void {
    if (this.read(key).trim() === sent.trim()) this.write(key, '')
  }

  // about lists the fields with drafts of one desk: about → fields.
  about(desk: string): Map<string, string[]> {
    const found = new Map<string, string[]>()
    for (const key of this.keys()) {
      const [d, about, field] = key.split('/').map(decodeURIComponent)
      if (d !== desk || !about || !field || this.read(key) === '') continue
      found.set(about, [...(found.get(about) ?? []), field])
    }
    return found
  }

  // tidy drops drafts nobody has touched for KEPT_MS.
  tidy(): void {
    for (const key of this.keys()) {
      const kept = this.stored(key)
      if (!kept || this.now() - kept.at > KEPT_MS) this.write(key, '')
    }
  }

  private keys(): string[] {
    const keys = new Set(this.memory.keys())
    try {
      for (let n = 0; n < (this.storage?.length ?? 0); n++) {
        const name = this.storage?.key(n)
        if (name?.startsWith(PREFIX)) keys.add(name.slice(PREFIX.length))
      }
    } catch { /* what is in memory is all there is */ }
    return [...keys]
  }

  private stored(key: string): Kept | undefined {
    try {
      const kept: unknown = JSON.parse(this.storage?.getItem(PREFIX + key) ?? 'null')
      if (kept && typeof kept === 'object' && 'text' in kept && 'at' in kept) return kept as Kept
    } catch { /* not ours, or no storage */ }
    return undefined
  }
}
