import type { ComponentChildren } from 'preact'
import { actionOf } from './actions.ts'
import { shown } from './keys.ts'

// Key is the key of an action as it stands beside its button.
export function Key({ name }: { name: string }) {
  return name ? <kbd aria-hidden="true">{shown(name)}</kbd> : null
}

// Act is the button of an action. One that is not possible now stays where it is, so that the others keep their places.
export function Act({ id, hide = false, strong = false, label }: { id: string; hide?: boolean; strong?: boolean; label?: ComponentChildren }) {
  const a = actionOf(id)
  const possible = a.possible()
  if (hide && !possible) return null
  return (
    <button type="button" class={'act' + (strong && possible ? ' strong' : '')} disabled={!possible} data-act={id} aria-label={label === '' ? a.label() : undefined} title={label === '' ? a.label() : undefined} aria-keyshortcuts={a.key.replace('shift+', 'Shift+')}
      onClick={(e) => {
        e.currentTarget.blur() // so that the next key is one of the page again
        a.run()
      }}>
      <Key name={a.key} />{label ?? a.label()}
    </button>
  )
}
