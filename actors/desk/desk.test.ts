import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { jobEventsSubject } from '../../kernel/bus/subjects.ts'
import { claimReplySchema } from '../../kernel/contract/worker.ts'
import type { TaskBrief } from '../../kernel/contract/task.ts'
import { writePluginConfig, writePluginEnabled } from '../../kernel/db/plugin-configs.ts'
import { writePluginRoutes } from '../../kernel/db/plugin-routes.ts'
import { readJob, readJobOutputs } from '../../kernel/db/jobs.ts'
import { sql } from '../../kernel/db/database.ts'
import { listTasks, readTask } from '../../kernel/db/tasks.ts'
import { readWorker } from '../../kernel/db/workers.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { createAttendance } from './attendance.ts'
import { finishedWith } from './answers.fixture.ts'
import { ann, eventually, openWorld, sourceUrl, workerOf, type World } from './world.fixture.ts'
import type { Bus } from '../../kernel/bus/bus.ts'
import { createMemoryBus } from '../../kernel/bus/memory.ts'
import { silentLog } from '../../kernel/log.ts'
import { createDesk, type Desk, type DeskOptions } from './desk.ts'

let world: World
let sessions = 0
let worker: ReturnType<typeof workerOf>

before(async () => {
  world = await openWorld()
})
after(() => world.close())
beforeEach(async () => {
  // A new process of the worker: whatever the test before left leased is free, and then cancelled.
  worker = workerOf(world, `session-${++sessions}-of-the-suite`)
  await worker.join()
  const open = await world.db.query<{ id: string }>(
    sql`SELECT id FROM jobs WHERE status NOT IN ('completed', 'failed', 'cancelled')`,
  )
  for (const { id } of open) await world.gateway.cancelJob(id, ann)
  await eventually(async () => {
    const rows = await world.db.query(
      sql`SELECT id FROM tasks WHERE status IN ('ready', 'running', 'waiting')`,
    )
    return rows.length === 0
  })
})

const submit = (profile = '480p_fast') =>
  world.gateway.submitJob({ source_url: sourceUrl, profile }, ann)
const refused = (code: string) => (error: unknown) => {
  assert.ok(error instanceof WebEncodeError, String(error))
  assert.equal(error.code, code)
  return true
}

/** Another desk of the same world, on a bus of its own. */
function deskOn(bus: Bus, options: Partial<DeskOptions> = {}): Desk {
  return createDesk({
    ...world,
    bus,
    leaseMs: 60_000,
    heartbeatMs: 30_000,
    admission: 'open',
    resolveSource: (url) => Promise.resolve({ url, name: 'film.mp4' }),
    ...options,
  })
}

/** Claims until there are this many tasks. */
async function claimed(count: number): Promise<TaskBrief[]> {
  const briefs: TaskBrief[] = []
  return await eventually(async () => {
    briefs.push(...await worker.claim())
    return briefs.length >= count && briefs
  })
}

async function finish(count: number): Promise<TaskBrief[]> {
  const briefs = await claimed(count)
  for (const brief of briefs) assert.equal(await worker.report(brief, finishedWith(brief)), true)
  return briefs
}

test('a job lives from submission to verified output through claims and reports alone', async () => {
  const { id } = await submit()
  const [probe] = await finish(1)
  assert.equal(probe?.params.kind, 'probe')
  assert.equal(probe?.source.url, sourceUrl)
  const parts = await finish(3)
  assert.deepEqual(parts.map(({ params }) => params.kind).sort(), ['audio', 'encode', 'encode'])
  const [stitch] = await finish(1)
  assert.equal(stitch?.inputs.length, 2)
  assert.ok(stitch?.audio)
  await finish(1)
  const job = await eventually(async () => {
    const view = await readJob(world.db, id)
    return view?.status === 'completed' && view
  })
  assert.deepEqual([job.tasks_total, job.tasks_completed, job.progress_pct], [6, 6, 100])
  const [output] = await readJobOutputs(world.db, id)
  assert.equal(output?.object.key, `jobs/${id}/out/stitch-1/stitch.mp4`)
  const tasks = await listTasks(world.db, id)
  assert.ok(
    tasks.every(({ status, assigned_worker_id }) =>
      status === 'completed' && assigned_worker_id === 'w1'
    ),
  )
})

test('a claim tells each worker other tasks', async () => {
  await submit()
  await finish(1)
  const second = workerOf(world, 'session-of-second', 'w2')
  await second.join()
  const mine = await eventually(async () => {
    const briefs = await worker.claim(1)
    return briefs.length === 1 && briefs
  })
  const theirs = await second.claim(64)
  const ids = [...mine, ...theirs].map(({ taskId }) => taskId)
  assert.equal(ids.length, 3)
  assert.equal(new Set(ids).size, 3)
  await second.leave()
})

test('a claim with tasks says what admins want of encoders now', async () => {
  const { config, ...second } = {
    id: 'encoder-second',
    isEnabled: true,
    priority: 7,
    version: null,
    config: { key_ref: 'second/key' },
  }
  const rule = { matches: 'h264', gpu: false, plugin_id: second.id, priority: 0 }
  const who = { id: second.id, pillar: 'encoder', by: 'Ann' } as const
  await writePluginConfig(world.db, { ...who, config, priority: second.priority })
  await writePluginEnabled(world.db, { ...who, isEnabled: true })
  await world.db.transaction((tx) => writePluginRoutes(tx, 'encoder', [rule]))
  const request = { workerId: 'w1', session: worker.session, lanes: ['probe'], region: 'local' }
  const ask = () => world.bus.request('kernel.claim', { ...request, limit: 1 }, { timeoutMs: 5000 })
  assert.deepEqual(await ask(), { tasks: [] })
  await submit()
  const reply = await eventually(async () => {
    const found = claimReplySchema.parse(await ask())
    return found.tasks.length > 0 && found
  })
  assert.deepEqual(reply.encoders, { rules: [rule], plugins: [{ ...second, config }] })
})

test('a claim needs a current session', async () => {
  await assert.rejects(workerOf(world, 'some-other-session').claim(), refused('WE-WRK-006'))
  await assert.rejects(workerOf(world, 'session-1', 'nobody').heartbeat(), refused('WE-WRK-001'))
})

test('a message that cannot be read is refused', async () => {
  const request = world.bus.request('kernel.claim', { workerId: 1 }, { timeoutMs: 1000 })
  await assert.rejects(request, refused('WE-WRK-004'))
})

test('a source that is gone fails the job instead of going to a worker', async () => {
  const { id } = await submit()
  await world.db.query(
    sql`UPDATE jobs SET source_url = 'https://gone.example/a.mp4' WHERE id = ${id}`,
  )
  const job = await eventually(async () => {
    assert.deepEqual(await worker.claim(), [])
    const view = await readJob(world.db, id)
    return view?.status === 'failed' && view
  })
  assert.deepEqual(job.error, { code: 'WE-JOB-002', message: 'The source is gone' })
})

test('a new session of a worker frees what the old one held, at once', async () => {
  await submit()
  const [old] = await claimed(1)
  const next = workerOf(world, 'session-after-a-crash')
  await next.join()
  const [again] = await next.claim()
  assert.equal(again?.taskId, old?.taskId)
  assert.equal(again?.attempt, 2)
  assert.notEqual(again?.leaseToken, old?.leaseToken)
  assert.notEqual(again?.outputPrefix, old?.outputPrefix)
  assert.equal(await worker.report(old!, finishedWith(old!)), false)
  assert.equal(await next.report(again!, finishedWith(again!)), true)
  await assert.rejects(worker.heartbeat(), refused('WE-WRK-006'))
})

test('joining again in the same session keeps the leases', async () => {
  await submit()
  const held = await claimed(1)
  await worker.join()
  assert.deepEqual((await worker.heartbeat(held)).lost, [])
})

test('a worker that leaves gives back what it held without losing an attempt', async () => {
  await submit()
  const [held] = await claimed(1)
  await worker.leave()
  const task = await readTask(world.db, held!.taskId)
  assert.deepEqual([task?.status, task?.attempt_count, task?.max_attempts], ['ready', 1, 4])
  assert.equal((await readWorker(world.db, 'w1'))?.status, 'offline')
})

test('a heartbeat renews leases, keeps progress and names what is lost', async () => {
  await submit()
  const [held] = await claimed(1)
  assert.deepEqual((await worker.heartbeat([held!], 0.25)).lost, [])
  assert.equal((await readTask(world.db, held!.taskId))?.progress_pct, 25)
  const stale = { ...held!, leaseToken: 'another' }
  assert.deepEqual((await worker.heartbeat([stale])).lost, [held!.taskId])
})

test('a heartbeat tells live pages that a job has moved', async () => {
  const { id } = await submit()
  const held = await claimed(1)
  const topics: unknown[] = []
  const subscription = await world.bus.subscribe(jobEventsSubject(id), ({ data }) => {
    topics.push((data as { topic: string }).topic)
  })
  await worker.heartbeat(held)
  await eventually(async () => topics.includes('job.progress'))
  await subscription.close()
})

test('a cancelled job takes its tasks from the workers at once', async () => {
  const { id } = await submit()
  await finish(1)
  const held = await claimed(3)
  const orders: string[] = []
  const subscription = await world.bus.subscribe('workers.w1.interrupt', ({ data }) => {
    orders.push((data as { taskId: string }).taskId)
  })
  await world.gateway.cancelJob(id, ann)
  await eventually(async () => orders.length === 3)
  assert.deepEqual(new Set(orders), new Set(held.map(({ taskId }) => taskId)))
  assert.deepEqual((await worker.heartbeat(held)).lost.length, 3)
  assert.equal(await worker.report(held[0]!, finishedWith(held[0]!)), false)
  await subscription.close()
})

test('a report that comes twice is accepted twice and counts once', async () => {
  const { id } = await submit()
  const [probe] = await claimed(1)
  assert.equal(await worker.report(probe!, finishedWith(probe!)), true)
  assert.equal(await worker.report(probe!, finishedWith(probe!)), true)
  const job = await eventually(async () => {
    const view = await readJob(world.db, id)
    return view?.phase === 'encoding' && view
  })
  assert.equal(job.tasks_completed, 1)
})

test('a report cannot adopt what belongs to another job', async () => {
  await submit()
  await finish(1)
  const [part] = await claimed(3)
  const stolen = finishedWith({ ...part!, outputPrefix: 'jobs/another/work' })
  await worker.report(part!, stolen)
  const task = await readTask(world.db, part!.taskId)
  assert.equal(task?.status, 'waiting')
  assert.equal(task?.output_key, null)
})

test('damaged chunks are made again, and then stitched', async () => {
  const { id } = await submit()
  await finish(1)
  const parts = await finish(3)
  const [stitch] = await claimed(1)
  const chunk = parts.find(({ params }) => params.kind === 'encode')!
  const damaged = {
    kind: 'damaged-input',
    code: 'WE-STO-001',
    message: 'The chunk is gone',
    redo: [chunk.taskId],
  } as const
  await worker.report(stitch!, {
    status: 'failed',
    failure: { ...damaged, redo: [...damaged.redo] },
  })
  const [again] = await finish(1)
  assert.equal(again?.taskId, chunk.taskId)
  assert.equal(again?.attempt, 2)
  const [second] = await claimed(1)
  assert.equal(second?.taskId, stitch!.taskId)
  assert.ok(second?.inputs.some(({ key }) => key.includes(`${chunk.taskId}/2/`)))
  assert.equal((await readJob(world.db, id))?.phase, 'stitching')
})

test('missSilent() shows a worker that fell silent as offline, and it has to join again', async () => {
  const { db } = world
  const quiet = workerOf(world, 'session-of-quiet', 'quiet')
  await quiet.join()
  await db.query(sql`
    UPDATE workers SET last_heartbeat = now() - interval '95 seconds' WHERE id = 'quiet'`)
  const attendance = createAttendance({
    ...world,
    leaseMs: 60_000,
    heartbeatMs: 30_000,
    admission: 'open',
  })
  await attendance.missSilent()
  assert.equal((await readWorker(db, 'quiet'))?.status, 'offline')
  assert.equal((await readWorker(db, 'w1'))?.status, 'healthy')
  await assert.rejects(quiet.claim(), refused('WE-WRK-001'))
  await quiet.join()
  await attendance.missSilent()
  assert.equal((await readWorker(db, 'quiet'))?.status, 'healthy')
})

test('a worker that says what it has gets no task that it cannot do, until it says otherwise', async () => {
  const ffmpeg = { id: 'encoder-ffmpeg', version: '1', tools: ['ffmpeg', 'ffprobe'] }
  const able = { ...ffmpeg, videoCodecs: ['libx264'] }
  await world.db.transaction((tx) => writePluginRoutes(tx, 'encoder', []))
  const other = workerOf(world, 'session-of-another', 'w2')
  await worker.join({ encoders: [{ ...ffmpeg, videoCodecs: ['libx265'] }] })
  await other.join({ encoders: [able] })
  const { id } = await submit()
  assert.deepEqual(await worker.claim(), [])
  await other.leave()
  await worker.join({ encoders: [able] })
  assert.deepEqual((await readWorker(world.db, 'w1'))?.encoders, [able])
  assert.deepEqual((await claimed(1)).map(({ jobId }) => jobId), [id])
})

test('a heartbeat is answered although its progress cannot be announced', async () => {
  const bus = createMemoryBus({ clock: world.clock, log: silentLog })
  bus.publish = () => new Promise(() => {})
  const desk = deskOn(bus)
  await desk.start()
  const worker = workerOf({ bus }, 'session-1-of-slow', 'slow')
  await worker.join()
  const { id: jobId } = await world.gateway.submitJob(
    { source_url: sourceUrl, profile: '480p_fast', priority: 100 },
    ann,
  )
  const held = await eventually(async () => {
    const briefs = await worker.claim(1)
    return briefs.length === 1 && briefs
  })
  assert.deepEqual(await worker.heartbeat(held), { lost: [], command: 'work' })
  await world.gateway.cancelJob(jobId, ann)
  await worker.leave()
  await desk.stop()
})

test('a source that nobody finds in time fails its own task, and keeps no other from the worker', async (t) => {
  // As a connection does to a storage that does not answer.
  const connection = setInterval(() => {}, 1000)
  t.after(() => clearInterval(connection))
  const [slow, quick] = ['https://slow.example/film.mp4', 'https://quick.example/film.mp4']
  const bus = createMemoryBus({ clock: world.clock, log: silentLog })
  const desk = deskOn(bus, {
    briefMs: 100,
    resolveSource: (url) =>
      url === slow ? new Promise(() => {}) : Promise.resolve({ url, name: 'film.mp4' }),
  })
  await desk.start()
  const worker = workerOf({ bus }, 'session-1-of-patient', 'patient')
  await worker.join()
  const jobs: Record<string, string> = {}
  for (const source_url of [slow, quick]) {
    const job = await world.gateway.submitJob(
      { source_url, profile: '480p_fast', priority: 100 },
      ann,
    )
    jobs[source_url] = job.id
  }
  const given: string[] = []
  await eventually(async () => {
    given.push(...(await worker.claim(2)).map(({ jobId }) => jobId))
    return given.length > 0
  })
  assert.deepEqual(given, [jobs[quick]])
  const error = await eventually(async () => {
    const [task] = await listTasks(world.db, jobs[slow]!)
    return task?.error ?? false
  })
  assert.equal(error.code, 'WE-STO-004')
  for (const id of Object.values(jobs)) await world.gateway.cancelJob(id, ann)
  await worker.leave()
  await desk.stop()
})
