/** The actor store in SQL: the common suite, and what only a database shows. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import {
  changesOf,
  requestOf,
  storedActor,
  storedJob,
  storedTask,
  storedWorker,
} from './actor-store.samples.ts'
import { describeActorStore } from './actor-store.suite.ts'
import type { BatchChanges } from './actor-store.ts'
import { createActorStore } from './actors.ts'
import { type Database, sql } from './database.ts'
import { describeOnDatabases, emptyTables } from './test-database.ts'

/** Time passes by moving the rows into the past. */
async function advance(db: Database, ms: number): Promise<void> {
  const by = sql`make_interval(secs => ${ms / 1000}::float8)`
  await db.transaction(async (tx) => {
    await tx.query(sql`UPDATE timers SET fire_at = fire_at - ${by}`)
    await tx.query(sql`UPDATE outbox SET due_at = due_at - ${by}`)
    await tx.query(sql`UPDATE inbox SET at = at - ${by}`)
    await tx.query(
      sql`UPDATE tasks SET lease_until = lease_until - ${by}, ready_at = ready_at - ${by}`,
    )
    await tx.query(sql`UPDATE jobs SET started_at = started_at - ${by}`)
  })
}

describeOnDatabases('actor store', (db) => {
  describeActorStore('createActorStore()', async () => {
    await emptyTables(db())
    return {
      store: createActorStore(db()),
      advance: (ms) => advance(db(), ms),
      close: async () => {},
    }
  })
})

describeOnDatabases('read models', (db) => {
  const write = (changes: Partial<BatchChanges>) =>
    createActorStore(db()).transaction((tx) => tx.write(changesOf(changes)))
  const jobTimes = async () => {
    const [row] = await db().query<
      { started: boolean; finished: boolean; progress_pct: number; eta_seconds: number | null }
    >(sql`
      SELECT started_at IS NOT NULL AS started, finished_at IS NOT NULL AS finished, progress_pct, eta_seconds FROM jobs`)
    return row
  }
  const taskRow = async (id: string) => {
    const [row] = await db().query<
      { started: boolean; finished: boolean; progress: number; fps: number | null }
    >(sql`
      SELECT started_at IS NOT NULL AS started, finished_at IS NOT NULL AS finished, progress, fps FROM tasks WHERE id = ${id}`)
    return row
  }
  const running = { status: 'running', workerId: 'w1', leaseToken: 'tok' } as const

  beforeEach(() => emptyTables(db()))

  test('write() starts and finishes a job by its status', async () => {
    await write({ jobs: [storedJob('j1', { status: 'queued', phase: 'queued' })] })
    assert.deepEqual(await jobTimes(), {
      started: false,
      finished: false,
      progress_pct: 0,
      eta_seconds: null,
    })
    await write({ jobs: [storedJob('j1')] })
    assert.deepEqual(await jobTimes(), {
      started: true,
      finished: false,
      progress_pct: 0,
      eta_seconds: null,
    })
    await write({ jobs: [storedJob('j1', { status: 'completed', phase: 'completed' })] })
    assert.deepEqual(await jobTimes(), {
      started: true,
      finished: true,
      progress_pct: 100,
      eta_seconds: null,
    })
  })

  test('write() keeps the progress of a job that failed', async () => {
    await write({ jobs: [storedJob('j1')], tasks: [storedTask('t1', running)] })
    const beat = { taskId: 't1', leaseToken: 'tok', fraction: 0.25, fps: 1, speed: 1 }
    await createActorStore(db()).renewLeases('w1', [beat], 20_000)
    await write({
      jobs: [
        storedJob('j1', {
          status: 'failed',
          phase: 'failed',
          error: { code: 'WE-JOB-008', message: 'no' },
        }),
      ],
    })
    assert.deepEqual(await jobTimes(), {
      started: true,
      finished: true,
      progress_pct: 25,
      eta_seconds: null,
    })
  })

  test('renewLeases() moves the progress of tasks and, by weight, of their job, and estimates the rest', async () => {
    await write({
      jobs: [storedJob('j1')],
      tasks: [
        storedTask('t1', { ...running, weight: 30 }),
        storedTask('t2', { status: 'completed', weight: 10 }),
        storedTask('t3', { status: 'waiting', weight: 60 }),
      ],
    })
    await advance(db(), 100_000)
    const beat = { taskId: 't1', leaseToken: 'tok', fraction: 0.5, fps: 48, speed: 2 }
    assert.deepEqual(await createActorStore(db()).renewLeases('w1', [beat], 20_000), [])
    assert.deepEqual(await taskRow('t1'), {
      started: true,
      finished: false,
      progress: 0.5,
      fps: 48,
    })
    const job = await jobTimes()
    assert.equal(job?.progress_pct, 25)
    assert.ok(
      // 5 s of the chunk in hand and 10 s of the one that waits, at twice real time.
      job.eta_seconds === 8,
      `${job.eta_seconds} s`,
    )
  })

  test('renewLeases() neither forgets a chunk without a speed nor lets its estimate jump', async () => {
    await write({
      jobs: [storedJob('j1')],
      tasks: [storedTask('t1', { ...running }), storedTask('t2', { ...running })],
    })
    const store = createActorStore(db())
    const beat = (taskId: string, speed: number | null, fraction = 0.1) => ({
      taskId,
      leaseToken: 'tok',
      fraction,
      fps: null,
      speed,
    })
    await store.renewLeases('w1', [beat('t1', 0.01, 0), beat('t2', null, 0)], 20_000)
    assert.equal((await jobTimes())?.eta_seconds, null)
    await store.renewLeases('w1', [beat('t1', 2), beat('t2', null)], 20_000)
    const first = (await jobTimes())?.eta_seconds
    await store.renewLeases('w1', [beat('t1', 0.2), beat('t2', null)], 20_000)
    const second = (await jobTimes())?.eta_seconds
    await store.renewLeases('w1', [beat('t1', 20), beat('t2', null)], 20_000)
    const third = (await jobTimes())?.eta_seconds
    // 18 s of video are left: 4.5 s, then 45 s of which the last one counts as 15, then 0.45 s of which it counts as 1.35.
    assert.deepEqual([first, second, third], [5, 25, 2])
  })

  test('write() finishes a task in full, keeps its figures, and starts it over with a new lease', async () => {
    await write({ jobs: [storedJob('j1')], tasks: [storedTask('t1', running)] })
    const beat = { taskId: 't1', leaseToken: 'tok', fraction: 0.5, fps: 48, speed: 2 }
    await createActorStore(db()).renewLeases('w1', [beat], 20_000)
    await write({ tasks: [storedTask('t1', { status: 'completed' })] })
    assert.deepEqual(await taskRow('t1'), { started: true, finished: true, progress: 1, fps: 48 })
    await write({ tasks: [storedTask('t1', { ...running, leaseToken: 'new' })] })
    assert.deepEqual(await taskRow('t1'), {
      started: true,
      finished: false,
      progress: 0,
      fps: null,
    })
  })

  test('write() counts a new session of a worker as a heartbeat', async () => {
    const age = async () => {
      const [row] = await db().query<{ s: number }>(
        sql`SELECT extract(epoch FROM now() - last_heartbeat)::int AS s FROM workers`,
      )
      return row?.s
    }
    await write({ workers: [storedWorker('w1')] })
    await db().query(sql`UPDATE workers SET last_heartbeat = now() - interval '60 s'`)
    await write({ workers: [storedWorker('w1', { status: 'draining' })] })
    assert.equal(await age(), 60)
    await write({ workers: [storedWorker('w1', { session: 'session-2' })] })
    assert.equal(await age(), 0)
  })

  test('write() stores text that JSON allows and Postgres does not, with the character U+FFFD in its place', async () => {
    const text = 'a\u0000b \ud800 \\u0000 \\\u0000 ü\u{1f600}'
    await write({ creates: [storedActor('a1', { snapshot: { text } })] })
    const state = await createActorStore(db()).transaction((tx) =>
      tx.open(requestOf({ actorIds: ['a1'] }))
    )
    assert.deepEqual(state.actors.get('a1')?.snapshot, {
      text: 'a\ufffdb \ufffd \\u0000 \\\ufffd ü\u{1f600}',
    })
  })
})
