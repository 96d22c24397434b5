/** The part of the actor store's suite about tasks: leases, renewals and which ready task comes first. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import {
  changesOf,
  storedActor,
  storedJob,
  storedTask,
  storedWorker,
} from './actor-store.samples.ts'
import type { ActorStore, BatchChanges, BatchRequest, BatchState, TaskRow } from './actor-store.ts'

/** What the parts of the suite test. */
export interface ActorStoreSubject {
  store(): ActorStore
  advance(ms: number): Promise<void>
  /** Opens a batch in a transaction of its own. */
  open(request: Partial<BatchRequest>): Promise<BatchState>
  /** Writes changes in a transaction of their own. */
  write(changes: Partial<BatchChanges>): Promise<void>
}

/** Declares the tests of leases. */
export function describeLeases({ store, advance, open, write }: ActorStoreSubject): void {
  const running = (overrides: Partial<TaskRow> = {}) =>
    storedTask('t1', {
      status: 'running',
      workerId: 'w1',
      leaseToken: 'tok',
      leaseMs: 20_000,
      ...overrides,
    })
  const fence = { taskId: 't1', leaseToken: 'tok' }
  const beat = { ...fence, fraction: 0.5, fps: 24, speed: null }
  const expired = async () => [...(await open({ expiredLeases: [fence] })).expired]

  beforeEach(() =>
    write({ jobs: [storedJob('j1')], creates: [storedActor('t1')], tasks: [storedTask('t1')] })
  )

  test('write() starts a lease with a new token; it runs out by the clock', async () => {
    await write({ tasks: [running()] })
    assert.deepEqual(await store().listWorkerLeases('w1'), [fence])
    assert.deepEqual(await expired(), [])
    assert.deepEqual(await store().listExpiredLeases(10), [])
    await advance(30_000)
    assert.deepEqual(await store().listExpiredLeases(10), [fence])
    assert.deepEqual(await expired(), ['t1\ntok'])
    assert.deepEqual([
      ...(await open({ expiredLeases: [{ taskId: 't1', leaseToken: 'old' }] })).expired,
    ], [])
  })

  test('write() with the same token does not renew the lease', async () => {
    await write({ tasks: [running()] })
    await advance(15_000)
    await write({ tasks: [running()] })
    await advance(15_000)
    assert.deepEqual(await store().listExpiredLeases(10), [fence])
  })

  test('write() without a token ends the lease', async () => {
    await write({ tasks: [running()] })
    await write({ tasks: [storedTask('t1', { status: 'waiting' })] })
    await advance(60_000)
    assert.deepEqual(await store().listWorkerLeases('w1'), [])
    assert.deepEqual(await store().listExpiredLeases(10), [])
    assert.deepEqual(await expired(), [])
  })

  test('renewLeases() renews the leases that the worker holds', async () => {
    await write({ tasks: [running()] })
    await advance(15_000)
    assert.deepEqual(await store().renewLeases('w1', [beat], 20_000), [])
    await advance(15_000)
    assert.deepEqual(await store().listExpiredLeases(10), [])
    await advance(15_000)
    assert.deepEqual(await store().listExpiredLeases(10), [fence])
  })

  test('renewLeases() answers the pairs that are no longer valid', async () => {
    await write({ tasks: [running()] })
    const stale = { ...beat, leaseToken: 'old' }
    const unknown = { ...beat, taskId: 'nothing' }
    assert.deepEqual(await store().renewLeases('w1', [stale, beat, unknown], 20_000), [
      { taskId: 't1', leaseToken: 'old' },
      { taskId: 'nothing', leaseToken: 'tok' },
    ])
    assert.deepEqual(await store().renewLeases('w2', [beat], 20_000), [fence])
    assert.deepEqual(await store().renewLeases('w1', [], 20_000), [])
  })

  test('listWorkerLeases() answers the leases of one worker', async () => {
    await write({
      creates: [storedActor('t2')],
      tasks: [running(), { ...running(), id: 't2', workerId: 'w2', leaseToken: 'two' }],
    })
    assert.deepEqual(await store().listWorkerLeases('w2'), [{ taskId: 't2', leaseToken: 'two' }])
  })

  test('listTaskIds() answers the tasks of one job in order', async () => {
    await write({
      jobs: [storedJob('j2')],
      tasks: [storedTask('t3'), storedTask('t2'), storedTask('other', { jobId: 'j2' })],
    })
    assert.deepEqual(await store().listTaskIds('j1'), ['t1', 't2', 't3'])
    assert.deepEqual(await store().listTaskIds('nothing'), [])
  })

  test('write() takes rows of workers', async () => {
    await write({ workers: [storedWorker('w1')] })
    await write({ workers: [storedWorker('w1', { status: 'offline', session: 'session-2' })] })
  })
}

/** Declares the tests of ready tasks. */
export function describeReady({ store, advance, write }: ActorStoreSubject): void {
  const ready = (id: string, overrides: Partial<TaskRow> = {}) =>
    write({ creates: [storedActor(id)], tasks: [storedTask(id, overrides)] })
  const pick = (overrides: { workerId?: string; limit?: number; lanes?: TaskRow['lane'][] } = {}) =>
    store().transaction((tx) =>
      tx.pickReady({ workerId: 'w1', lanes: ['cpu'], region: 'local', limit: 10, ...overrides })
    )

  beforeEach(() => write({ jobs: [storedJob('j1')] }))

  test('pickReady() takes priority first, then the longest wait', async () => {
    await ready('t2')
    await advance(100)
    await ready('t1')
    await ready('t3', { priority: 10 })
    assert.deepEqual(await pick(), ['t3', 't2', 't1'])
    assert.deepEqual(await pick({ limit: 2 }), ['t3', 't2'])
  })

  test('pickReady() takes only ready tasks of the lanes asked for', async () => {
    await ready('t1', { lane: 'probe' })
    await ready('t2', { status: 'waiting' })
    await ready('t3', { status: 'running', leaseToken: 'tok', workerId: 'w1' })
    await ready('t4', { lane: 'copy' })
    assert.deepEqual(await pick({ lanes: ['cpu', 'copy'] }), ['t4'])
    assert.deepEqual(await pick({ lanes: ['live'] }), [])
  })

  test('pickReady() spares the worker that ran out of memory on a task, for a while', async () => {
    await write({ workers: [storedWorker('w1'), storedWorker('w2')] })
    await ready('t1', { avoidWorkerId: 'w1' })
    assert.deepEqual(await pick(), [])
    assert.deepEqual(await pick({ workerId: 'w2' }), ['t1'])
    await advance(30_000)
    assert.deepEqual(await pick(), ['t1'])
  })

  test('pickReady() spares no worker that is the only one', async () => {
    await write({ workers: [storedWorker('w1'), storedWorker('w2', { status: 'offline' })] })
    await ready('t1', { avoidWorkerId: 'w1' })
    assert.deepEqual(await pick(), ['t1'])
  })

  test('pickReady() prefers the region of the worker among equals, and takes others too', async () => {
    await store().transaction((tx) =>
      tx.write(changesOf({
        creates: [storedActor('t1'), storedActor('t2')],
        tasks: [storedTask('t1', { region: 'far' }), storedTask('t2')],
      }))
    )
    assert.deepEqual(await pick(), ['t2', 't1'])
  })

  test('listStaleReady() answers tasks that have been ready for long, counted from when they became ready', async () => {
    await ready('t1', { lane: 'copy', region: 'far' })
    await ready('t2', { status: 'waiting' })
    await advance(60_000)
    await write({ tasks: [storedTask('t2')] })
    assert.deepEqual(await store().listStaleReady(30_000, 10), [{
      taskId: 't1',
      lane: 'copy',
      region: 'far',
    }])
    await advance(60_000)
    assert.equal((await store().listStaleReady(30_000, 10)).length, 2)
    assert.equal((await store().listStaleReady(30_000, 1)).length, 1)
  })
}
