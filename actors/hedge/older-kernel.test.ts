/** A kernel of the release before, which knows no hedges, beside one that does: it is not harmed, and what it loses is mended. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Clock, systemClock } from '../../kernel/clock.ts'
import { sql } from '../../kernel/db/database.ts'
import { readJob } from '../../kernel/db/jobs.ts'
import { listTasks } from '../../kernel/db/tasks.ts'
import { hedgeIdFrom, jobIdFrom } from '../../kernel/ids.ts'
import { silentLog } from '../../kernel/log.ts'
import { actorDefinitions } from '../definitions.ts'
import { finishedWith } from '../desk/answers.fixture.ts'
import { createReports } from '../desk/reports.ts'
import { ann, eventually, openWorld, type World } from '../desk/world.fixture.ts'
import { busHandlers } from '../engine/bus-effects.ts'
import { createEngine, type Engine } from '../engine/engine.ts'
import { createRegistry } from '../engine/registry.ts'
import { hedgeRound } from './hedging.ts'
import { startHedgedRace, startRace } from './race.fixture.ts'

let world: World
/** Keeps the test alive while the engine waits before it tries an event again. */
const wakefulClock: Clock = {
  ...systemClock,
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
}
/** Answers, but carries out no effects: those are the other kernel's. */
let older: Engine

before(async () => {
  world = await openWorld()
  const definitions = actorDefinitions.filter(({ type }) => type !== 'hedge')
  older = createEngine({
    ...world,
    clock: wakefulClock,
    log: silentLog,
    registry: createRegistry(definitions),
    handlers: { ...busHandlers(world.bus), clean: () => Promise.resolve() },
  })
})
after(async () => {
  await older.stop()
  await world.close()
})

const statusOf = async (id: string) => {
  const [row] = await world.db.query<{ status: string }>(
    sql`SELECT status FROM tasks WHERE id = ${id}`,
  )
  return row?.status
}

test('an older kernel reads the job of a hedge from its id', () => {
  assert.equal(jobIdFrom(hedgeIdFrom('job-1', 7)), 'job-1')
})

test('an older kernel gives out every task but the hedge', async () => {
  const { jobId } = await startRace(world)
  await hedgeRound(world)
  const other = await world.gateway.submitJob({
    source_url: 'https://media.example/other.mp4',
    profile: '480p_fast',
  }, ann)
  const lanes = ['probe', 'cpu', 'copy'] as const
  const request = { workerId: 'fast', lanes, region: 'local', limit: 10 }
  const claimed = await older.claim(
    request,
    () => ({ type: 'claim', workerId: 'fast', leaseToken: 'token' }),
  )
  assert.deepEqual(claimed.map(({ id }) => id), [`${other.id}.probe.00000`])
  assert.equal(await statusOf(hedgeIdFrom(jobId, 0)), 'ready')
  for (const id of [jobId, other.id]) await world.gateway.cancelJob(id, ann)
})

test('an older kernel refuses the result of a hedge, and the chunk goes on', async () => {
  const { jobId, slow, straggler, hedge } = await startHedgedRace(world)
  const report = createReports({ engine: older, log: silentLog })
  const { taskId, leaseToken } = hedge
  const outcome = finishedWith(hedge)
  assert.deepEqual(await report({ workerId: 'fast', taskId, leaseToken, outcome }), {
    accepted: false,
  })
  assert.deepEqual((await slow.heartbeat([straggler])).lost, [])
  assert.equal(await slow.report(straggler, finishedWith(straggler)), true)
  const job = await eventually(async () => {
    const view = await readJob(world.db, jobId)
    return view?.phase === 'stitching' && view
  })
  assert.equal(job.tasks_completed, 4)
  assert.equal((await listTasks(world.db, jobId)).length, 6)
  await eventually(async () => await statusOf(taskId) === 'cancelled')
  await world.gateway.cancelJob(jobId, ann)
})

test('a hedge whose end an older kernel lost is taken back', async () => {
  const { jobId, fast, straggler, hedge } = await startHedgedRace(world)
  await world.gateway.cancelJob(jobId, ann)
  // Both messages, that of the chunk and that of the job.
  await eventually(async () => (await world.db.query(sql`SELECT id FROM outbox`)).length === 0)
  assert.equal(await statusOf(hedge.taskId), 'cancelled')
  // As if both messages had gone to the older kernel: the hedge is as it was.
  await world.db.query(sql`
    UPDATE tasks SET status = 'running', lease_token = ${hedge.leaseToken}, lease_until = now() + interval '1 minute'
    WHERE id = ${hedge.taskId}`)
  await world.db.query(sql`
    UPDATE actors a
    SET status = 'active', snapshot = jsonb_set(
      a.snapshot || '{"status": "active", "value": "running"}', '{context,leaseToken}', to_jsonb(${hedge.leaseToken}::text)
    )
    WHERE a.id = ${hedge.taskId}`)
  assert.deepEqual((await fast.heartbeat([hedge])).lost, [])
  await hedgeRound(world)
  assert.equal(await statusOf(hedge.taskId), 'cancelled')
  assert.deepEqual((await fast.heartbeat([hedge])).lost, [hedge.taskId])
  assert.equal(await statusOf(straggler.taskId), 'cancelled')
})

test('what an older kernel set aside is about hedges alone', async () => {
  const letters = await world.store.listDeadLetters(100)
  assert.ok(letters.length > 0)
  assert.deepEqual(
    letters.filter(({ actorId }) => !actorId?.includes('.hedge.')),
    [],
  )
})
