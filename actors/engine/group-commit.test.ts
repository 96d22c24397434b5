import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { ActorStore } from '../../kernel/db/actor-store.ts'
import { GroupCommit, type GroupCommitOptions } from './group-commit.ts'
import { StoreFailure } from './simulation/memory-locks.ts'
import { createParts, eventTo, settle } from './test-machines.ts'

async function groupWith(options: Partial<GroupCommitOptions> = {}, actors = ['a', 'b']) {
  const parts = createParts()
  const group = new GroupCommit({ ...parts, batchSize: 256, ...options })
  const creation = Promise.all(
    actors.map((id) =>
      group.deliver({ kind: 'create', eventId: 'new', actorId: id, type: 'counter', input: null })
    ),
  )
  await settle(parts.clock, creation)
  return { ...parts, group }
}

/** A store that fails `times` times before the commit. */
function failing(store: ActorStore, times: number, code: string): ActorStore {
  let left = times
  return {
    ...store,
    transaction: (work) =>
      store.transaction(async (tx) => {
        const result = await work(tx)
        if (left-- > 0) throw new StoreFailure(code, 'failed on purpose')
        return result
      }),
  }
}

test('deliver() commits what waits together in one transaction', async () => {
  const { group, counters, clock } = await groupWith()
  const before = counters.transactions
  const deliveries = Array.from(
    { length: 50 },
    (_, i) => group.deliver(eventTo(i % 2 === 0 ? 'a' : 'b', 'add')),
  )
  const outcomes = await settle(clock, Promise.all(deliveries))
  assert.equal(counters.transactions, before + 1)
  assert.deepEqual(
    outcomes.map(({ version }) => version),
    Array.from({ length: 50 }, (_, i) => 1 + (i >> 1)),
  )
})

test('deliver() splits what waits into batches', async () => {
  const { group, counters, clock } = await groupWith({ batchSize: 10 })
  const before = counters.transactions
  await settle(
    clock,
    Promise.all(Array.from({ length: 45 }, () => group.deliver(eventTo('a', 'add')))),
  )
  assert.equal(counters.transactions, before + 5)
})

test('deliver() commits the others when one event throws, and quarantines it after three attempts', async () => {
  const { group, clock, store } = await groupWith()
  const poison = eventTo('a', 'fail')
  const outcomes = await settle(
    clock,
    Promise.all(
      [eventTo('a', 'add'), poison, eventTo('b', 'add')].map((one) => group.deliver(one)),
    ),
  )
  assert.deepEqual(outcomes.map(({ status }) => status), ['applied', 'quarantined', 'applied'])
  const [letter] = await store.listDeadLetters(10)
  assert.deepEqual([letter?.id, letter?.actorId, letter?.kind], [poison.eventId, 'a', 'event'])
  assert.match(String(letter?.error), /always fails/)
})

test('deliver() answers later events of an actor while a poisoned one is tried again', async () => {
  const { group, clock } = await groupWith()
  const order: string[] = []
  const poisoned = group.deliver(eventTo('a', 'fail')).then(() => order.push('poison'))
  const sound = group.deliver(eventTo('a', 'add')).then(() => order.push('sound'))
  await settle(clock, Promise.all([poisoned, sound]))
  assert.deepEqual(order, ['sound', 'poison'])
})

test('deliver() treats a quarantined event as seen when it comes again', async () => {
  const { group, clock } = await groupWith()
  const poison = eventTo('a', 'fail')
  await settle(clock, group.deliver(poison))
  assert.equal((await settle(clock, group.deliver(poison))).status, 'duplicate')
})

for (const code of ['40001', '40P01', '08006', '53300', '57014']) {
  test(`deliver() tries a transaction again that failed with ${code}`, async () => {
    const parts = createParts()
    const { group, clock, counters } = await groupWith({ store: failing(parts.store, 3, code) }, [])
    const outcome = await settle(
      clock,
      group.deliver({ kind: 'create', eventId: 'new', actorId: 'a', type: 'counter', input: null }),
    )
    assert.deepEqual([outcome.status, counters.retries], ['applied', 3])
  })
}

test('deliver() fails with WE-SYS-002 when the database does not come back', async () => {
  const parts = createParts()
  const { group, clock } = await groupWith({ store: failing(parts.store, Infinity, '08006') }, [])
  await assert.rejects(
    settle(clock, group.deliver(eventTo('a', 'add'))),
    (failure: WebEncodeError) =>
      failure.code === 'WE-SYS-002' && failure.cause instanceof StoreFailure,
  )
  assert.equal(group.waiting, 0)
})

test('deliver() is safe when the answer of a commit is lost: the event is applied once', async () => {
  const { group, clock, store } = await groupWith()
  const commit = store.transaction
  let lost = false
  const flaky: ActorStore = {
    ...store,
    async transaction(work) {
      const result = await commit(work)
      if (lost) return result
      lost = true
      throw new StoreFailure('08006', 'the answer was lost')
    },
  }
  const parts = createParts()
  const second = new GroupCommit({ ...parts, store: flaky, clock, batchSize: 10 })
  const outcome = await settle(clock, second.deliver(eventTo('a', 'add')))
  assert.deepEqual([outcome.status, outcome.version], ['duplicate', 1])
  assert.equal(group.waiting, 0)
})

test('deliver() finds the one delivery that the database does not take', async () => {
  const { store } = createParts()
  const picky: ActorStore = {
    ...store,
    transaction: (work) =>
      store.transaction((tx) =>
        work({
          open: (request) => tx.open(request),
          pickReady: (requests, except) => tx.pickReady(requests, except),
          async write(changes) {
            if (changes.creates.some(({ id }) => id === 'bad')) {
              throw new StoreFailure('22P05', 'no such character')
            }
            await tx.write(changes)
          },
        })
      ),
  }
  const { group, clock } = await groupWith({ store: picky }, [])
  const ids = ['a', 'b', 'bad', 'c', 'd', 'e', 'f']
  const outcomes = await settle(
    clock,
    Promise.all(
      ids.map((actorId) =>
        group.deliver({ kind: 'create', eventId: 'new', actorId, type: 'counter', input: null })
      ),
    ),
  )
  assert.deepEqual(
    outcomes.map(({ status }, i) => [ids[i], status]).filter(([, status]) => status !== 'applied'),
    [['bad', 'quarantined']],
  )
})

test('drained() waits for deliveries between two attempts', async () => {
  const { group, clock } = await groupWith()
  const delivered = group.deliver(eventTo('a', 'fail'))
  await settle(clock, group.drained())
  assert.equal((await delivered).status, 'quarantined')
})

test('alone() gives the state of the actors it applied events to', async () => {
  const { group, clock } = await groupWith()
  const versions = await settle(
    clock,
    group.alone(async (_tx, apply) =>
      (await apply([eventTo('a', 'add'), eventTo('nobody', 'add')])).map(({ actor }) =>
        actor?.version
      )
    ),
  )
  assert.deepEqual(versions, [1, undefined])
})
