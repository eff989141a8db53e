import { isFinalTask } from '@banyan/live/protocol'
import type { Task } from '@banyan/live/protocol'
import { serverNow, text } from './state.ts'
import { duration } from './words.ts'

// Clock runs since an instant.
export const Clock = ({ sinceMs }: { sinceMs: number }) => <time class="clock-figures">{duration(serverNow.value - sinceMs)}</time>

// Deadline counts down to the next thing that happens to a task: while nobody has acknowledged it, a step of the
// ladder; after that, that a leader is told nothing more was heard.
export function Deadline({ task, waiting }: { task: Task | undefined; waiting: boolean }) {
  const t = text.value
  if (!task || isFinalTask(task.state)) return null
  const left = task.deadline ? Date.parse(task.deadline) - serverNow.value : undefined
  if (!waiting) return left === undefined ? null : <><span class="soft">{t.progress}</span> <span class="clock-figures">{duration(left + 999)}</span></>
  return (
    <>
      {task.overdue ? <b class="loud">{t.overdue}</b> : null}
      {left === undefined ? null : left <= 0 ? <b>{t.dueNow}</b> : (
        <><span class="soft">{task.state === 'unstaffed' ? t.retry : t.due}</span> <b class="clock-figures">{duration(left + 999)}</b></>
      )}
    </>
  )
}
