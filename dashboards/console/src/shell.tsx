import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'

// Shell is what lies over the page: a dialog that keeps the keys, ends with Escape, and gives the focus back.
export function Shell({ label, name, wide = false, onClose, children }: { label: string; name: string; wide?: boolean; onClose: () => void; children: ComponentChildren }) {
  const place = useRef<HTMLDialogElement>(null)
  // Before the next key comes: it may be the first letter of what is typed.
  useLayoutEffect(() => {
    const d = place.current
    if (!d) return
    d.showModal()
    const first = d.querySelector<HTMLElement>('[data-first]')
    first?.focus()
    if (first instanceof HTMLTextAreaElement) first.setSelectionRange(first.value.length, first.value.length)
    return () => d.close()
  }, [])
  return (
    <dialog ref={place} class={wide ? 'shell wide' : 'shell'} aria-label={label} data-shell={name} onCancel={(e) => { e.preventDefault(); onClose() }}
      onClick={(e) => { if (e.target === place.current) onClose() }}>
      <div class="shell-in">{children}</div>
    </dialog>
  )
}
