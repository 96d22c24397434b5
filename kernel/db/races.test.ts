/** Several engines on one PostgreSQL: what they must never do to each other. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { changesOf, requestOf, storedActor, storedJob, storedTask } from './actor-store.samples.ts'
import type { ActorStore } from './actor-store.ts'
import { createActorStore } from './actors.ts'
import { type Database, sqlState } from './database.ts'
import { insertIdempotencyKey } from './idempotency.ts'
import { emptyTables, openTestPostgres, skipWithoutPostgres } from './test-database.ts'

describe('actor stores on one PostgreSQL', { skip: skipWithoutPostgres, timeout: 120_000 }, () => {
  let db: Database
  let store: ActorStore
  before(async () => {
    db = await openTestPostgres()
    store = createActorStore(db)
  })
  after(() => db.close())
  beforeEach(() => emptyTables(db))

  const ids = (count: number) =>
    Array.from({ length: count }, (_, i) => `t${String(i).padStart(3, '0')}`)
  const createTasks = (taskIds: readonly string[]) =>
    store.transaction((tx) =>
      tx.write(changesOf({
        jobs: [storedJob('j1')],
        creates: taskIds.map((id) => storedActor(id)),
        tasks: taskIds.map((id) => storedTask(id)),
      }))
    )
  const claim = (workerId: string, limit: number) =>
    store.transaction(async (tx) => {
      const [picked = []] = await tx.pickReady([{
        workerId,
        lanes: ['cpu'],
        region: 'local',
        limit,
      }])
      const { actors } = await tx.open(requestOf({ actorIds: picked }))
      await tx.write(changesOf({
        updates: [...actors.values()].map((actor) => ({ ...actor, version: actor.version + 1 })),
        tasks: picked.map((id) =>
          storedTask(id, { status: 'running', workerId, leaseToken: `${workerId} ${id}` })
        ),
      }))
      return picked
    })

  test('claims at the same time never pick one task twice, and leave none behind', async () => {
    await createTasks(ids(60))
    const rounds = await Promise.all(
      Array.from({ length: 8 }, async (_, w) => {
        const mine: string[] = []
        for (
          let picked = await claim(`w${w}`, 3);
          picked.length > 0;
          picked = await claim(`w${w}`, 3)
        ) mine.push(...picked)
        return mine
      }),
    )
    assert.deepEqual(rounds.flat().toSorted(), ids(60))
  })

  test('one event that is delivered many times at once is fresh once', async () => {
    const states = await Promise.all(
      Array.from(
        { length: 10 },
        () =>
          store.transaction((tx) =>
            tx.open(requestOf({ actorIds: ['a1'], events: [{ actorId: 'a1', eventId: 'e1' }] }))
          ),
      ),
    )
    assert.equal(states.filter(({ fresh }) => fresh.size === 1).length, 1)
  })

  test('one timer that fires many times at once is consumed once', async () => {
    const timer = { actorId: 'a1', key: 'k', uid: '0:0' }
    await store.transaction((tx) =>
      tx.write(changesOf({ timersSet: [{ ...timer, delayMs: 0, event: { type: 'x' } }] }))
    )
    const states = await Promise.all(
      Array.from(
        { length: 10 },
        () => store.transaction((tx) => tx.open(requestOf({ timers: [timer] }))),
      ),
    )
    assert.equal(states.filter(({ fired }) => fired.size === 1).length, 1)
  })

  test('an actor that is created many times at once exists once', async () => {
    const attempts = await Promise.allSettled(
      Array.from(
        { length: 10 },
        () => store.transaction((tx) => tx.write(changesOf({ creates: [storedActor('a1')] }))),
      ),
    )
    assert.equal(attempts.filter(({ status }) => status === 'fulfilled').length, 1)
    for (const attempt of attempts) {
      if (attempt.status === 'rejected') assert.equal(sqlState(attempt.reason), '23505')
    }
  })

  test('batches over the same actors in any order wait, but never for each other, and lose no update', async () => {
    const all = ids(30)
    await createTasks(all)
    const step = (order: readonly string[], round: number) =>
      store.transaction(async (tx) => {
        const events = order.map((actorId) => ({ actorId, eventId: `e${round}` }))
        const { actors } = await tx.open(requestOf({ actorIds: order, events }))
        const updates = order.map((id) => {
          const actor = actors.get(id) ?? storedActor(id)
          return { ...actor, version: actor.version + 1 }
        })
        await tx.write(changesOf({
          updates,
          tasks: order.map((id) => storedTask(id, { attempt: round })),
          jobs: [storedJob('j1')],
        }))
      })
    const renew = () =>
      store.renewLeases(
        'w1',
        all.map((taskId) => ({ taskId, leaseToken: 'x', fraction: 0, fps: null, speed: null })),
        1000,
      )
    const rounds = Array.from(
      { length: 24 },
      (_, round) => step(round % 2 === 0 ? all : all.toReversed(), round),
    )
    await Promise.all([...rounds, renew(), renew(), renew()])
    const versions = await Promise.all(all.map(async (id) => (await store.readActor(id))?.version))
    assert.deepEqual(versions, all.map(() => 24))
  })

  test('heartbeats and batches over the same running tasks never wait for each other in a circle', async () => {
    const all = ids(20)
    await createTasks(all)
    const tasks = all.map((id) =>
      storedTask(id, { status: 'running', workerId: 'w1', leaseToken: 'tok' })
    )
    await store.transaction((tx) => tx.write(changesOf({ tasks })))
    const leases = all.map((taskId) => ({
      taskId,
      leaseToken: 'tok',
      fraction: 0.5,
      fps: 1,
      speed: 1,
    }))
    const batches = Array.from({ length: 15 }, (_, i) =>
      store.transaction(async (tx) => {
        await tx.open(requestOf({ actorIds: all }))
        await tx.write(
          changesOf({ tasks: i % 2 === 0 ? tasks : tasks.toReversed(), jobs: [storedJob('j1')] }),
        )
      }))
    const beats = Array.from(
      { length: 15 },
      (_, i) => store.renewLeases('w1', i % 2 === 0 ? leases : leases.toReversed(), 20_000),
    )
    await Promise.all(batches)
    assert.deepEqual((await Promise.all(beats)).flat(), [])
  })

  test('an outbox row is taken by one relay at a time', async () => {
    const outbox = ids(50).map((id) => ({ id, name: 'tell', params: {} }))
    await store.transaction((tx) => tx.write(changesOf({ outbox })))
    const taken = await Promise.all(Array.from({ length: 10 }, () => store.takeOutbox(10, 60_000)))
    const names = taken.flat().map(({ id }) => id)
    assert.equal(new Set(names).size, names.length)
  })

  test('one idempotency key that is claimed many times at once stands for one job', async () => {
    const entries = await Promise.all(
      Array.from(
        { length: 10 },
        (_, i) => insertIdempotencyKey(db, 'u1', 'key', { requestHash: 'h', jobId: `j${i}` }),
      ),
    )
    assert.equal(new Set(entries.map(({ jobId }) => jobId)).size, 1)
  })
})
