import { describe, expect, it } from 'vitest'
import type { Incident, Task } from '@banyan/live/protocol'
import { ofCentre } from './duty.ts'

const task = (department: string, role: Task['role']): Task => ({ id: department, incident_id: 'i', department, role, state: 'assigned', priority: 'P3', assigned_at: '2026-11-26T00:00:00Z' })
const incident = (id: string, opened: string, tasks: readonly Task[]): Incident => ({ id, number: id, type: 'x', state: 'open', priority: 'P3', alert_count: 1, tasks, opened_at: opened, seq: 1 })

describe('incidents of the centre', () => {
  it('are those it leads, the oldest first; one it was only asked about is none', () => {
    const all = [incident('b', '2026-11-26T02:00:00Z', [task('centre', 'lead')]), incident('a', '2026-11-26T01:00:00Z', [task('centre', 'lead'), task('fire', 'support')]),
      incident('c', '2026-11-26T00:00:00Z', [task('fire', 'lead'), task('centre', 'support')]), incident('d', '2026-11-26T00:00:00Z', [])]
    expect(ofCentre(all).map((i) => i.id)).toEqual(['a', 'b'])
  })
})
