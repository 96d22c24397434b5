/** Views of workers, heartbeats and silence. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { workerViewSchema } from '../contract/job.ts'
import {
  changesOf,
  storedActor,
  storedJob,
  storedTask,
  storedWorker,
} from './actor-store.samples.ts'
import type { BatchChanges } from './actor-store.ts'
import { createActorStore } from './actors.ts'
import { sql } from './database.ts'
import { describeOnDatabases, emptyTables } from './test-database.ts'
import {
  deleteWorkerRows,
  listRemovedWorkers,
  listSilentWorkers,
  listWorkers,
  listWorkerTransfers,
  readWorker,
  readWorkerSession,
  touchWorker,
} from './workers.ts'

describeOnDatabases('workers', (db) => {
  const write = (changes: Partial<BatchChanges>) =>
    createActorStore(db()).transaction((tx) => tx.write(changesOf(changes)))
  const silence = (id: string, seconds: number) =>
    db().query(
      sql`UPDATE workers SET last_heartbeat = now() - make_interval(secs => ${seconds}::float8) WHERE id = ${id}`,
    )
  beforeEach(() => emptyTables(db()))

  test('listWorkers() answers those online first, then by name', async () => {
    await write({
      workers: [
        storedWorker('w1', { hostname: 'z' }),
        storedWorker('w2', { hostname: 'a', status: 'offline' }),
        storedWorker('w3', { hostname: 'b', status: 'draining' }),
      ],
    })
    assert.deepEqual((await listWorkers(db())).map(({ id }) => id), ['w3', 'w1', 'w2'])
  })

  test('readWorker() answers the view and counts the leases that the worker holds', async () => {
    await write({
      workers: [storedWorker('w1')],
      jobs: [storedJob('j1')],
      tasks: [
        storedTask('t1', { status: 'running', workerId: 'w1', leaseToken: 'tok' }),
        storedTask('t2', { status: 'completed', workerId: 'w1' }),
        storedTask('t3', { status: 'running', workerId: 'w2', leaseToken: 'tok' }),
      ],
    })
    const worker = await readWorker(db(), 'w1')
    assert.deepEqual(workerViewSchema.parse(worker), worker)
    assert.deepEqual([worker?.tasks_running, worker?.cpu_percent, worker?.capabilities], [1, null, {
      slots: 2,
      lanes: ['cpu'],
    }])
    assert.deepEqual([worker?.slots, worker?.command], [2, 'work'])
    assert.equal(await readWorker(db(), 'nobody'), undefined)
  })

  test('readWorkerSession() answers the newest session', async () => {
    await write({ workers: [storedWorker('w1')] })
    await write({ workers: [storedWorker('w1', { session: 'session-2' })] })
    const current = { session: 'session-2', isOnline: true }
    assert.deepEqual(await readWorkerSession(db(), 'w1'), current)
    assert.equal(await readWorkerSession(db(), 'nobody'), undefined)
  })

  test('touchWorker() notes the heartbeat and the usage of the current session', async () => {
    await write({ workers: [storedWorker('w1')] })
    await silence('w1', 60)
    assert.equal(
      await touchWorker(db(), 'w1', 'session-1', {
        usage: { cpuPercent: 12.5, memoryBytes: 4_000_000_000.4 },
      }),
      'work',
    )
    const worker = await readWorker(db(), 'w1')
    assert.deepEqual([worker?.cpu_percent, worker?.memory_bytes], [12.5, 4_000_000_000])
    assert.deepEqual(await listSilentWorkers(db(), 30_000), [])
    assert.equal(await touchWorker(db(), 'w1', 'session-1'), 'work')
    assert.equal((await readWorker(db(), 'w1'))?.cpu_percent, 12.5)
  })

  test('touchWorker() notes the encoders of this session, which the next one must say anew', async () => {
    const encoders = [{ id: 'encoder-ffmpeg', version: '1', videoCodecs: ['a'], tools: ['ffmpeg'] }]
    const told = async () => (await readWorker(db(), 'w1'))?.encoders
    await write({ workers: [storedWorker('w1')] })
    assert.equal(await told(), null)
    assert.equal(await touchWorker(db(), 'w1', 'session-1', { encoders }), 'work')
    await touchWorker(db(), 'w1', 'session-1')
    assert.deepEqual(await told(), encoders)
    await write({ workers: [storedWorker('w1', { session: 'session-2' })] })
    assert.equal(await told(), null)
  })

  test('listWorkerTransfers() answers the bytes that workers told last', async () => {
    await write({ workers: [storedWorker('w1'), storedWorker('w2')] })
    const usage = { cpuPercent: 1, memoryBytes: 1 }
    await touchWorker(db(), 'w1', 'session-1', {
      usage: { ...usage, bytesIn: 7e9, bytesOut: 1 },
    })
    await touchWorker(db(), 'w1', 'session-1', {
      usage: { ...usage, bytesIn: 8e9, bytesOut: 2 },
    })
    await touchWorker(db(), 'w1', 'session-1')
    await touchWorker(db(), 'w2', 'session-1', { usage })
    assert.deepEqual(await listWorkerTransfers(db()), [{ id: 'w1', bytesIn: 8e9, bytesOut: 2 }])
  })

  test('touchWorker() refuses an old session, a stranger, and a worker that counts as offline', async () => {
    await write({ workers: [storedWorker('w1'), storedWorker('w2', { status: 'offline' })] })
    assert.equal(await touchWorker(db(), 'w1', 'session-0'), undefined)
    assert.equal(await touchWorker(db(), 'nobody', 'session-1'), undefined)
    assert.equal(await touchWorker(db(), 'w2', 'session-1'), undefined)
  })

  test('a new session starts the uptime anew, a new status of the same one does not', async () => {
    const started = async () => (await readWorker(db(), 'w1'))?.session_started_at
    await write({ workers: [storedWorker('w1')] })
    const first = await started()
    await write({ workers: [storedWorker('w1', { status: 'draining', command: 'drain' })] })
    assert.equal(await started(), first)
    await write({ workers: [storedWorker('w1', { session: 'session-2' })] })
    assert.notEqual(await started(), first)
  })

  test('a removed worker is in no list, and deleteWorkerRows() deletes it and no other', async () => {
    const removed = storedWorker('w1', { status: 'removed', command: 'leave' })
    await write({
      workers: [removed, storedWorker('w2')],
      creates: [storedActor('worker.w1', { status: 'done' }), storedActor('worker.w2')],
    })
    assert.deepEqual((await listWorkers(db())).map(({ id }) => id), ['w2'])
    assert.equal(await readWorker(db(), 'w1'), undefined)
    assert.equal(await readWorkerSession(db(), 'w1'), undefined)
    assert.equal(await touchWorker(db(), 'w1', 'session-1'), undefined)
    assert.deepEqual(await listRemovedWorkers(db()), ['w1'])
    const forget = (id: string) => db().transaction((tx) => deleteWorkerRows(tx, id))
    assert.deepEqual([await forget('w1'), await forget('w1'), await forget('w2')], [
      true,
      false,
      false,
    ])
    const rows = await db().query(sql`SELECT id FROM workers UNION ALL SELECT id FROM actors`)
    assert.deepEqual(rows, [{ id: 'w2' }, { id: 'worker.w2' }])
  })

  test('listSilentWorkers() answers whoever is not offline and has been silent for long, longest first', async () => {
    await write({
      workers: [
        storedWorker('w1'),
        storedWorker('w2'),
        storedWorker('w3', { status: 'offline' }),
        storedWorker('w4'),
      ],
    })
    await silence('w1', 60)
    await silence('w2', 90)
    await silence('w3', 90)
    assert.deepEqual(await listSilentWorkers(db(), 30_000), [
      { id: 'w2', session: 'session-1' },
      { id: 'w1', session: 'session-1' },
    ])
  })
})
