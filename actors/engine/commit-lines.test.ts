import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WebEncodeError } from '../../kernel/errors.ts'
import type { ActorStore } from '../../kernel/db/actor-store.ts'
import { CommitLines } from './commit-lines.ts'
import { createParts, eventTo, settle } from './test-machines.ts'

const actors = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']

/** A store that notes how many of its transactions run at once. */
function watched(store: ActorStore, concurrency: number) {
  const seen = { now: 0, most: 0 }
  const watching: ActorStore = {
    ...store,
    concurrency,
    async transaction(work) {
      seen.most = Math.max(seen.most, seen.now += 1)
      try {
        return await store.transaction(work)
      } finally {
        seen.now -= 1
      }
    },
  }
  return { store: watching, seen }
}

async function linesWith(concurrency: number) {
  const parts = createParts()
  const { store, seen } = watched(parts.store, concurrency)
  const lines = new CommitLines({ ...parts, store, capacity: 30, batchSize: 4 })
  const creations = actors.map((actorId) =>
    lines.deliver({ kind: 'create', eventId: 'new', actorId, type: 'counter', input: null })
  )
  await settle(parts.clock, Promise.all(creations))
  return { ...parts, lines, seen }
}

test('one line runs one transaction at a time, three run three', async () => {
  for (const concurrency of [1, 3]) {
    const { lines, seen, clock } = await linesWith(concurrency)
    await settle(clock, Promise.all(actors.map((id) => lines.deliver(eventTo(id, 'add')))))
    assert.equal(seen.most, concurrency)
  }
})

test('the events of an actor are applied in the order in which they were sent', async () => {
  const { lines, clock } = await linesWith(3)
  const sent = Array.from({ length: 24 }, (_, i) => {
    const id = actors[i % actors.length]!
    return lines.deliver(eventTo(id, 'add')).then(({ version }) => ({ id, version }))
  })
  const outcomes = await settle(clock, Promise.all(sent))
  for (const actor of actors) {
    const versions = outcomes.filter(({ id }) => id === actor).map(({ version }) => version)
    assert.deepEqual(versions, Array.from({ length: 3 }, (_, i) => i + 1))
  }
})

test('transactions of their own take turns over the lines', async () => {
  const { lines, seen, clock } = await linesWith(3)
  const work = () => lines.alone(async (tx, apply) => await apply([eventTo('a', 'add')]) && tx)
  await settle(clock, Promise.all([work(), work(), work(), work()]))
  assert.equal(seen.most, 3)
})

test('waiting counts every line, and drained() waits for every line', async () => {
  const { lines, clock } = await linesWith(3)
  const sent = actors.map((id) => lines.deliver(eventTo(id, 'add')))
  assert.equal(lines.waiting, actors.length)
  await settle(clock, lines.drained())
  assert.equal(lines.waiting, 0)
  await Promise.all(sent)
})

test('deliver() turns callers away when too much waits, but never the engine itself', async () => {
  const { lines, clock } = await linesWith(3)
  const waiting = Array.from(
    { length: 30 },
    (_, i) => lines.deliver(eventTo(actors[i % 8]!, 'add')),
  )
  await assert.rejects(
    lines.deliver(eventTo('a', 'add')),
    (failure: WebEncodeError) => failure.code === 'WE-SYS-004' && failure.retryAfterSeconds === 1,
  )
  const inner = lines.deliver(eventTo('a', 'add'), { inner: true })
  assert.equal((await settle(clock, Promise.all([...waiting, inner]))).length, 31)
  assert.equal((await settle(clock, lines.deliver(eventTo('a', 'add')))).status, 'applied')
})

test('alone() turns callers away when too many wait', async () => {
  const { lines, clock } = await linesWith(3)
  const work = () => lines.alone(async (tx, apply) => await apply([eventTo('a', 'add')]) && tx)
  const waiting = Array.from({ length: 30 }, work)
  await assert.rejects(
    work(),
    (failure: WebEncodeError) => failure.code === 'WE-SYS-004' && failure.retryAfterSeconds === 1,
  )
  assert.equal((await settle(clock, Promise.all(waiting))).length, 30)
  await settle(clock, work())
})
