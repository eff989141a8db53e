import type { Priority } from '@banyan/live/protocol'
import { INK, LEVELS } from './levels.ts'

// Shape is the mark of a level: filled while somebody must acknowledge, outlined once they have.
export function Shape(p: { priority: Priority; filled: boolean; plain?: boolean }) {
  const l = LEVELS[p.priority]
  return (
    <svg class="shape" viewBox="-11 -11 122 122" role="img" aria-label={p.priority}>
      <path d={l.path} fill={p.filled ? l.colour : INK} stroke={l.colour} stroke-width={8} stroke-linejoin="round" />
      {p.plain ? null : (
        <text x={50} y={l.textY} fill={p.filled ? INK : l.colour} text-anchor="middle" dominant-baseline="central"
          font-size={45} font-weight={800} letter-spacing={-2}>{p.priority}</text>
      )}
    </svg>
  )
}
