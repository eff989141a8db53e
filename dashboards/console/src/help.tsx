import { ACTIONS } from './actions.ts'
import { Key } from './button.tsx'
import { helping } from './forms.ts'
import { Shell } from './shell.tsx'
import { text } from './state.ts'

export function Help() {
  const t = text.value
  const moves: [string[], string][] = [
    [['up', 'down', 'j', 'k'], t.move], [['[', ']'], t.chooseTask], [['left', 'right', 'enter'], t.expand], [['+', '-'], t.zoom], [['escape'], t.close],
  ]
  return (
    <Shell label={t.help} name="help" wide onClose={() => (helping.value = false)}>
      <h2>{t.help}</h2>
      <dl class="keys">
        {moves.map(([keys, what]) => <div key={what}><dt>{keys.map((k) => <Key key={k} name={k} />)}</dt><dd>{what}</dd></div>)}
        {ACTIONS.filter((a) => a.key).map((a) => <div key={a.id}><dt><Key name={a.key} /></dt><dd>{a.label()}</dd></div>)}
      </dl>
      <p class="soft">{t.imeHint}</p>
      <button type="button" class="act" data-first onClick={() => (helping.value = false)}><kbd aria-hidden="true">Esc</kbd>{t.close}</button>
    </Shell>
  )
}
