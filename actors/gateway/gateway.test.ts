import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { insertIdempotencyKey } from '../../kernel/db/idempotency.ts'
import { listJobEvents, listJobs, readJob } from '../../kernel/db/jobs.ts'
import { listTasks, readTask } from '../../kernel/db/tasks.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { presets } from '../../kernel/profiles.ts'
import { taskIdFrom } from '../../kernel/ids.ts'
import { finishedWith } from '../desk/answers.fixture.ts'
import {
  ann,
  eventually,
  openWorld,
  sourceUrl,
  workerOf,
  type World,
} from '../desk/world.fixture.ts'
import type { JobContext } from '../job/model.ts'
import { createJobCreation } from './creation.ts'
import { fingerprint, parseSubmission } from './submission.ts'

let world: World

before(async () => {
  world = await openWorld()
})
after(() => world.close())

const request = { source_url: sourceUrl, profile: '480p_fast' }
const submit = (key?: string) => world.gateway.submitJob(request, ann, key)
const countJobs = async () => (await listJobs(world.db, { limit: 500 })).jobs.length
const refused = (code: string, path?: string) => (error: unknown) => {
  assert.ok(error instanceof WebEncodeError, String(error))
  assert.equal(error.code, code, error.message)
  if (path !== undefined) assert.equal(error.path, path)
  return true
}

test('submitJob() answers the queued job', async () => {
  const job = await world.gateway.submitJob({ ...request, priority: 5 }, ann)
  assert.equal(job.status, 'queued')
  assert.equal(job.user_id, 'ann')
  assert.equal(job.priority, 5)
  assert.equal(job.tasks_total, 1)
  assert.deepEqual(await readJob(world.db, job.id), job)
})

test('submitJob() refuses what cannot become a job, and creates nothing', async () => {
  const before = await countJobs()
  const { gateway } = world
  const cases = [
    [{ ...request, profile: '8k' }, 'WE-JOB-003', 'profile'],
    [
      { ...request, overrides: { container: 'webm' as const } },
      'WE-JOB-003',
      'overrides.container',
    ],
    [{ ...request, source_url: 'https://gone.example/' }, 'WE-JOB-002', 'source_url'],
    [{ ...request, priority: 1000 }, 'WE-JOB-001', 'priority'],
    [{ ...request, source_url: '' }, 'WE-JOB-001', 'source_url'],
    [{ ...request, deadline: '2020-01-01T00:00:00Z' }, 'WE-JOB-001', 'deadline'],
  ] as const
  for (const [body, code, path] of cases) {
    await assert.rejects(gateway.submitJob(body, ann), refused(code, path))
    await assert.rejects(gateway.submitJob(body, ann, 'bad-key'), refused(code, path))
  }
  assert.equal(await countJobs(), before)
  // A refused request does not use up its key.
  await submit('bad-key')
})

test('submitJob() makes one job of one key, however often and however concurrently', async () => {
  const before = await countJobs()
  const jobs = await Promise.all(Array.from({ length: 20 }, () => submit('key-1')))
  assert.equal(new Set(jobs.map(({ id }) => id)).size, 1)
  assert.equal((await submit('key-1')).id, jobs[0]?.id)
  assert.equal(await countJobs(), before + 1)
})

test('submitJob() refuses a key that stands for another request, and keeps users apart', async () => {
  const first = await submit('key-2')
  const other = { ...request, profile: '720p_h264' }
  await assert.rejects(world.gateway.submitJob(other, ann, 'key-2'), refused('WE-JOB-001'))
  const bob = { ...ann, userId: 'bob' }
  assert.notEqual((await world.gateway.submitJob(other, bob, 'key-2')).id, first.id)
})

test('submitJob() goes on where a crash between the key and the job left off', async () => {
  const entry = {
    requestHash: fingerprint(parseSubmission(request)),
    jobId: '0b9c7a52-0000-4000-8000-000000000001',
  }
  await insertIdempotencyKey(world.db, ann.userId, 'key-3', entry)
  assert.equal((await submit('key-3')).id, entry.jobId)
})

test('submitJob() gives the deadline to the tasks, and finds the job of a key after it has passed', async () => {
  const soon = new Date(Date.now() + 60_000)
  const deadline = soon.toISOString().replace('Z', '+00:00')
  const timed = { ...request, deadline }
  const job = await world.gateway.submitJob(timed, ann, 'key-with-deadline')
  assert.equal(job.deadline, soon.toISOString())
  const [probe] = await listTasks(world.db, job.id)
  assert.equal(probe?.deadline, soon.toISOString())
  const late = createJobCreation({
    ...world,
    profiles: presets,
    sources: { checkSource: () => Promise.reject(new Error('must not be asked')) },
    clock: { ...world.clock, now: () => soon.getTime() },
  })
  assert.equal((await late.submit(timed, ann, 'key-with-deadline')).id, job.id)
  await assert.rejects(late.submit(timed, ann), refused('WE-JOB-001', 'deadline'))
  assert.equal((await world.gateway.retryJob(job.id, ann)).deadline, soon.toISOString())
})

test('fingerprint() does not depend on the order of the fields', () => {
  const one = parseSubmission({ source_url: 'a', profile: 'b', overrides: { chunkSeconds: 10 } })
  const two = parseSubmission({ overrides: { chunkSeconds: 10 }, profile: 'b', source_url: 'a' })
  assert.equal(fingerprint(one), fingerprint(two))
  assert.notEqual(fingerprint(one), fingerprint({ ...one, priority: 1 }))
})

test('cancelJob() cancels once, and says why it cannot again', async () => {
  const { id } = await submit()
  assert.equal((await world.gateway.cancelJob(id, ann)).status, 'cancelled')
  await assert.rejects(world.gateway.cancelJob(id, ann), refused('WE-JOB-005'))
  await assert.rejects(world.gateway.cancelJob('nothing', ann), refused('WE-JOB-004'))
  const tasks = await eventually(async () => {
    const list = await listTasks(world.db, id)
    return list.every(({ status }) => status === 'cancelled') && list
  })
  assert.equal(tasks.length, 1)
  const [cancelled] = (await listJobEvents(world.db, id)).filter(({ type }) => type === 'cancel')
  assert.deepEqual(cancelled?.data, { by: 'Ann' })
})

test('retryJob() stops the job and creates the same work anew', async () => {
  const { id } = await world.gateway.submitJob({
    ...request,
    overrides: { video: { preset: 'ultrafast' } },
    priority: 7,
  }, ann)
  const bob = { ...ann, userId: 'bob' }
  const retried = await world.gateway.retryJob(id, bob)
  assert.equal((await readJob(world.db, id))?.status, 'cancelled')
  assert.deepEqual(
    [retried.retry_of, retried.source_url, retried.priority, retried.status, retried.user_id],
    [id, sourceUrl, 7, 'queued', 'bob'],
  )
  const actor = await world.store.readActor(retried.id)
  const { context } = actor!.snapshot as unknown as { readonly context: JobContext }
  assert.equal(context.profile.video.preset, 'ultrafast')
  await assert.rejects(world.gateway.retryJob('nothing', ann), refused('WE-JOB-004'))
})

test('deleteJob() removes objects and rows, and frees the key', async () => {
  const { id } = await submit('key-4')
  world.storage.keys.add(`jobs/${id}/out/stitch-1/film.mp4`)
  world.storage.keys.add(`jobs/${id}/logs/a.log`)
  world.storage.keys.add('jobs/another/out/film.mp4')
  await world.gateway.deleteJob(id, ann)
  assert.equal(await readJob(world.db, id), undefined)
  assert.equal(await world.store.readActor(id), undefined)
  assert.equal(await world.store.readActor(taskIdFrom(id, 'probe')), undefined)
  assert.deepEqual([...world.storage.keys], ['jobs/another/out/film.mp4'])
  await assert.rejects(world.gateway.deleteJob(id, ann), refused('WE-JOB-004'))
  assert.notEqual((await submit('key-4')).id, id)
})

test('requeueTask() takes a task from its worker, and leaves ended ones alone', async () => {
  const worker = workerOf(world)
  await worker.join()
  const { id } = await world.gateway.submitJob({ ...request, priority: 100 }, ann)
  const taskId = taskIdFrom(id, 'probe')
  await world.gateway.requeueTask(taskId, ann)
  const [held] = await worker.claim(1)
  assert.equal(held?.taskId, taskId)
  await world.gateway.requeueTask(taskId, ann)
  assert.equal((await readTask(world.db, taskId))?.status, 'ready')
  assert.equal(await worker.report(held!, finishedWith(held!)), false)
  const [again] = await worker.claim(1)
  assert.equal(await worker.report(again!, finishedWith(again!)), true)
  await assert.rejects(world.gateway.requeueTask(taskId, ann), refused('WE-JOB-006'))
  const stitch = await eventually(async () => await readTask(world.db, taskIdFrom(id, 'stitch')))
  await assert.rejects(world.gateway.requeueTask(stitch.id, ann), refused('WE-JOB-006'))
  await assert.rejects(world.gateway.requeueTask('nothing', ann), refused('WE-JOB-004'))
  await world.gateway.cancelJob(id, ann)
})
