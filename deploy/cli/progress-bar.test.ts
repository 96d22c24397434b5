import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JobView } from '../../kernel/contract/job.ts'
import { lineFrom } from './progress-bar.ts'

const job = {
  progress_pct: 50,
  phase: 'encoding',
  tasks_completed: 3,
  tasks_total: 9,
  eta_seconds: 12,
  finished_at: null,
}

test('lineFrom() shows bar, percent, phase, tasks and the time left', () => {
  const line = `[${'#'.repeat(15)}${'-'.repeat(15)}]  50 %  encoding  3/9 tasks  12 s left`
  assert.equal(lineFrom(job as JobView), line)
})

test('lineFrom() leaves the time out when it is not known, or over', () => {
  assert.doesNotMatch(lineFrom({ ...job, eta_seconds: null } as JobView), /left/)
  assert.doesNotMatch(lineFrom({ ...job, finished_at: '2026-01-01T00:00:00Z' } as JobView), /left/)
})
