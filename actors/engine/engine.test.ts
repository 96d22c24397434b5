/** The engine and the product's machines on a real database: PGlite in memory, and PostgreSQL where one is given. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { type Clock, systemClock } from '../../kernel/clock.ts'
import type { Json } from '../../kernel/contract/json.ts'
import { createActorStore } from '../../kernel/db/actors.ts'
import type { ActorStore } from '../../kernel/db/actor-store.ts'
import type { Database } from '../../kernel/db/database.ts'
import { migrate } from '../../kernel/db/migrate.ts'
import { openPglite } from '../../kernel/db/pglite.ts'
import { openPostgres } from '../../kernel/db/postgres.ts'
import { createLeaseToken } from '../../kernel/ids.ts'
import { silentLog } from '../../kernel/log.ts'
import { actorDefinitions } from '../definitions.ts'
import { sampleJob, sampleOutput, samplePlan } from '../job/sample.ts'
import { sampleResult } from '../task/sample.ts'
import type { ClaimedTask } from './claim.ts'
import { createEngine, type Engine } from './engine.ts'
import { createRegistry } from './registry.ts'
import { replayActor } from './replay.ts'
import { eventTo } from './test-machines.ts'

const registry = createRegistry(actorDefinitions)

/** The system clock with timers that keep the test alive until they fire. */
const heldClock: Clock = {
  ...systemClock,
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
}

const postgresUrl = process.env.WEBENCODE_TEST_DATABASE_URL

describe('engine on PGlite', () =>
  engineSuite(() => openPglite({ directory: null, log: silentLog })))

describe('engine on PostgreSQL', {
  skip: postgresUrl === undefined ? 'WEBENCODE_TEST_DATABASE_URL is not set' : false,
}, () => {
  const name = `engine_${randomBytes(6).toString('hex')}`
  let admin: Database
  before(async () => {
    admin = await openPostgres({ url: postgresUrl!, log: silentLog })
    await admin.execute(`CREATE DATABASE ${name}`)
  })
  engineSuite(() => {
    const url = new URL(postgresUrl!)
    url.pathname = `/${name}`
    return openPostgres({ url: url.href, log: silentLog })
  })
  // After the suite's own: hooks run in the order in which they were added.
  after(async () => {
    await admin.execute(`DROP DATABASE ${name} WITH (FORCE)`)
    await admin.close()
  })
})

function engineSuite(open: () => Promise<Database>) {
  let db: Database
  let store: ActorStore
  let engine: Engine
  const wholeCompleted = Promise.withResolvers<void>()

  before(async () => {
    db = await open()
    await migrate(db)
    store = createActorStore(db)
    const nothing = async () => {}
    engine = createEngine({
      store,
      registry,
      clock: heldClock,
      log: silentLog,
      handlers: {
        ring: nothing,
        interrupt: nothing,
        command: nothing,
        clean: nothing,
        announce: async ({ topic, jobId }) => {
          if (topic === 'job.completed' && jobId === 'whole') wholeCompleted.resolve()
        },
      },
    })
    engine.start()
  })
  after(async () => {
    await engine.stop()
    await db.close()
  })

  const submit = (jobId: string) => engine.create('job', jobId, { ...sampleJob, jobId } as Json)

  test('create() makes a job and its probe, once', async () => {
    assert.deepEqual(await submit('once'), { status: 'applied', version: 0, value: 'queued' })
    assert.equal((await submit('once')).status, 'duplicate')
    assert.equal((await store.readActor('once.probe.00000'))?.version, 0)
    await engine.send('once', { type: 'cancel', by: 'test' })
  })

  test('send() applies an event id once, also when both come together', async () => {
    await submit('twice')
    const event = { type: 'cancel', by: 'test' }
    const outcomes = await Promise.all([
      engine.send('twice', event, { eventId: 'c' }),
      engine.send('twice', event, { eventId: 'c' }),
    ])
    assert.deepEqual(outcomes.map(({ status }) => status), ['applied', 'duplicate'])
    assert.equal((await engine.send('twice', event)).status, 'refused')
    assert.equal((await engine.send('nobody', event)).status, 'missing')
  })

  test('a job goes from submission to its verified output, and its log gives the same', async () => {
    await submit('whole')
    await work(async () => (await store.readActor('whole'))?.status === 'done')
    const actor = await store.readActor('whole')
    assert.equal((actor!.snapshot as { value: string }).value, 'completed')
    await wholeCompleted.promise
    for (const id of ['whole', ...await store.listTaskIds('whole')]) {
      assert.deepEqual(
        await replayActor(store, registry, id).then(({ problem }) => problem),
        '',
        id,
      )
    }
  })

  test('a stale lease token changes nothing', async () => {
    await submit('stale')
    const [task] = await claim()
    assert.equal(task?.id, 'stale.probe.00000')
    const outcome = await engine.send(task!.id, {
      type: 'finish',
      leaseToken: 'another',
      result: { kind: 'probe', plan: samplePlan } as Json,
    })
    assert.deepEqual([outcome.status, outcome.value], ['ignored', 'running'])
    await engine.send('stale', { type: 'cancel', by: 'test' })
  })

  test('two claims at once never give the same task', async () => {
    await Promise.all(['c1', 'c2', 'c3'].map(submit))
    const claims = await Promise.all(Array.from({ length: 6 }, () => claim(1)))
    const ids = claims.flat().map(({ id }) => id)
    assert.equal(ids.length, 3)
    assert.equal(new Set(ids).size, 3)
    await Promise.all(
      ['c1', 'c2', 'c3'].map((id) => engine.send(id, { type: 'cancel', by: 'test' })),
    )
  })

  test('an event that throws is set aside, and the others of its batch are committed', async () => {
    await Promise.all(['sound', 'broken'].map(submit))
    // A plan without chunks is not what any probe answers.
    const poison = engine.send('broken', {
      type: 'taskFinished',
      kind: 'probe',
      index: 0,
      plan: { chunks: 7 },
    })
    const sound = engine.send('sound', { type: 'cancel', by: 'test' })
    assert.deepEqual([(await sound).status, (await poison).status], ['applied', 'quarantined'])
    assert.equal((await store.listDeadLetters(10)).length, 1)
    await engine.send('broken', { type: 'cancel', by: 'test' })
  })

  test('inTransaction() rolls back when its work throws', async () => {
    await submit('undone')
    const delivery = { ...eventTo('undone', 'cancel'), event: { type: 'cancel', by: 'test' } }
    await assert.rejects(engine.inTransaction(async (_tx, apply) => {
      await apply([delivery])
      throw Object.assign(new Error('no'), { code: '22000' })
    }))
    assert.equal((await store.readActor('undone'))?.version, 0)
    assert.equal(
      (await engine.send('undone', delivery.event, { eventId: delivery.eventId })).status,
      'applied',
    )
  })

  function claim(limit = 16): Promise<readonly ClaimedTask[]> {
    return engine.claim(
      { workerId: 'w', lanes: ['probe', 'cpu', 'copy'], region: 'local', limit },
      () => ({
        type: 'claim',
        workerId: 'w',
        leaseToken: createLeaseToken(),
      }),
    )
  }

  /** Claims and finishes tasks until `done`. */
  async function work(done: () => Promise<boolean>): Promise<void> {
    while (!await done()) {
      for (const task of await claim()) {
        const { kind } = task.context as { kind: keyof typeof results }
        const { leaseToken } = task.event as unknown as { leaseToken: string }
        const outcome = await engine.send(task.id, {
          type: 'finish',
          leaseToken,
          result: results[kind] as Json,
        })
        // A task of a cancelled job may still be ready here, and be closed before it is finished.
        if (task.id.startsWith('whole.')) assert.equal(outcome.status, 'applied')
      }
    }
  }
}

const results = {
  probe: { kind: 'probe', plan: samplePlan },
  encode: sampleResult,
  audio: { ...sampleResult, kind: 'audio' },
  stitch: { ...sampleResult, kind: 'stitch' },
  verify: { kind: 'verify', outputs: [sampleOutput], report: { frames: 500 } },
}
