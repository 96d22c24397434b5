/** What keeps actors moving: timers, the reconciler, dead letters that are redriven, and an engine that stops. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TaskRow } from '../../kernel/db/actor-store.ts'
import { createEngine } from './engine.ts'
import { reconcileRound } from './reconcile.ts'
import { replayActor } from './replay.ts'
import { timerRound } from './timers.ts'
import { createParts, idleHandlers, runFor, settle, timerKey } from './test-machines.ts'

async function engineWith() {
  const parts = createParts()
  const engine = createEngine({ ...parts, handlers: idleHandlers })
  await settle(parts.clock, engine.create('counter', 'a', null))
  return { ...parts, engine }
}

test('a timer fires once, when it is due', async () => {
  const { engine, clock, store } = await engineWith()
  engine.start()
  await settle(clock, engine.send('a', { type: 'wait' }))
  await runFor(clock, 990)
  assert.equal((await store.readActor('a'))?.version, 1)
  await runFor(clock, 20)
  assert.equal((await store.readActor('a'))?.version, 2)
  await runFor(clock, 20_000)
  assert.equal((await store.readActor('a'))?.version, 2)
  assert.equal(store.tables.timers.size, 0)
})

test('a timer that was due while no engine ran fires when one starts', async () => {
  const { engine, clock, store } = await engineWith()
  await settle(clock, engine.send('a', { type: 'wait' }))
  clock.after(3_600_000, () => engine.start())
  await runFor(clock, 3_600_000)
  assert.equal((await store.readActor('a'))?.version, 2)
})

test('timerRound() fires nothing for a timer that was set again after it was listed', async () => {
  const { engine, clock, store } = await engineWith()
  await settle(clock, engine.send('a', { type: 'wait' }))
  clock.after(1000, () => {})
  await runFor(clock, 1000)
  const listed = await store.listDueTimers(10)
  await settle(clock, engine.send('a', { type: 'wait' }))
  const stale = { ...store, listDueTimers: async () => listed }
  const fired: string[] = []
  await timerRound(stale, async (delivery) => {
    const { result } = await store.transaction(async (tx) => {
      const { fired } = await tx.open({
        actorIds: ['a'],
        events: [],
        timers: [{ actorId: 'a', key: timerKey, uid: listed[0]!.uid }],
        expiredLeases: [],
      })
      return { result: fired.size }
    })
    fired.push(`${delivery.eventId} ${result}`)
    return { status: 'fenced', version: 0, value: null }
  })
  assert.deepEqual(fired, [`timer:${timerKey}:1:0 0`])
})

const task: TaskRow = {
  id: 'a',
  jobId: 'j',
  kind: 'encode',
  index: 0,
  params: null,
  startSeconds: 0,
  endSeconds: 0,
  weight: 1,
  status: 'running',
  lane: 'cpu',
  videoCodec: '',
  region: 'local',
  priority: 0,
  deadline: null,
  owner: 'u',
  attempt: 1,
  maxAttempts: 3,
  avoidWorkerId: null,
  workerId: 'w',
  leaseToken: 'token',
  leaseMs: 1000,
  result: null,
  outputKey: null,
  outputSizeBytes: null,
  error: null,
  hedgeOf: null,
}

test('reconcileRound() takes back a lease that was renewed at the last moment and runs out later', async () => {
  const { engine, clock, store } = await engineWith()
  const now = clock.now()
  store.tables.tasks.set('a', { row: task, leaseUntil: now, readyAt: now, progress: 0 })
  const statuses: string[] = []
  const options = {
    store,
    clock,
    ring: idleHandlers.ring,
    staleReadyMs: 1,
    deliver: async (delivery: Parameters<Parameters<typeof timerRound>[1]>[0]) => {
      // The first time, the worker's heartbeat comes between the look and the transaction.
      if (statuses.length === 0) store.tables.tasks.get('a')!.leaseUntil = now + 1000
      const { result } = await engine.inTransaction(async (_tx, apply) => ({
        result: (await apply([delivery]))[0]!.outcome,
      }))
      statuses.push(result.status)
      return result
    },
  }
  await reconcileRound(options)
  clock.after(2000, () => {})
  await clock.advance()
  await reconcileRound(options)
  // The counter has no transition for the end of a lease: `ignored` says that it reached the machine.
  assert.deepEqual(statuses, ['fenced', 'ignored'])
})

test('reconcileRound() rings again, under a new id, for a task that nobody claims', async () => {
  const { clock, store } = await engineWith()
  const now = clock.now()
  store.tables.tasks.set('a', {
    row: { ...task, status: 'ready', leaseToken: null },
    leaseUntil: null,
    readyAt: now - 40_000,
    progress: 0,
  })
  const rung: string[] = []
  const options = {
    store,
    clock,
    deliver: async () => assert.fail('nothing to deliver'),
    staleReadyMs: 30_000,
    ring: async (_: unknown, { id }: { id: string }) => void rung.push(id),
  }
  await reconcileRound(options)
  clock.after(5000, () => {})
  await clock.advance()
  await reconcileRound(options)
  assert.equal(new Set(rung).size, 2)
})

test('redrive() gives an event back under a new id', async () => {
  const { engine, clock, store } = await engineWith()
  await store.quarantine([{
    id: 'e',
    kind: 'event',
    actorId: 'a',
    error: 'x',
    payload: { kind: 'event', eventId: 'e', actorId: 'a', event: { type: 'add' }, version: 0 },
  }])
  assert.equal(await settle(clock, engine.redrive('e')), true)
  assert.equal((await store.readActor('a'))?.version, 1)
  assert.deepEqual(await store.listDeadLetters(10), [])
  await assert.rejects(engine.redrive('e'), RangeError)
})

test('redrive() of an event that still throws leaves it set aside, under its new id', async () => {
  const { engine, clock, store } = await engineWith()
  await settle(clock, engine.send('a', { type: 'fail' }, { eventId: 'bad' }))
  assert.equal(await settle(clock, engine.redrive('bad')), false)
  assert.deepEqual((await store.listDeadLetters(10)).map(({ id }) => id), ['bad~'])
})

test('redrive() of a timer counts only while the actor is as it was', async () => {
  const { engine, clock, store } = await engineWith()
  const letter = (version: number) => ({
    id: `t${version}`,
    kind: 'event',
    actorId: 'a',
    error: 'x',
    payload: {
      kind: 'event',
      eventId: `t${version}`,
      actorId: 'a',
      event: { type: 'add' },
      fence: { kind: 'timer', key: 'k', uid: '0:0' },
      version,
    },
  } as const)
  await store.quarantine([letter(5), letter(0)])
  await settle(clock, engine.redrive('t5'))
  assert.equal((await store.readActor('a'))?.version, 0)
  await settle(clock, engine.redrive('t0'))
  assert.equal((await store.readActor('a'))?.version, 1)
})

test("send() refuses XState's own events, which would end an actor behind its back", async () => {
  const { engine } = await engineWith()
  for (const type of ['xstate.stop', 'xstate.error.actor.x', '*', '']) {
    await assert.rejects(engine.send('a', { type }), TypeError)
  }
})

test('send() and create() refuse what is not JSON', async () => {
  const { engine } = await engineWith()
  await assert.rejects(
    engine.send('a', { type: 'add', at: new Date() } as never),
    /event\.at must survive JSON/,
  )
  await assert.rejects(
    engine.create('counter', 'b', { at: () => 1 } as never),
    /input\.at must survive JSON/,
  )
  await assert.rejects(engine.create('robot', 'b', null), /type "robot" is not registered/)
})

test('send() keeps its own copy of the event', async () => {
  const { engine, clock, store } = await engineWith()
  const event = { type: 'tell', to: 'b' }
  const sent = engine.send('a', event)
  event.to = 'someone else'
  await settle(clock, sent)
  assert.deepEqual([...store.tables.outbox.values()][0]?.params, {
    to: 'b',
    event: { type: 'add' },
  })
})

test('stop() waits for what was handed over', async () => {
  const { engine, clock, store } = await engineWith()
  engine.start()
  const sent = Promise.all(Array.from({ length: 300 }, () => engine.send('a', { type: 'add' })))
  await settle(clock, engine.stop())
  assert.equal((await store.readActor('a'))?.version, 300)
  assert.equal((await sent).length, 300)
  assert.equal(engine.stats().waiting, 0)
})

test('replayActor() gives the stored snapshot, and notices one that does not follow from the log', async () => {
  const { engine, clock, store, registry } = await engineWith()
  await settle(
    clock,
    Promise.all(['add', 'wait', 'add', 'stop'].map((type) => engine.send('a', { type }))),
  )
  assert.equal((await replayActor(store, registry, 'a')).equal, true)
  const row = store.tables.actors.get('a')!
  store.tables.actors.set('a', { ...row, snapshotText: row.snapshotText.replace('"n":2', '"n":3') })
  assert.match((await replayActor(store, registry, 'a')).problem, /differs from the stored one/)
  store.tables.log.get('a')!.splice(2, 1)
  assert.match(
    (await replayActor(store, registry, 'a')).problem,
    /entry 2 of the log has version 3/,
  )
  await assert.rejects(replayActor(store, registry, 'nobody'), RangeError)
})
