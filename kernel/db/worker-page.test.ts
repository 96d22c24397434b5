/** What the page of one worker shows. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { changesOf, storedActor, storedJob, storedTask } from './actor-store.samples.ts'
import { createActorStore } from './actors.ts'
import { sql } from './database.ts'
import { describeOnDatabases, emptyTables } from './test-database.ts'
import { listWorkerEvents, listWorkerTasks, readWorkerDay } from './worker-page.ts'

describeOnDatabases('the page of a worker', (db) => {
  beforeEach(() => emptyTables(db()))

  test('listWorkerTasks() answers what the worker has in hand, then what it ended last', async () => {
    const ended = (id: string) => storedTask(id, { status: 'completed', workerId: 'w1' })
    const tasks = [
      ended('old'),
      ended('new'),
      storedTask('held', { status: 'running', workerId: 'w1', leaseToken: 'tok' }),
      storedTask('other', { status: 'running', workerId: 'w2', leaseToken: 'tok-2' }),
      storedTask('ready'),
    ]
    await createActorStore(db()).transaction((tx) =>
      tx.write(changesOf({ jobs: [storedJob('j1')], tasks }))
    )
    await db().query(sql`
      UPDATE tasks SET started_at = now() - interval '90 seconds', finished_at = now() - interval '60 seconds'
      WHERE id = 'old'`)
    await db().query(
      sql`UPDATE tasks SET started_at = now() - interval '10 seconds' WHERE id = 'new'`,
    )
    const ids = async (limit: number) =>
      (await listWorkerTasks(db(), 'w1', limit)).map(({ id }) => id)
    assert.deepEqual(await ids(10), ['held', 'new', 'old'])
    assert.deepEqual(await ids(2), ['held', 'new'])
    const { completed, averageSeconds } = await readWorkerDay(db(), 'w1')
    assert.equal(completed, 2)
    assert.ok(Math.abs((averageSeconds ?? 0) - 20) < 2, `${averageSeconds}`)
    assert.deepEqual(await readWorkerDay(db(), 'w3'), { completed: 0, averageSeconds: null })
  })

  test('a chunk that a hedge completed counts once for its worker, as the hedge', async () => {
    const done = { status: 'completed', workerId: 'w1', outputKey: 'key' } as const
    const tasks = [
      storedTask('chunk', done),
      storedTask('hedge', { ...done, kind: 'hedge', hedgeOf: 'chunk' }),
      storedTask('redone', { ...done, outputKey: 'another' }),
      storedTask('lost', { ...done, kind: 'hedge', hedgeOf: 'redone', status: 'failed' }),
    ]
    await createActorStore(db()).transaction((tx) =>
      tx.write(changesOf({ jobs: [storedJob('j1')], tasks }))
    )
    const listed = await listWorkerTasks(db(), 'w1', 10)
    assert.deepEqual(listed.map(({ id, kind, hedged }) => [id, kind, hedged]).sort(), [
      ['hedge', 'encode', true],
      ['lost', 'encode', true],
      ['redone', 'encode', true],
    ])
    assert.equal((await readWorkerDay(db(), 'w1')).completed, 2)
  })

  test('listWorkerEvents() answers the newest steps, oldest first, without capabilities', async () => {
    const log = ['join', 'drain', 'undrain'].map((type, version) => ({
      actorId: 'worker.w1',
      version,
      eventId: `e${version}`,
      event: { type, by: 'Ann', capabilities: {} },
    }))
    await createActorStore(db()).transaction((tx) =>
      tx.write(changesOf({ creates: [storedActor('worker.w1')], log }))
    )
    const events = await listWorkerEvents(db(), 'w1', 2)
    assert.deepEqual(events.map(({ type, data }) => [type, data]), [
      ['drain', { by: 'Ann' }],
      ['undrain', { by: 'Ann' }],
    ])
  })
})
