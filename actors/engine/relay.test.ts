import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WebEncodeError } from '../../kernel/errors.ts'
import { createEngine } from './engine.ts'
import type { OuterHandlers } from './effect-handlers.ts'
import { createParts, idleHandlers, runFor, settle } from './test-machines.ts'

/** An engine with one actor, `a`, that is not started. */
async function engineWith(handlers: Partial<OuterHandlers> = {}) {
  const parts = createParts()
  const engine = createEngine({ ...parts, handlers: { ...idleHandlers, ...handlers } })
  await settle(parts.clock, engine.create('counter', 'a', null))
  return { ...parts, engine }
}

test('the relay carries out an effect right after the commit, with its id', async () => {
  const ids: string[] = []
  const { engine, clock, store } = await engineWith({
    announce: async (_, { id }) => void ids.push(id),
  })
  engine.start()
  await settle(clock, engine.send('a', { type: 'announce' }))
  await runFor(clock, 0)
  assert.deepEqual(ids, ['a:1:0'])
  assert.equal(store.tables.outbox.size, 0)
})

test('the relay delivers `tell` under the effect id, so that a repetition changes nothing', async () => {
  const { engine, clock, store } = await engineWith()
  await settle(clock, engine.create('counter', 'b', null))
  await settle(clock, engine.send('a', { type: 'tell', to: 'b' }))
  const row = [...store.tables.outbox.values()][0]!
  engine.start()
  await runFor(clock, 10)
  // As if the relay had died between the delivery and the deletion of the row.
  store.tables.outbox.set(row.id, { ...row, dueAt: clock.now() })
  await runFor(clock, 5000)
  assert.equal((await store.readActor('b'))?.version, 1)
  assert.equal(store.tables.outbox.size, 0)
})

test('the relay keeps an effect whose handler throws, and tries it later', async () => {
  let failures = 3
  const at: number[] = []
  const { engine, clock, store } = await engineWith({
    announce: async () => {
      at.push(clock.now())
      if (failures-- > 0) throw new WebEncodeError('WE-SYS-003', 'the bus is away')
    },
  })
  engine.start()
  await settle(clock, engine.send('a', { type: 'announce' }))
  await runFor(clock, 20_000)
  assert.equal(at.length, 4)
  assert.ok(
    at.every((time, i) => i === 0 || time - at[i - 1]! >= 500 * 2 ** (i - 1)),
    'each wait is twice the one before',
  )
  assert.equal(store.tables.outbox.size, 0)
})

test('the relay sets an effect aside after twenty failures, and redrive() gives it back', async () => {
  let broken = true
  const { engine, clock, store } = await engineWith({
    announce: async () => {
      if (broken) throw new Error('no one listens')
    },
  })
  engine.start()
  await settle(clock, engine.send('a', { type: 'announce' }))
  await runFor(clock, 6 * 3_600_000)
  assert.equal(store.tables.outbox.size, 0)
  assert.equal(engine.stats().effectFailures, 21)
  const [letter] = await store.listDeadLetters(10)
  assert.deepEqual([letter?.kind, letter?.id, letter?.actorId], ['effect', 'a:1:0', 'a'])
  await assert.rejects(engine.redrive('a:1:0'), /no one listens/)
  broken = false
  assert.equal(await engine.redrive('a:1:0'), true)
  assert.deepEqual(await store.listDeadLetters(10), [])
})

test('the relay does not let one failing effect hold up the others', async () => {
  const { engine, clock, store } = await engineWith({
    announce: async () => Promise.reject(new Error('no')),
  })
  await settle(clock, engine.create('counter', 'b', null))
  await settle(
    clock,
    Promise.all([
      engine.send('a', { type: 'announce' }),
      engine.send('a', { type: 'tell', to: 'b' }),
    ]),
  )
  engine.start()
  await runFor(clock, 10)
  assert.equal((await store.readActor('b'))?.version, 1)
})

test('the relay sends an effect of an unknown name to the dead letters, not round for ever', async () => {
  const { engine, clock, store } = await engineWith()
  store.tables.outbox.set('a:9:0', {
    id: 'a:9:0',
    name: 'dance',
    params: {},
    order: 0,
    attempts: 20,
    dueAt: 0,
  })
  engine.start()
  await runFor(clock, 0)
  assert.match(String((await store.listDeadLetters(1))[0]?.error), /"dance", which has no handler/)
})

test('the relay does not let one slow effect hold up the others, nor begins it twice', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  let begun = 0
  const { engine, clock, store } = await engineWith({
    announce: () => {
      begun++
      return promise
    },
  })
  engine.start()
  await settle(clock, engine.create('counter', 'b', null))
  await settle(clock, engine.send('a', { type: 'announce' }))
  await runFor(clock, 1000)
  await settle(clock, engine.send('a', { type: 'tell', to: 'b' }))
  await runFor(clock, 1000)
  assert.equal((await store.readActor('b'))?.version, 1)
  // Longer than it stays hidden.
  await runFor(clock, 120_000)
  assert.equal(begun, 1)
  assert.equal(store.tables.outbox.size, 1)
  resolve()
  await runFor(clock, 0)
  assert.equal(store.tables.outbox.size, 0)
  assert.equal(engine.stats().effects, 2)
})

test('engine.stop() waits for the effects that are carried out', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { engine, clock, store } = await engineWith({ announce: () => promise })
  engine.start()
  await settle(clock, engine.send('a', { type: 'announce' }))
  await runFor(clock, 5000)
  let isStopped = false
  const stopped = engine.stop().then(() => isStopped = true)
  await runFor(clock, 5000)
  assert.equal(isStopped, false)
  resolve()
  await settle(clock, stopped)
  assert.equal(store.tables.outbox.size, 0)
})
