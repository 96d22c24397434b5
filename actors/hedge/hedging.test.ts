/** Hedges between a real engine, desk and gateway on PGlite: who is first, what is counted, and what is left. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { interruptSubject } from '../../kernel/bus/subjects.ts'
import { readDashboardStats } from '../../kernel/db/dashboard.ts'
import { sql } from '../../kernel/db/database.ts'
import { listDemand } from '../../kernel/db/demand.ts'
import { listJobEvents, readJob } from '../../kernel/db/jobs.ts'
import { listTasks, readTask } from '../../kernel/db/tasks.ts'
import { listWorkerTasks } from '../../kernel/db/worker-page.ts'
import { hedgeIdFrom } from '../../kernel/ids.ts'
import { finishedWith, resultFor } from '../desk/answers.fixture.ts'
import { ann, eventually, openWorld, type World } from '../desk/world.fixture.ts'
import { createHedging, hedgeRound } from './hedging.ts'
import { claimed, type Race, startHedgedRace, startRace } from './race.fixture.ts'

let world: World

before(async () => {
  world = await openWorld()
})
after(() => world.close())

const hedgeStatus = async ({ jobId }: Race) => {
  const [row] = await world.db.query<{ status: string }>(
    sql`SELECT status FROM tasks WHERE id = ${hedgeIdFrom(jobId, 0)}`,
  )
  return row?.status
}

/** The tasks that the worker is told to stop because of `work`. */
async function interrupted(worker: string, work: () => Promise<unknown>): Promise<string> {
  const orders: string[] = []
  const subscription = await world.bus.subscribe(interruptSubject(worker), ({ data }) => {
    orders.push((data as { taskId: string }).taskId)
  })
  await work()
  await eventually(async () => orders.length > 0)
  await subscription.close()
  return orders.join()
}

/** What is left of a job after its chunks. */
async function finishRest({ jobId, fast }: Race): Promise<void> {
  for (let i = 0; i < 2; i++) {
    const [task] = await claimed(fast, 1)
    assert.equal(await fast.report(task!, finishedWith(task!)), true)
  }
  const job = await eventually(async () => {
    const view = await readJob(world.db, jobId)
    return view?.status === 'completed' && view
  })
  assert.deepEqual([job.tasks_total, job.tasks_completed, job.progress_pct], [6, 6, 100])
}

test('a hedge goes to another worker, and is counted neither as a task nor as progress nor as demand', async () => {
  const race = await startRace(world)
  const { jobId, straggler, slow, fast } = race
  const before = await readJob(world.db, jobId)
  await hedgeRound(world)
  assert.deepEqual(await slow.claim(), [])
  const [hedge] = await claimed(fast, 1)
  assert.equal(hedge!.taskId, hedgeIdFrom(jobId, 0))
  assert.deepEqual(hedge!.params, straggler.params)
  assert.equal(hedge!.outputPrefix, `jobs/${jobId}/work/${hedge!.taskId}/1`)
  await fast.heartbeat([hedge!], 0.9)
  const tasks = await listTasks(world.db, jobId)
  assert.deepEqual(tasks.filter(({ hedged }) => hedged).map(({ id }) => id), [straggler.taskId])
  assert.equal(tasks.length, 6)
  assert.equal(await readTask(world.db, hedge!.taskId), undefined)
  const job = await readJob(world.db, jobId)
  assert.deepEqual([job?.progress_pct, job?.tasks_total], [
    before?.progress_pct,
    before?.tasks_total,
  ])
  assert.deepEqual(
    (await listDemand(world.db)).map(({ running_tasks, wanted_slots }) => [
      running_tasks,
      wanted_slots,
    ]),
    [[1, 1]],
  )
  const { tasks: counts, workers } = await readDashboardStats(world.db)
  assert.deepEqual([counts.running, workers.busy], [1, 2])
  const [inHand] = await listWorkerTasks(world.db, 'fast', 10)
  assert.deepEqual([inHand?.kind, inHand?.hedged], ['encode', true])
  await assert.rejects(world.gateway.requeueTask(hedge!.taskId, ann), { code: 'WE-JOB-004' })
  await world.gateway.cancelJob(jobId, ann)
  await eventually(async () => await hedgeStatus(race) === 'cancelled')
})

test('a hedge that is first gives its result to the chunk, and the slow worker stops', async () => {
  const race = await startHedgedRace(world)
  const { jobId, slow, fast, straggler, hedge } = race
  const stopped = await interrupted('slow', async () => {
    assert.equal(await fast.report(hedge, finishedWith(hedge)), true)
  })
  assert.equal(stopped, straggler.taskId)
  assert.deepEqual((await slow.heartbeat([straggler])).lost, [straggler.taskId])
  assert.equal(await slow.report(straggler, finishedWith(straggler)), false)
  await slow.remove(straggler, `${straggler.outputPrefix}/encode.mp4`)
  const task = await readTask(world.db, straggler.taskId)
  assert.deepEqual([task?.status, task?.assigned_worker_id, task?.output_key, task?.hedged], [
    'completed',
    'fast',
    resultFor(hedge).kind === 'encode' && `${hedge.outputPrefix}/encode.mp4`,
    true,
  ])
  await assert.rejects(fast.remove(hedge, `${hedge.outputPrefix}/encode.mp4`), {
    code: 'WE-WRK-004',
  })
  const [stitch] = await claimed(fast, 1)
  assert.deepEqual(
    stitch!.inputs.map(({ taskId, key }) => [taskId, key.includes('.hedge.')]),
    [[straggler.taskId, true], [straggler.taskId.replace('00000', '00001'), false]],
  )
  assert.equal(stitch!.ranges?.length, 2)
  assert.equal(await fast.report(stitch!, finishedWith(stitch!)), true)
  const [verify] = await claimed(fast, 1)
  assert.equal(await fast.report(verify!, finishedWith(verify!)), true)
  await eventually(async () => (await readJob(world.db, jobId))?.status === 'completed')
  const told = (await listJobEvents(world.db, jobId)).filter(({ actor_id, data }) =>
    actor_id === jobId && (data as { index?: number }).index === 0 &&
    (data as { kind?: string }).kind === 'encode'
  )
  assert.equal(told.length, 1)
})

test('a slow worker that is first after all makes the other one stop', async () => {
  const race = await startHedgedRace(world)
  const { slow, fast, straggler, hedge } = race
  const stopped = await interrupted('fast', async () => {
    assert.equal(await slow.report(straggler, finishedWith(straggler)), true)
  })
  assert.equal(stopped, hedge.taskId)
  assert.equal(await fast.report(hedge, finishedWith(hedge)), false)
  await fast.remove(hedge, `${hedge.outputPrefix}/encode.mp4`)
  assert.equal(await hedgeStatus(race), 'cancelled')
  await finishRest(race)
})

test('a chunk whose worker is gone waits for its hedge, which completes it', async () => {
  const race = await startHedgedRace(world)
  const { slow, fast, straggler, hedge } = race
  await slow.leave()
  assert.equal((await readTask(world.db, straggler.taskId))?.status, 'waiting')
  assert.equal(await fast.report(hedge, finishedWith(hedge)), true)
  await eventually(async () => (await readTask(world.db, straggler.taskId))?.status === 'completed')
  await finishRest(race)
})

test('a chunk that lost its hedge too is made again', async () => {
  const race = await startHedgedRace(world)
  const { slow, fast, straggler, hedge } = race
  await slow.leave()
  const failure = { kind: 'encoder', code: 'WE-JOB-008', message: 'no' } as const
  assert.equal(await fast.report(hedge, { status: 'failed', failure }), true)
  const [again] = await claimed(fast, 1)
  assert.equal(again?.taskId, straggler.taskId)
  assert.equal(again?.attempt, 2)
  await hedgeRound(world)
  assert.equal(await hedgeStatus(race), 'failed')
  assert.equal(await fast.report(again!, finishedWith(again!)), true)
  await finishRest(race)
})

test('a hedge that fails changes nothing for the chunk', async () => {
  const race = await startHedgedRace(world)
  const { slow, fast, straggler, hedge } = race
  await fast.leave()
  await fast.join()
  assert.equal(await hedgeStatus(race), 'failed')
  await hedgeRound(world)
  assert.deepEqual(await fast.claim(), [])
  assert.deepEqual((await slow.heartbeat([straggler])).lost, [])
  assert.deepEqual((await fast.heartbeat([hedge])).lost, [hedge.taskId])
  assert.equal(await slow.report(straggler, finishedWith(straggler)), true)
  await finishRest(race)
})

test('several kernels that decide at once make one hedge', async () => {
  const race = await startRace(world)
  let hedged = 0
  const kernel = { ...world, onHedged: () => void hedged++ }
  await Promise.all([hedgeRound(kernel), hedgeRound(kernel), hedgeRound(kernel)])
  await hedgeRound(kernel)
  assert.equal(hedged, 1)
  const events = await listJobEvents(world.db, race.jobId)
  assert.equal(events.filter(({ type }) => type === 'hedge').length, 1)
  assert.equal(events.filter(({ actor_id }) => actor_id === hedgeIdFrom(race.jobId, 0)).length, 1)
  assert.ok(!JSON.stringify(events).includes(race.straggler.leaseToken))
  await world.gateway.cancelJob(race.jobId, ann)
})

test('a job that is deleted takes its hedges along', async () => {
  const race = await startHedgedRace(world)
  const stopped = await interrupted('fast', () => world.gateway.deleteJob(race.jobId, ann))
  assert.equal(stopped, race.hedge.taskId)
  assert.equal(await hedgeStatus(race), undefined)
  assert.equal(await world.store.readActor(race.hedge.taskId), undefined)
})

test('a decision about a lease that has ended is ignored', async () => {
  const race = await startRace(world)
  const { jobId, slow, fast, straggler } = race
  const send: World['engine']['send'] = async (...args) => {
    assert.equal(await slow.report(straggler, finishedWith(straggler)), true)
    return await world.engine.send(...args)
  }
  await hedgeRound({ ...world, engine: { send } })
  assert.equal(await world.store.readActor(hedgeIdFrom(jobId, 0)), undefined)
  assert.deepEqual((await claimed(fast, 1)).map(({ params }) => params.kind), ['stitch'])
  await world.gateway.cancelJob(jobId, ann)
})

test('createHedging() looks again and again until it is stopped', async () => {
  const race = await startRace(world)
  const hedging = createHedging({ ...world, lookEveryMs: 10 })
  hedging.start()
  const [hedge] = await claimed(race.fast, 1)
  assert.equal(hedge?.taskId, hedgeIdFrom(race.jobId, 0))
  await hedging.stop()
  await world.gateway.cancelJob(race.jobId, ann)
})
