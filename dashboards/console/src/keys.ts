// What a key press means. With a Chinese input method switched on, a letter comes as "Process" and only its place
// on the keyboard is known; the place is used then, so that no officer has to switch the method off first.

export interface Press {
  key: string
  code: string
  ctrlKey: boolean
  metaKey: boolean
  altKey: boolean
  shiftKey: boolean
  isComposing: boolean
}

const NAMED: Record<string, string> = {
  ArrowUp: 'up', ArrowDown: 'down', ArrowLeft: 'left', ArrowRight: 'right', Enter: 'enter', Escape: 'escape', Home: 'home', End: 'end',
  '/': '/', '、': '/', '?': '?', '？': '?', '[': '[', '【': '[', ']': ']', '】': ']', '+': '+', '=': '+', '-': '-', '－': '-',
}
const BY_PLACE: Record<string, readonly [plain: string, shifted: string]> = {
  Slash: ['/', '?'], BracketLeft: ['[', '['], BracketRight: [']', ']'], Equal: ['+', '+'], Minus: ['-', '-'],
}

// nameOf returns the name of a press: a small letter, a digit, 'up', '/', with 'shift+' before a letter that was
// shifted; '' for what means nothing here.
export function nameOf(p: Press): string {
  if (p.ctrlKey || p.metaKey || p.altKey) return ''
  const named = NAMED[p.key]
  if (named) return named
  if (/^[a-z]$/i.test(p.key)) return shifted(p, p.key.toLowerCase())
  if (/^[0-9]$/.test(p.key)) return p.key
  if (p.key !== 'Process' && p.key !== 'Unidentified' && !p.isComposing) return ''
  const place = BY_PLACE[p.code]
  if (place) return place[p.shiftKey ? 1 : 0]
  const letter = /^Key([A-Z])$/.exec(p.code)?.[1]
  if (letter) return shifted(p, letter.toLowerCase())
  return /^Digit([0-9])$/.exec(p.code)?.[1] ?? ''
}

const shifted = (p: Press, letter: string) => (p.shiftKey ? 'shift+' + letter : letter)

// shown is the key as it stands beside a button.
export function shown(name: string): string {
  if (name.startsWith('shift+')) return '⇧' + name.slice(6).toUpperCase()
  return { up: '↑', down: '↓', left: '←', right: '→', enter: '⏎', escape: 'Esc' }[name] ?? name.toUpperCase()
}
