/** The behaviour that every actor store must show: run it with a function that opens an empty store. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { ActorStore } from './actor-store.ts'
import { changesOf, requestOf, storedActor } from './actor-store.samples.ts'
import {
  type ActorStoreSubject,
  describeLeases,
  describeReady,
  describeStaleReady,
} from './actor-store.leases.suite.ts'
import { sqlState } from './database.ts'

/** An empty store whose clock tests move. */
export interface OpenedStore {
  readonly store: ActorStore
  /** Lets time pass for timers, leases, waits and ages. */
  advance(ms: number): Promise<void>
  close(): Promise<void>
}

/**
 * Declares the suite.
 * @param openStore - opens an empty store; called before each test, closed after it
 */
export function describeActorStore(name: string, openStore: () => Promise<OpenedStore>): void {
  describe(name, { timeout: 120_000 }, () => {
    let opened: OpenedStore
    beforeEach(async () => {
      opened = await openStore()
    })
    afterEach(() => opened.close())
    const subject: ActorStoreSubject = {
      store: () => opened.store,
      advance: (ms) => opened.advance(ms),
      open: (request) => opened.store.transaction((tx) => tx.open(requestOf(request))),
      write: (changes) => opened.store.transaction((tx) => tx.write(changesOf(changes))),
    }
    describe('actors', () => describeActors(subject))
    describe('inbox', () => describeInbox(subject))
    describe('timers', () => describeTimers(subject))
    describe('outbox', () => describeOutbox(subject))
    describe('leases', () => describeLeases(subject))
    describe('ready tasks', () => describeReady(subject, []))
    const crowd = Array.from({ length: 100 }, (_, i) => `crowd-${i}`)
    describe('ready tasks among many', () => describeReady(subject, crowd))
    describe('stale ready tasks', () => describeStaleReady(subject))
    describe('dead letters', () => describeDeadLetters(subject))
  })
}

function describeActors({ store, open, write }: ActorStoreSubject): void {
  test('open() leaves out actors that do not exist', async () => {
    const state = await open({ actorIds: ['nobody'] })
    assert.deepEqual([...state.actors], [])
  })

  test('open() and readActor() give back what write() created', async () => {
    const actor = storedActor('a1', {
      snapshot: { value: { on: 'x' }, list: [1, null, 'ü"\\'], deep: { a: {} } },
    })
    await write({ creates: [actor] })
    const state = await open({ actorIds: ['a1', 'nobody'] })
    assert.deepEqual([...state.actors], [['a1', actor]])
    assert.deepEqual(await store().readActor('a1'), actor)
    assert.equal(await store().readActor('nobody'), undefined)
  })

  test('write() updates only the actors it names', async () => {
    await write({ creates: [storedActor('a1'), storedActor('a2')] })
    const next = storedActor('a1', {
      version: 1,
      status: 'done',
      snapshot: { n: 1 },
      machineVersion: 2,
    })
    await write({ updates: [next] })
    const state = await open({ actorIds: ['a1', 'a2'] })
    assert.deepEqual(state.actors.get('a1'), next)
    assert.deepEqual(state.actors.get('a2'), storedActor('a2'))
  })

  test('write() refuses to create an actor that exists, and writes nothing', async () => {
    await write({ creates: [storedActor('a1')] })
    await assert.rejects(
      write({ creates: [storedActor('a2'), storedActor('a1')] }),
      (failure) => sqlState(failure) === '23505',
    )
    assert.equal(await store().readActor('a2'), undefined)
  })

  test('open() sees what the same transaction wrote', async () => {
    const seen = await store().transaction(async (tx) => {
      await tx.write(changesOf({ creates: [storedActor('a1')] }))
      return await tx.open(requestOf({ actorIds: ['a1'] }))
    })
    assert.deepEqual(seen.actors.get('a1'), storedActor('a1'))
  })

  test('transaction() leaves nothing of a work that throws, and throws the same', async () => {
    const reason = new Error('changed my mind')
    const attempt = store().transaction(async (tx) => {
      await tx.open(requestOf({ events: [{ actorId: 'a1', eventId: 'e1' }] }))
      await tx.write(
        changesOf({
          creates: [storedActor('a1')],
          outbox: [{ id: 'a1:0:0', name: 'clean', params: {} }],
        }),
      )
      throw reason
    })
    await assert.rejects(attempt, (failure) => failure === reason)
    const state = await open({ actorIds: ['a1'], events: [{ actorId: 'a1', eventId: 'e1' }] })
    assert.equal(state.actors.size, 0)
    assert.deepEqual([...state.fresh], ['a1\ne1'])
    assert.deepEqual(await store().takeOutbox(10, 1000), [])
  })

  test('readLog() answers the entries of one actor by version', async () => {
    const entry = (actorId: string, version: number) => ({
      actorId,
      version,
      eventId: `e${version}`,
      event: { type: 'x', version },
    })
    await write({ log: [entry('a1', 0), entry('a2', 0)] })
    await write({ log: [entry('a1', 1), entry('a1', 2), entry('a1', 10)] })
    assert.deepEqual(
      await store().readLog('a1'),
      [0, 1, 2, 10].map((version) => entry('a1', version)),
    )
    assert.deepEqual(await store().readLog('nobody'), [])
  })
}

function describeInbox({ store, advance, open }: ActorStoreSubject): void {
  const event = { actorId: 'a1', eventId: 'e1' }

  test('open() finds an event fresh once', async () => {
    assert.deepEqual([...(await open({ events: [event] })).fresh], ['a1\ne1'])
    assert.deepEqual([...(await open({ events: [event] })).fresh], [])
  })

  test('open() tells the events of two actors apart', async () => {
    await open({ events: [event] })
    const state = await open({ events: [event, { actorId: 'a2', eventId: 'e1' }] })
    assert.deepEqual([...state.fresh], ['a2\ne1'])
  })

  test('open() finds an event fresh once within a transaction, too', async () => {
    const again = await store().transaction(async (tx) => {
      await tx.open(requestOf({ events: [event] }))
      return await tx.open(requestOf({ events: [event] }))
    })
    assert.deepEqual([...again.fresh], [])
  })

  test('pruneInbox() forgets events older than its age, and counts them', async () => {
    await open({ events: [event] })
    await advance(60_000)
    await open({ events: [{ actorId: 'a1', eventId: 'e2' }] })
    assert.equal(await store().pruneInbox(30_000), 1)
    const state = await open({ events: [event, { actorId: 'a1', eventId: 'e2' }] })
    assert.deepEqual([...state.fresh], ['a1\ne1'])
  })
}

function describeTimers({ store, advance, open, write }: ActorStoreSubject): void {
  const timer = {
    actorId: 'a1',
    key: 'k',
    uid: '1:0',
    delayMs: 10_000,
    event: { type: 'late', n: [1] },
  }
  const { actorId, key, uid, event } = timer

  test('nextTimerMs() is null without timers, the rest of the wait, and 0 when overdue', async () => {
    assert.equal(await store().nextTimerMs(), null)
    await write({ timersSet: [timer, { ...timer, key: 'later', delayMs: 3_600_000 }] })
    const restMs = await store().nextTimerMs()
    assert.ok(restMs !== null && restMs > 5_000 && restMs <= 10_000, `${restMs} ms`)
    await advance(20_000)
    assert.equal(await store().nextTimerMs(), 0)
  })

  test('listDueTimers() answers what is due, longest overdue first', async () => {
    await write({
      timersSet: [{ ...timer, delayMs: 10_000 }, { ...timer, key: 'sooner', delayMs: 5_000 }, {
        ...timer,
        key: 'far',
        delayMs: 90_000,
      }],
    })
    assert.deepEqual(await store().listDueTimers(10), [])
    await advance(30_000)
    const due = { actorId, uid, event }
    assert.deepEqual(await store().listDueTimers(10), [{ ...due, key: 'sooner' }, { ...due, key }])
    assert.deepEqual(await store().listDueTimers(1), [{ ...due, key: 'sooner' }])
  })

  test('open() consumes exactly the timer that is set, once', async () => {
    await write({ timersSet: [timer] })
    assert.deepEqual([...(await open({ timers: [{ actorId, key, uid: '0:9' }] })).fired], [])
    assert.deepEqual([...(await open({ timers: [{ actorId, key, uid }] })).fired], ['a1\nk\n1:0'])
    assert.deepEqual([...(await open({ timers: [{ actorId, key, uid }] })).fired], [])
    assert.equal(await store().nextTimerMs(), null)
  })

  test('write() replaces a timer of the same key', async () => {
    await write({ timersSet: [timer] })
    await write({ timersSet: [{ ...timer, uid: '2:0', delayMs: 1 }] })
    await advance(1_000)
    assert.deepEqual(await store().listDueTimers(10), [{ actorId, key, uid: '2:0', event }])
  })

  test('write() cancels one timer, and clears all of an actor', async () => {
    await write({
      timersSet: [timer, { ...timer, key: 'k2' }, { ...timer, actorId: 'a2' }, {
        ...timer,
        actorId: 'a2',
        key: 'k2',
      }],
    })
    await write({ timersCancelled: [{ actorId: 'a1', key: 'k' }], timersCleared: ['a2'] })
    await advance(60_000)
    assert.deepEqual((await store().listDueTimers(10)).map((due) => [due.actorId, due.key]), [[
      'a1',
      'k2',
    ]])
  })

  test('write() keeps a timer that the same batch cancels or clears and sets again', async () => {
    await write({ timersSet: [timer, { ...timer, actorId: 'a2' }] })
    await write({
      timersSet: [{ ...timer, uid: '2:0' }, { ...timer, actorId: 'a2', uid: '2:0' }],
      timersCancelled: [{ actorId, key }],
      timersCleared: ['a2'],
    })
    await advance(60_000)
    const due = (await store().listDueTimers(10)).map((one) => [one.actorId, one.uid])
    assert.deepEqual(due.toSorted(), [['a1', '2:0'], ['a2', '2:0']])
  })
}

function describeOutbox({ store, advance, write }: ActorStoreSubject): void {
  const entry = (n: number) => ({ id: `a1:${n}:0`, name: 'tell', params: { to: 'x', n } })

  test('takeOutbox() takes the oldest first and hides them for a while', async () => {
    await write({ outbox: [entry(2), entry(1)] })
    await advance(10)
    await write({ outbox: [entry(3)] })
    assert.deepEqual(await store().takeOutbox(2, 10_000), [{ ...entry(2), attempts: 0 }, {
      ...entry(1),
      attempts: 0,
    }])
    assert.deepEqual(await store().takeOutbox(2, 10_000), [{ ...entry(3), attempts: 0 }])
    assert.deepEqual(await store().takeOutbox(2, 10_000), [])
    await advance(20_000)
    assert.equal((await store().takeOutbox(10, 10_000)).length, 3)
  })

  test('deleteOutbox() removes what is done', async () => {
    await write({ outbox: [entry(1), entry(2)] })
    await store().deleteOutbox(['a1:1:0', 'nothing'])
    assert.deepEqual((await store().takeOutbox(10, 0)).map(({ id }) => id), ['a1:2:0'])
  })

  test('postponeOutbox() makes rows due later and counts attempts', async () => {
    await write({ outbox: [entry(1)] })
    await store().takeOutbox(10, 60_000)
    await store().postponeOutbox(['a1:1:0'], 5_000)
    assert.deepEqual(await store().takeOutbox(10, 60_000), [])
    await advance(10_000)
    assert.deepEqual(await store().takeOutbox(10, 60_000), [{ ...entry(1), attempts: 1 }])
  })
}

function describeDeadLetters({ store }: ActorStoreSubject): void {
  const letter = {
    id: 'e1',
    kind: 'event' as const,
    actorId: 'a1',
    payload: { type: 'x', list: [1] },
    error: 'it threw',
  }

  test('quarantine() sets letters aside until they are deleted', async () => {
    const effect = {
      ...letter,
      id: 'a1:1:0',
      kind: 'effect' as const,
      actorId: null,
      payload: null,
    }
    await store().quarantine([letter, effect])
    const letters = await store().listDeadLetters(10)
    assert.deepEqual(letters.toSorted((a, b) => a.id < b.id ? -1 : 1), [effect, letter])
    assert.equal((await store().listDeadLetters(1)).length, 1)
    await store().deleteDeadLetter('e1')
    assert.deepEqual(await store().listDeadLetters(10), [effect])
  })

  test('quarantine() of the same letter again keeps the newer error', async () => {
    await store().quarantine([letter])
    await store().quarantine([{ ...letter, error: 'it threw again' }])
    assert.deepEqual(await store().listDeadLetters(10), [{ ...letter, error: 'it threw again' }])
  })
}
