/** The memory store behaves as a database does where the engine depends on it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { counterActor } from '../test-machines.ts'
import { describeActorStore } from '../../../kernel/db/actor-store.suite.ts'
import type { BatchChanges, BatchRequest } from '../../../kernel/db/actor-store.ts'
import { StoreFailure } from './memory-locks.ts'
import { createMemoryStore } from './memory-store.ts'
import { createVirtualClock, settled } from './virtual-clock.ts'

describeActorStore('memory actor store', async () => {
  let now = 1_700_000_000_000
  return {
    store: createMemoryStore({ clock: { now: () => now } }),
    async advance(ms) {
      now += ms
    },
    async close() {},
  }
})

const nothing: BatchChanges = {
  creates: [],
  updates: [],
  log: [],
  outbox: [],
  timersSet: [],
  timersCancelled: [],
  timersCleared: [],
  jobs: [],
  tasks: [],
  workers: [],
  plugins: [],
}
const opening = (...actorIds: string[]): BatchRequest => ({
  actorIds,
  events: [],
  timers: [],
  expiredLeases: [],
})

async function storeWith(...ids: string[]) {
  const store = createMemoryStore({ clock: createVirtualClock(0) })
  await store.transaction((tx) =>
    tx.write({ ...nothing, creates: ids.map((id) => counterActor(id)) })
  )
  return store
}

test('a transaction shows its changes to itself at once, to others after the commit', async () => {
  const store = await storeWith('a')
  const tx = store.begin()
  await tx.open(opening('a'))
  await tx.write({ ...nothing, updates: [counterActor('a', 5, 1)] })
  assert.equal((await tx.open(opening('a'))).actors.get('a')?.version, 1)
  assert.equal((await store.readActor('a'))?.version, 0)
  store.commit(tx)
  assert.equal((await store.readActor('a'))?.version, 1)
})

test('a transaction that throws leaves no actor, no inbox row and no lock, and its timers set', async () => {
  const store = await storeWith('a')
  const timer = { actorId: 'a', key: 'k', uid: '0:0' }
  const event = { actorId: 'a', eventId: 'e' }
  await store.transaction((tx) =>
    tx.write({ ...nothing, timersSet: [{ ...timer, delayMs: 1, event: null }] })
  )
  const request = { ...opening('a'), events: [event], timers: [timer] }
  await assert.rejects(store.transaction(async (tx) => {
    const state = await tx.open(request)
    assert.deepEqual([state.fresh.size, state.fired.size], [1, 1])
    await tx.write({ ...nothing, creates: [counterActor('b')] })
    throw new Error('no')
  }))
  assert.equal(await store.readActor('b'), undefined)
  await store.transaction(async (tx) => {
    const state = await tx.open(request)
    assert.deepEqual([state.fresh.size, state.fired.size], [1, 1])
  })
})

test('open() waits for the transaction that holds the actor, and then sees what it committed', async () => {
  const store = await storeWith('a')
  const first = store.begin()
  await first.open(opening('a'))
  let version: number | undefined
  const second = store.transaction(async (tx) => {
    version = (await tx.open(opening('a'))).actors.get('a')?.version
  })
  await settled()
  assert.equal(version, undefined)
  await first.write({ ...nothing, updates: [counterActor('a', 1, 1)] })
  store.commit(first)
  await second
  assert.equal(version, 1)
})

test('two transactions that wait for each other: one fails with 40P01, the other goes on', async () => {
  const store = await storeWith('a', 'b')
  const [one, other] = [store.begin(), store.begin()]
  await one.open(opening('a'))
  await other.open(opening('b'))
  const waiting = one.open(opening('b'))
  await assert.rejects(
    other.open(opening('a')),
    (failure: StoreFailure) => failure.code === '40P01',
  )
  other.rollback()
  assert.equal((await waiting).actors.size, 1)
})

test('a transaction that ends while it waits for a lock never takes it', async () => {
  const store = await storeWith('a')
  const [holder, waiter, last] = [store.begin(), store.begin(), store.begin()]
  await holder.open(opening('a'))
  const waiting = waiter.open(opening('a'))
  waiter.rollback()
  holder.rollback()
  await assert.rejects(waiting, (failure: StoreFailure) => failure.code === '57P01')
  assert.equal((await last.open(opening('a'))).actors.size, 1)
})

test('write() refuses an actor that exists already with 23505', async () => {
  const store = await storeWith('a')
  const creating = store.transaction((tx) => tx.write({ ...nothing, creates: [counterActor('a')] }))
  await assert.rejects(creating, (failure: StoreFailure) => failure.code === '23505')
})
