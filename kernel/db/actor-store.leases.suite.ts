/** The part of the actor store's suite about tasks: leases, renewals and which ready task comes first. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { storedActor, storedJob, storedTask, storedWorker } from './actor-store.samples.ts'
import type {
  ActorStore,
  BatchChanges,
  BatchRequest,
  BatchState,
  ReadyRequest,
  TaskRow,
} from './actor-store.ts'

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

/**
 * Declares the tests of ready tasks.
 * @param crowd - tasks that are ready beside those of each test, and left out of every claim: a store may look at few in another way
 */
export function describeReady(
  { store, advance, write }: ActorStoreSubject,
  crowd: readonly string[],
): void {
  const ready = (id: string, overrides: Partial<TaskRow> = {}) =>
    write({ creates: [storedActor(id)], tasks: [storedTask(id, overrides)] })
  const requestOf = (overrides: Partial<ReadyRequest> = {}): ReadyRequest => ({
    workerId: 'w1',
    lanes: ['cpu'],
    region: 'local',
    limit: 10,
    ...overrides,
  })
  const pickFor = (requests: readonly ReadyRequest[], except: readonly string[] = []) =>
    store().transaction((tx) => tx.pickReady(requests, new Set([...crowd, ...except])))
  const pick = async (overrides: Partial<ReadyRequest> = {}) =>
    (await pickFor([requestOf(overrides)]))[0]

  beforeEach(() =>
    write({
      jobs: [storedJob('j1')],
      creates: crowd.map((id) => storedActor(id)),
      tasks: crowd.map((id) => storedTask(id, { priority: -100 })),
    })
  )

  test('pickReady() takes priority first, then the longest wait', async () => {
    await ready('t2')
    await advance(100)
    await ready('t1')
    await ready('t3', { priority: 10 })
    assert.deepEqual(await pick(), ['t3', 't2', 't1'])
    assert.deepEqual(await pick({ limit: 2 }), ['t3', 't2'])
  })

  test('pickReady() lets a priority overtake a higher one when it has waited 30 s for each point', async () => {
    await ready('low')
    await advance(40_000)
    await ready('high', { priority: 2 })
    assert.deepEqual(await pick(), ['high', 'low'])
    await advance(65_000)
    await ready('new', { priority: 2 })
    await write({ tasks: [storedTask('high', { status: 'waiting' })] })
    assert.deepEqual(await pick(), ['low', 'new'])
  })

  test('pickReady() takes the earlier deadline first, within a priority', async () => {
    await ready('t1')
    await advance(100)
    await ready('t2', { deadline: '2035-01-02T00:00:00.000Z' })
    await ready('t3', { deadline: '2035-01-02T00:00:00.000+01:00' })
    await ready('t4', { priority: 1 })
    assert.deepEqual(await pick(), ['t4', 't3', 't2', 't1'])
    assert.deepEqual(await pick({ limit: 2 }), ['t4', 't3'])
  })

  test('pickReady() gives to the owner who has less, task by task, however much another has ready', async () => {
    await ready('a0', { status: 'running', leaseToken: 'tok', workerId: 'w1', owner: 'a' })
    for (const id of ['a1', 'a2', 'a3']) await ready(id, { owner: 'a' })
    await advance(1000)
    for (const id of ['b1', 'b2']) await ready(id, { owner: 'b' })
    assert.deepEqual(await pick(), ['b1', 'a1', 'b2', 'a2', 'a3'])
  })

  test('pickReady() takes only ready tasks of the lanes asked for', async () => {
    await ready('t1', { lane: 'probe' })
    await ready('t2', { status: 'waiting' })
    await ready('t3', { status: 'running', leaseToken: 'tok', workerId: 'w1' })
    await ready('t4', { lane: 'copy' })
    assert.deepEqual(await pick({ lanes: ['cpu', 'copy'] }), ['t4'])
    assert.deepEqual(await pick({ lanes: ['live'] }), [])
  })

  test('pickReady() prefers work for a GPU where there is one', async () => {
    await ready('t1')
    await advance(1000)
    await ready('t2', { lane: 'gpu.nvidia' })
    assert.deepEqual(await pick({ lanes: ['cpu', 'gpu.nvidia'] }), ['t2', 't1'])
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

  test('pickReady() takes the own region first, and others at once when nobody is there', async () => {
    await write({ workers: [storedWorker('w2', { region: 'far', status: 'offline' })] })
    await ready('t1', { region: 'far' })
    await advance(100)
    await ready('t2')
    assert.deepEqual(await pick(), ['t2', 't1'])
  })

  test('pickReady() leaves a task to its own region for a while when somebody there can do it', async () => {
    const far = { region: 'far', capabilities: { lanes: ['cpu'] } }
    await write({ workers: [storedWorker('w1'), storedWorker('w2', far)] })
    await ready('t1', { region: 'far' })
    await ready('t2', { region: 'far', lane: 'copy' })
    assert.deepEqual(await pick({ lanes: ['cpu', 'copy'] }), ['t2'])
    assert.deepEqual(await pick({ workerId: 'w2', region: 'far' }), ['t1'])
    await advance(10_000)
    assert.deepEqual(await pick(), ['t1'])
  })

  test('pickReady() gives nothing to a worker that drains or is offline', async () => {
    const [draining, offline] = [{ status: 'draining' }, { status: 'offline' }]
    await write({
      workers: [
        storedWorker('w1'),
        storedWorker('w2', draining),
        storedWorker('w3', offline),
      ],
    })
    await ready('t1')
    assert.deepEqual(await pick({ workerId: 'w2' }), [])
    assert.deepEqual(await pick({ workerId: 'w3' }), [])
    assert.deepEqual(await pick(), ['t1'])
  })

  test('pickReady() gives nothing to a session that is not the one of its worker', async () => {
    await write({ workers: [storedWorker('w1', { session: 'session-2' })] })
    await ready('t1')
    assert.deepEqual(await pick({ session: 'session-1' }), [])
    assert.deepEqual(await pick({ workerId: 'unknown', session: 'session-1' }), [])
    assert.deepEqual(await pick({ session: 'session-2' }), ['t1'])
  })

  test('pickReady() deals tasks out in turn to workers that ask together, none of them twice', async () => {
    for (const id of ['t1', 't2', 't3', 't4', 't5']) {
      await ready(id, id === 't1' ? { avoidWorkerId: 'w1' } : {})
      await advance(100)
    }
    await ready('p1', { lane: 'probe' })
    await write({ workers: [storedWorker('w1'), storedWorker('w2')] })
    const picked = await pickFor([
      requestOf({ limit: 2 }),
      requestOf({ workerId: 'w2' }),
      requestOf({ workerId: 'w3', lanes: ['cpu', 'probe'] }),
    ])
    assert.deepEqual(picked, [['t2', 't4'], ['t1', 't3', 't5'], ['p1']])
  })

  test('pickReady() leaves out what it is told to', async () => {
    await ready('t1')
    await ready('t2')
    assert.deepEqual(await pickFor([requestOf({ limit: 1 })], ['t1']), [['t2']])
  })
}

/** Declares the tests of ready tasks that nobody came for. */
export function describeStaleReady({ store, advance, write }: ActorStoreSubject): void {
  test('listStaleReady() answers tasks that have been ready for long, counted from when they became ready', async () => {
    await write({
      jobs: [storedJob('j1')],
      creates: [storedActor('t1'), storedActor('t2')],
      tasks: [
        storedTask('t1', { lane: 'copy', region: 'far' }),
        storedTask('t2', { status: 'waiting' }),
      ],
    })
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
