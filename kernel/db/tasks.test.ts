/** Views of tasks, and the rows that briefs are made of. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { taskViewSchema } from '../contract/job.ts'
import { changesOf, storedJob, storedTask, storedWorker } from './actor-store.samples.ts'
import type { BatchChanges } from './actor-store.ts'
import { createActorStore } from './actors.ts'
import { listTasks, listTasksByJob, readFleetSlots, readTask, readTaskForBrief } from './tasks.ts'
import { describeOnDatabases, emptyTables } from './test-database.ts'

const result = (kind: string, key: string) => ({
  kind,
  object: { key, sizeBytes: 10, sha256: 'a'.repeat(64) },
  frames: 250,
  durationSeconds: 10,
  encodeMs: 1000,
})

describeOnDatabases('tasks', (db) => {
  const write = (changes: Partial<BatchChanges>) =>
    createActorStore(db()).transaction((tx) => tx.write(changesOf(changes)))
  beforeEach(() => emptyTables(db()))

  test('listTasks() answers the tasks of a job in the order of their work', async () => {
    await write({
      jobs: [storedJob('j1'), storedJob('j2')],
      tasks: [
        storedTask('v', { kind: 'verify' }),
        storedTask('s', { kind: 'stitch' }),
        storedTask('e1', { index: 1 }),
        storedTask('e0', { index: 0 }),
        storedTask('a', { kind: 'audio' }),
        storedTask('p', { kind: 'probe' }),
        storedTask('x', { jobId: 'j2' }),
      ],
    })
    assert.deepEqual((await listTasks(db(), 'j1')).map(({ id }) => id), [
      'p',
      'e0',
      'e1',
      'a',
      's',
      'v',
    ])
    assert.deepEqual(await listTasks(db(), 'nothing'), [])
  })

  test('listTasksByJob() answers the tasks of several jobs, each in order, and nothing for no jobs', async () => {
    await write({
      jobs: [storedJob('j1'), storedJob('j2'), storedJob('j3')],
      tasks: [
        storedTask('e1', { index: 1 }),
        storedTask('x', { jobId: 'j2' }),
        storedTask('e0', { index: 0 }),
        storedTask('y', { jobId: 'j3' }),
      ],
    })
    const byJob = await listTasksByJob(db(), ['j1', 'j2', 'nothing'])
    assert.deepEqual(byJob.get('j1'), await listTasks(db(), 'j1'))
    assert.deepEqual([...byJob.keys()].sort(), ['j1', 'j2'])
    assert.deepEqual(await listTasksByJob(db(), []), new Map())
  })

  test('readTask() answers the view of a task, running and completed', async () => {
    const running = { status: 'running', workerId: 'w1', leaseToken: 'tok', attempt: 1 } as const
    await write({ jobs: [storedJob('j1')], tasks: [storedTask('t1', running)] })
    await createActorStore(db()).renewLeases('w1', [{
      taskId: 't1',
      leaseToken: 'tok',
      fraction: 0.4567,
      fps: 30,
      speed: 1.25,
    }], 1000)
    const task = await readTask(db(), 't1')
    assert.deepEqual(taskViewSchema.parse(task), task)
    assert.deepEqual([
      task?.progress_pct,
      task?.fps,
      task?.speed,
      task?.assigned_worker_id,
      task?.attempt_count,
    ], [45.7, 30, 1.25, 'w1', 1])
    await write({
      tasks: [
        storedTask('t1', { status: 'completed', outputKey: 'k', outputSizeBytes: 3_000_000_000 }),
      ],
    })
    const done = await readTask(db(), 't1')
    assert.deepEqual([done?.progress_pct, done?.output_key, done?.output_size_bytes], [
      100,
      'k',
      3_000_000_000,
    ])
    assert.equal(await readTask(db(), 'nothing'), undefined)
  })

  test('readTaskForBrief() answers tasks in the order asked for, their jobs, and no results for a chunk', async () => {
    await write({
      jobs: [storedJob('j1', { sourceUrl: 'https://me:secret@x/' })],
      tasks: [
        storedTask('t1', { attempt: 2, leaseToken: 'tok', status: 'running' }),
        storedTask('t2', { index: 1 }),
      ],
    })
    const rows = await readTaskForBrief(db(), ['t2', 'nothing', 't1'])
    assert.deepEqual(rows.tasks.map(({ id }) => id), ['t2', 't1'])
    assert.deepEqual(rows.tasks[1], {
      id: 't1',
      jobId: 'j1',
      kind: 'encode',
      index: 0,
      params: { kind: 'encode' },
      attempt: 2,
      leaseToken: 'tok',
    })
    assert.deepEqual(rows.jobs.get('j1'), {
      id: 'j1',
      profile: { name: '1080p_h264' },
      sourceType: 'url',
      sourceUrl: 'https://me:secret@x/',
      plan: null,
      correlationId: 'req-1',
    })
    assert.equal(rows.results.size, 0)
    assert.equal(rows.fleetSlots, 1)
  })

  test('readTaskForBrief() answers the results that a stitch joins, in order, completed ones only', async () => {
    const completed = (id: string, kind: string, index: number) =>
      storedTask(id, { kind, index, status: 'completed', result: result(kind, id) })
    await write({
      jobs: [storedJob('j1')],
      tasks: [
        storedTask('s', { kind: 'stitch' }),
        completed('e10', 'encode', 10),
        completed('e2', 'encode', 2),
        completed('a', 'audio', 0),
        completed('p', 'probe', 0),
        storedTask('e3', { index: 3, status: 'waiting' }),
      ],
    })
    const rows = await readTaskForBrief(db(), ['s'])
    const results = rows.results.get('j1') ?? []
    assert.deepEqual(results.map(({ taskId }) => taskId), ['a', 'e2', 'e10'])
    assert.deepEqual(results[1], {
      taskId: 'e2',
      jobId: 'j1',
      kind: 'encode',
      index: 2,
      params: { kind: 'encode' },
      result: result('encode', 'e2'),
    })
  })

  test('readFleetSlots() adds the slots of workers that may get work', async () => {
    assert.equal(await readFleetSlots(db()), 1)
    await write({
      workers: [
        storedWorker('w1', { capabilities: { slots: 3 } }),
        storedWorker('w2', { capabilities: { slots: 4 }, status: 'degraded' }),
        storedWorker('w3', { capabilities: { slots: 5 }, status: 'draining' }),
        storedWorker('w4', { capabilities: { slots: 6 }, status: 'offline' }),
      ],
    })
    assert.equal(await readFleetSlots(db()), 7)
  })
})
