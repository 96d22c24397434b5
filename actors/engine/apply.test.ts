import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Batch } from './apply.ts'
import type { EventDelivery, Outcome } from './delivery.ts'
import { counterActor, counterRegistry, eventTo, stateWith, timerKey } from './test-machines.ts'

function batchOf(
  actors: Parameters<typeof stateWith>[0],
  deliveries: readonly EventDelivery[],
  facts = {},
) {
  return new Batch(counterRegistry, stateWith(actors, deliveries, facts))
}

const statusOf = ({ status }: Outcome) => status
const contextOf = (batch: Batch, id: string) =>
  (batch.actor(id)!.snapshot as unknown as { context: unknown }).context

test('apply() raises the version by one for each event, and logs it', () => {
  const deliveries = [eventTo('a', 'add'), eventTo('a', 'add'), eventTo('a', 'add')]
  const batch = batchOf([counterActor('a', 0, 5)], deliveries)
  assert.deepEqual(deliveries.map((one) => batch.apply(one).version), [6, 7, 8])
  assert.deepEqual(contextOf(batch, 'a'), { n: 3 })
  const { updates, log } = batch.changes()!
  assert.deepEqual(updates.map(({ version }) => version), [8])
  assert.deepEqual(
    log.map(({ version, eventId }) => [version, eventId]),
    deliveries.map(({ eventId }, i) => [6 + i, eventId]),
  )
})

test('apply() applies the same event id once, in one batch too', () => {
  const delivery = eventTo('a', 'add')
  const batch = batchOf([counterActor('a')], [delivery])
  assert.deepEqual([delivery, delivery].map((one) => batch.apply(one)).map(statusOf), [
    'applied',
    'duplicate',
  ])
  assert.deepEqual(contextOf(batch, 'a'), { n: 1 })
})

test('apply() keeps apart the same event id for two actors', () => {
  const deliveries = [
    eventTo('a', 'add', { eventId: 'same' }),
    eventTo('b', 'add', { eventId: 'same' }),
  ]
  const batch = batchOf([counterActor('a'), counterActor('b')], deliveries)
  assert.deepEqual(deliveries.map((one) => statusOf(batch.apply(one))), ['applied', 'applied'])
})

test('apply() writes nothing for an event that the machine ignores', () => {
  const delivery = eventTo('a', 'unknown')
  const batch = batchOf([counterActor('a', 0, 3)], [delivery])
  assert.deepEqual(batch.apply(delivery), { status: 'ignored', version: 3, value: 'idle' })
  assert.equal(batch.changes(), undefined)
})

test('apply() refuses events for an actor that has ended, and misses one that is not there', () => {
  const deliveries = [eventTo('a', 'end'), eventTo('a', 'add'), eventTo('nobody', 'add')]
  const batch = batchOf([counterActor('a')], deliveries)
  assert.deepEqual(deliveries.map((one) => statusOf(batch.apply(one))), [
    'applied',
    'refused',
    'missing',
  ])
})

test('apply() clears every timer of an actor that ends, because XState cancels none', () => {
  const deliveries = [eventTo('a', 'wait'), eventTo('a', 'end')]
  const batch = batchOf([counterActor('a')], deliveries)
  deliveries.forEach((one) => batch.apply(one))
  const { timersCleared, timersSet } = batch.changes()!
  assert.deepEqual([timersCleared, timersSet], [['a'], []])
})

test('apply() gives timers a uid of version and index, and keeps the last word for a key', () => {
  const deliveries = [eventTo('a', 'wait'), eventTo('a', 'wait')]
  const batch = batchOf([counterActor('a')], deliveries)
  deliveries.forEach((one) => batch.apply(one))
  const { timersSet, timersCancelled } = batch.changes()!
  assert.deepEqual(timersSet.map(({ key, uid }) => [key, uid]), [[timerKey, '2:1']])
  assert.deepEqual(timersCancelled, [])
})

test('apply() cancels a timer of the store when its state is left', () => {
  const [wait, stop] = [eventTo('a', 'wait'), eventTo('a', 'stop')]
  const waiting = batchOf([counterActor('a')], [wait])
  waiting.apply(wait)
  const batch = batchOf([waiting.actor('a')!], [stop])
  batch.apply(stop)
  assert.deepEqual(batch.changes()!.timersCancelled, [{ actorId: 'a', key: timerKey }])
})

const firing = (uid: string): EventDelivery =>
  eventTo('a', timerKey, { eventId: `timer:${uid}`, fence: { kind: 'timer', key: timerKey, uid } })

function waitingActor() {
  const wait = eventTo('a', 'wait')
  const batch = batchOf([counterActor('a')], [wait])
  batch.apply(wait)
  return batch.actor('a')!
}

test('apply() lets a timer fire only while the store still has that very timer', () => {
  const [right, stale] = [firing('1:0'), firing('0:0')]
  const batch = batchOf([waitingActor()], [right, stale], {
    fired: new Set([`a\n${timerKey}\n1:0`]),
  })
  assert.deepEqual([stale, right].map((one) => statusOf(batch.apply(one))), ['fenced', 'applied'])
})

for (const first of ['stop', 'wait']) {
  test(`apply() fences a timer that an earlier "${first}" of the same batch made stale`, () => {
    const [before, fire] = [eventTo('a', first), firing('1:0')]
    const batch = batchOf([waitingActor()], [before, fire], {
      fired: new Set([`a\n${timerKey}\n1:0`]),
    })
    assert.deepEqual([before, fire].map((one) => statusOf(batch.apply(one))), ['applied', 'fenced'])
  })
}

test('apply() fences the end of a lease that the database does not confirm', () => {
  const lease = (leaseToken: string) =>
    eventTo('a', 'add', { fence: { kind: 'expiredLease', leaseToken } })
  const deliveries = [lease('held'), lease('gone')]
  const batch = batchOf([counterActor('a')], deliveries, { expired: new Set(['a\ngone']) })
  assert.deepEqual(deliveries.map((one) => statusOf(batch.apply(one))), ['fenced', 'applied'])
})

test('apply() fences an event that was meant for another version', () => {
  const deliveries = [
    eventTo('a', 'add', { fence: { kind: 'version', version: 4 } }),
    eventTo('a', 'add', { fence: { kind: 'version', version: 4 } }),
  ]
  const batch = batchOf([counterActor('a', 0, 4)], deliveries)
  assert.deepEqual(deliveries.map((one) => statusOf(batch.apply(one))), ['applied', 'fenced'])
})

test('apply() leaves the batch as it was when the event throws', () => {
  const [add, fail, last] = [eventTo('a', 'add'), eventTo('a', 'fail'), eventTo('a', 'add')]
  const batch = batchOf([counterActor('a')], [add, fail, last])
  batch.apply(add)
  assert.throws(() => batch.apply(fail), /always fails/)
  assert.equal(batch.apply(last).version, 2)
  assert.equal(batch.changes()!.log.length, 2)
})

test('apply() numbers effects by actor, version and index', () => {
  const deliveries = [eventTo('a', 'announce'), eventTo('a', 'announce')]
  const batch = batchOf([counterActor('a', 0, 8)], deliveries)
  deliveries.forEach((one) => batch.apply(one))
  assert.deepEqual(batch.changes()!.outbox.map(({ id, name }) => [id, name]), [[
    'a:9:0',
    'announce',
  ], ['a:10:0', 'announce']])
})

const spawning = (): EventDelivery => ({
  ...eventTo('a', 'spawn'),
  event: { type: 'spawn', id: 'child' },
})

test('adopt() creates a spawned actor with its first log entry, under the id of the effect', () => {
  const delivery = spawning()
  const batch = batchOf([counterActor('a')], [delivery])
  batch.apply(delivery)
  assert.deepEqual(batch.spawnedIds, ['child'])
  batch.adopt(stateWith([], []))
  assert.deepEqual(batch.spawnedIds, [])
  const { creates, log, outbox } = batch.changes()!
  assert.deepEqual(creates.map(({ id, version }) => [id, version]), [['child', 0]])
  assert.deepEqual(log.at(-1), {
    actorId: 'child',
    version: 0,
    eventId: 'a:1:0',
    event: { type: 'xstate.init', input: { n: 7 } },
  })
  assert.deepEqual(outbox, [])
})

test('adopt() leaves a spawned actor alone that exists already', () => {
  const delivery = spawning()
  const batch = batchOf([counterActor('a')], [delivery])
  batch.apply(delivery)
  batch.adopt(stateWith([counterActor('child', 99, 12)], []))
  assert.deepEqual(batch.changes()!.creates, [])
  assert.deepEqual(contextOf(batch, 'child'), { n: 99 })
})

test('apply() creates an actor once', () => {
  const create = (eventId: string) =>
    ({ kind: 'create', eventId, actorId: 'a', type: 'counter', input: null }) as const
  const batch = new Batch(
    counterRegistry,
    stateWith([], [], { fresh: new Set(['a\none', 'a\ntwo']) }),
  )
  assert.deepEqual([create('one'), create('two')].map((one) => statusOf(batch.apply(one))), [
    'applied',
    'duplicate',
  ])
})
