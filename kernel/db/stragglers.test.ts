/** What the choice of hedges sees, and which hedges are taken back. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { changesOf, storedJob, storedTask, storedWorker } from './actor-store.samples.ts'
import type { BatchChanges, TaskRow } from './actor-store.ts'
import { createActorStore } from './actors.ts'
import { sql } from './database.ts'
import { listStrayHedges, readHedgeScene } from './stragglers.ts'
import { describeOnDatabases, emptyTables } from './test-database.ts'

const held = { status: 'running', workerId: 'w1', leaseToken: 'tok', attempt: 1 } as const

function hedgeOf(task: string, facts: Partial<TaskRow> = {}): TaskRow {
  return storedTask(`hedge of ${task}`, { kind: 'hedge', weight: 0, hedgeOf: task, ...facts })
}

describeOnDatabases('stragglers', (db) => {
  const write = (changes: Partial<BatchChanges>) =>
    createActorStore(db()).transaction((tx) => tx.write(changesOf(changes)))

  /** A job with a chunk that took 5 s and one that has run for 60 s. */
  async function nearItsEnd(more: readonly TaskRow[] = []): Promise<void> {
    await write({
      jobs: [storedJob('j1', { tasksTotal: 6, tasksCompleted: 2 })],
      workers: [storedWorker('w1'), storedWorker('w2')],
      tasks: [storedTask('done', { ...held, index: 1 }), storedTask('slow', held), ...more],
    })
    await write({
      tasks: [storedTask('done', { ...held, index: 1, leaseToken: null, status: 'completed' })],
    })
    await db().query(sql`
      UPDATE tasks SET started_at = now() - interval '60 seconds', finished_at = now() - interval '55 seconds'
      WHERE id = 'done'`)
    await db().query(sql`
      UPDATE tasks SET started_at = now() - interval '60 seconds', progress = 0.25, speed = 0.5 WHERE id = 'slow'`)
  }
  beforeEach(() => emptyTables(db()))

  test('readHedgeScene() sees free workers, the speed of the job and its last chunks', async () => {
    await nearItsEnd()
    const { workers, waiting, chunks: [chunk] } = await readHedgeScene(db())
    assert.deepEqual(workers, [
      { id: 'w1', lanes: ['cpu'], freeSlots: 1 },
      { id: 'w2', lanes: ['cpu'], freeSlots: 2 },
    ])
    assert.deepEqual(waiting, [{ lane: 'cpu', tasks: 0 }])
    assert.ok(chunk !== undefined)
    assert.ok(Math.abs(chunk.elapsedSeconds - 60) < 30)
    assert.deepEqual({ ...chunk, elapsedSeconds: 60 }, {
      taskId: 'slow',
      jobId: 'j1',
      lane: 'cpu',
      workerId: 'w1',
      leaseToken: 'tok',
      seconds: 10,
      elapsedSeconds: 60,
      progress: 0.25,
      speed: 0.5,
      medianSpeed: 2,
      openHedges: 0,
    })
  })

  test('readHedgeScene() sees no chunk of a job that has chunks to begin, or none finished', async () => {
    await nearItsEnd([storedTask('next')])
    assert.deepEqual((await readHedgeScene(db())).chunks, [])
    await write({ tasks: [storedTask('next', { status: 'waiting' })] })
    assert.deepEqual((await readHedgeScene(db())).chunks, [])
    await write({ tasks: [storedTask('next', { status: 'completed' })] })
    assert.equal((await readHedgeScene(db())).chunks.length, 1)
    await db().query(sql`UPDATE tasks SET status = 'failed' WHERE status = 'completed'`)
    assert.deepEqual((await readHedgeScene(db())).chunks, [])
  })

  test('readHedgeScene() sees no chunk of a job that is in its middle by its own count, or past its chunks', async () => {
    await nearItsEnd()
    await write({ jobs: [storedJob('j1', { tasksTotal: 7, tasksCompleted: 2 })] })
    assert.deepEqual((await readHedgeScene(db())).chunks, [])
    await write({ jobs: [storedJob('j1', { phase: 'stitching' })] })
    assert.deepEqual((await readHedgeScene(db())).chunks, [])
  })

  test('readHedgeScene() sees no chunk a second time, but how many hedges its job has', async () => {
    await nearItsEnd([storedTask('other', { ...held, leaseToken: 'tok2' }), hedgeOf('other')])
    const scene = await readHedgeScene(db())
    assert.deepEqual(scene.chunks.map(({ taskId, openHedges }) => [taskId, openHedges]), [
      ['slow', 1],
    ])
    assert.deepEqual(scene.waiting, [{ lane: 'cpu', tasks: 1 }])
    await write({ tasks: [hedgeOf('other', { status: 'failed' }), hedgeOf('slow')] })
    assert.deepEqual((await readHedgeScene(db())).chunks, [])
  })

  test('readHedgeScene() sees a job whose other chunk waits for its hedge alone', async () => {
    const waiting = storedTask('lost', { status: 'waiting', index: 2 })
    await nearItsEnd([waiting, hedgeOf('lost', { ...held, leaseToken: 'h' })])
    assert.equal((await readHedgeScene(db())).chunks.length, 1)
    await write({ tasks: [hedgeOf('lost', { status: 'failed' })] })
    assert.deepEqual((await readHedgeScene(db())).chunks, [])
  })

  test('readHedgeScene() leaves out the speed of chunks that a hedge finished', async () => {
    await nearItsEnd([storedTask('saved', { status: 'completed' }), hedgeOf('saved')])
    await write({ tasks: [hedgeOf('saved', { status: 'completed' })] })
    await db().query(sql`
      UPDATE tasks SET started_at = now() - interval '1 hour', finished_at = now() WHERE id = 'saved'`)
    assert.equal((await readHedgeScene(db())).chunks[0]?.medianSpeed, 2)
  })

  test('readHedgeScene() sees only workers that are healthy and have room', async () => {
    await nearItsEnd()
    await write({
      workers: [
        storedWorker('w2', { status: 'draining' }),
        storedWorker('w1', { capabilities: { slots: 1, lanes: ['cpu'] } }),
      ],
    })
    assert.deepEqual(await readHedgeScene(db()), { workers: [], waiting: [], chunks: [] })
  })

  test('readHedgeScene() sees only chunks of lanes that a free worker has', async () => {
    await nearItsEnd()
    await db().query(sql`UPDATE tasks SET lane = 'gpu.nvidia' WHERE id = 'slow'`)
    assert.deepEqual((await readHedgeScene(db())).chunks, [])
  })

  test('listStrayHedges() lists open hedges whose chunk is over or gone', async () => {
    await write({
      jobs: [storedJob('j1')],
      tasks: [
        storedTask('a', { status: 'completed' }),
        storedTask('b', held),
        storedTask('c', { status: 'waiting' }),
        storedTask('d', { status: 'cancelled' }),
        hedgeOf('a'),
        hedgeOf('b'),
        hedgeOf('c'),
        hedgeOf('d', { status: 'cancelled' }),
        hedgeOf('e', { ...held, leaseToken: 'h' }),
      ],
    })
    assert.deepEqual(await listStrayHedges(db()), ['hedge of a', 'hedge of e'])
  })
})
