import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WorkerView } from '../../kernel/contract/job.ts'
import { isWorkerVerb, tableOf } from './worker.ts'

const now = Date.parse('2026-03-01T12:00:00Z')
const worker: WorkerView = {
  id: 'w1',
  hostname: 'box',
  region: 'local',
  version: '0.1.0',
  status: 'healthy',
  command: 'work',
  capabilities: {},
  encoders: null,
  slots: 4,
  tasks_running: 1,
  cpu_percent: 49.6,
  memory_bytes: 1,
  joined_at: '2026-02-01T12:00:00Z',
  session_started_at: '2026-03-01T09:00:00Z',
  last_heartbeat: '2026-03-01T11:59:57Z',
}

test('tableOf() shows a line for each worker, with what it was told', () => {
  const gone = { status: 'offline', last_heartbeat: '2026-02-26T12:00:00Z' } as const
  const workers: WorkerView[] = [
    worker,
    { ...worker, id: 'encoder-2', status: 'draining', command: 'drain', cpu_percent: null },
    { ...worker, id: 'w3', status: 'draining', command: 'leave' },
    { ...worker, id: 'w4', ...gone },
    { ...worker, id: 'w5', ...gone, command: 'drain' },
  ]
  assert.deepEqual(tableOf(workers, now).split('\n'), [
    'ID         STATE             REGION  TASKS  CPU  VERSION  UP  HEARD OF',
    'w1         healthy           local   1/4    50%  0.1.0    3h  3s ago',
    'encoder-2  draining          local   1/4    -    0.1.0    3h  3s ago',
    'w3         leaving           local   1/4    50%  0.1.0    3h  3s ago',
    'w4         offline           local   1/4    -    0.1.0    -   3d ago',
    'w5         offline, drained  local   1/4    -    0.1.0    -   3d ago',
  ])
})

test('isWorkerVerb() knows the commands for one worker', () => {
  assert.deepEqual(['drain', 'undrain', 'restart', 'remove', 'list', undefined].map(isWorkerVerb), [
    true,
    true,
    true,
    true,
    false,
    false,
  ])
})
