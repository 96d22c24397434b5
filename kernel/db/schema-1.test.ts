/** A program of schema 1 on the newest schema: it writes and claims as before, and programs of today read what it wrote. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import {
  changesOf,
  storedActor,
  storedJob,
  storedTask,
  storedWorker,
} from './actor-store.samples.ts'
import type { JobRow, TaskRow } from './actor-store.ts'
import { createActorStore } from './actors.ts'
import type { Reader } from './database.ts'
import { readJob } from './jobs.ts'
import { pickReady, upsertJobs, upsertTasks, upsertWorkers } from './schema-1.fixture.ts'
import { listTasks, readTask } from './tasks.ts'
import { describeOnDatabases, emptyTables } from './test-database.ts'
import { readWorker } from './workers.ts'

describeOnDatabases('a program of schema 1', (db) => {
  beforeEach(() => emptyTables(db()))

  const write = (changes: { readonly jobs?: readonly JobRow[]; tasks?: readonly TaskRow[] }) =>
    db().transaction(async (tx) => {
      if (changes.jobs !== undefined) await tx.query(upsertJobs(changes.jobs))
      if (changes.tasks !== undefined) await tx.query(upsertTasks(changes.tasks))
    })
  const claim = (tx: Reader) =>
    pickReady(tx, { workerId: 'w1', lanes: ['cpu'], region: 'local', limit: 10 })
  const held = { status: 'running', workerId: 'w1', leaseToken: 'tok', attempt: 1 } as const

  test('writes jobs, tasks and workers, and claims', async () => {
    const store = createActorStore(db())
    await write({ jobs: [storedJob('j1')], tasks: [storedTask('t1')] })
    await db().query(upsertWorkers([storedWorker('w1')]))
    await store.transaction((tx) => tx.write(changesOf({ creates: [storedActor('t1')] })))
    assert.deepEqual(await db().transaction(claim), ['t1'])
    await write({ tasks: [storedTask('t1', held)] })
    assert.deepEqual(await store.listWorkerLeases('w1'), [{ taskId: 't1', leaseToken: 'tok' }])
    await write({ tasks: [storedTask('t1', { ...held, leaseToken: null, status: 'completed' })] })
    assert.equal((await readTask(db(), 't1'))?.status, 'completed')
    assert.equal((await readJob(db(), 'j1'))?.deadline, null)
    assert.equal((await readWorker(db(), 'w1'))?.status, 'healthy')
  })

  test('leaves alone what only programs of today know', async () => {
    const store = createActorStore(db())
    const deadline = '2030-01-02T03:04:05.000Z'
    const [job, task] = [storedJob('j1', { deadline }), storedTask('t1', { deadline })]
    await store.transaction((tx) =>
      tx.write(changesOf({ creates: [storedActor('t1')], jobs: [job], tasks: [task] }))
    )
    await write({ jobs: [job], tasks: [storedTask('t1', held)] })
    assert.equal((await readJob(db(), 'j1'))?.deadline, deadline)
    assert.equal((await readTask(db(), 't1'))?.deadline, deadline)
  })

  test('changes a hedge as it changes any task, and leaves alone what it is a hedge of', async () => {
    const store = createActorStore(db())
    const hedge = storedTask('h1', { kind: 'hedge', weight: 0, hedgeOf: 't1' })
    const tasks = [storedTask('t1', held), hedge]
    await store.transaction((tx) =>
      tx.write(changesOf({
        creates: [storedActor('t1'), storedActor('h1')],
        jobs: [storedJob('j1')],
        tasks,
      }))
    )
    await write({ tasks: [{ ...hedge, status: 'cancelled' }] })
    assert.deepEqual((await listTasks(db(), 'j1')).map(({ id, hedged }) => [id, hedged]), [
      ['t1', true],
    ])
  })

  test('writes tasks that are no hedges', async () => {
    await write({ jobs: [storedJob('j1')], tasks: [storedTask('t1')] })
    assert.deepEqual((await listTasks(db(), 'j1')).map(({ id, hedged }) => [id, hedged]), [
      ['t1', false],
    ])
  })

  test('writes tasks that a program of today claims', async () => {
    const store = createActorStore(db())
    await write({ jobs: [storedJob('j1')], tasks: [storedTask('t1'), storedTask('t2')] })
    await store.transaction((tx) =>
      tx.write(changesOf({ creates: [storedActor('t1'), storedActor('t2')] }))
    )
    const request = { workerId: 'w2', lanes: ['cpu'], region: 'local', limit: 10 } as const
    assert.deepEqual(await store.transaction((tx) => tx.pickReady([request])), [['t1', 't2']])
  })
})
