/** Which objects a worker may read, write and delete, and until when. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { TaskBrief } from '../../kernel/contract/task.ts'
import { sql } from '../../kernel/db/database.ts'
import { finishedWith } from './answers.fixture.ts'
import { ann, eventually, openWorld, sourceUrl, workerOf, type World } from './world.fixture.ts'

let world: World
let worker: ReturnType<typeof workerOf>
/** The encode tasks and the audio task of one job. */
let parts: TaskBrief[]

before(async () => {
  world = await openWorld()
  worker = workerOf(world)
  await worker.join()
  const [probe] = await leased(1)
  await worker.report(probe!, finishedWith(probe!))
  parts = await leased(3)
})
after(() => world.close())

async function leased(count: number): Promise<TaskBrief[]> {
  if (count === 1) {
    await world.gateway.submitJob({ source_url: sourceUrl, profile: '480p_fast' }, ann)
  }
  const briefs: TaskBrief[] = []
  return await eventually(async () => {
    briefs.push(...await worker.claim())
    return briefs.length >= count && briefs
  })
}

const refused = { name: 'WebEncodeError', code: 'WE-WRK-004', next: 'stop' }
const put = (key: string) => ({ method: 'PUT', key, contentType: 'video/mp4' })
const get = (key?: string) => ({ method: 'GET', ...(key !== undefined && { key }) })

test('a worker may write below the output prefix of its attempt, and nowhere else', async () => {
  const [brief, other] = parts as [TaskBrief, TaskBrief]
  const key = `${brief.outputPrefix}/chunk.mp4`
  assert.deepEqual(await worker.url(brief, put(key)), {
    url: `put:///${key}`,
    headers: { 'content-type': 'video/mp4' },
    isResumable: true,
  })
  const elsewhere = [
    `${other.outputPrefix}/chunk.mp4`,
    `${brief.outputPrefix}`,
    `${brief.outputPrefix}0/chunk.mp4`,
    `jobs/${brief.jobId}/out/stitch-1/film.mp4`,
    `jobs/${brief.jobId}/logs/${other.taskId}.1.log`,
    `jobs/${brief.jobId}/logs/${brief.taskId}.2.log`,
    'jobs/another/work/chunk.mp4',
    'uploads/u1/film.mp4',
  ]
  for (const bad of elsewhere) await assert.rejects(worker.url(brief, put(bad)), refused, bad)
})

test('a worker may read what belongs to its job, and its source', async () => {
  const [brief] = parts as [TaskBrief]
  const key = `jobs/${brief.jobId}/work/x/1/chunk.mp4`
  assert.deepEqual(await worker.url(brief, get(key)), { url: `file:///${key}`, headers: {} })
  assert.equal((await worker.url(brief, get())).url, sourceUrl)
  for (const bad of [`jobs/${brief.jobId}0/a`, 'jobs/another/work/a', 'uploads/u1/film.mp4']) {
    await assert.rejects(worker.url(brief, get(bad)), refused, bad)
  }
  const upload = 'fs://uploads/u1/film.mp4'
  await world.db.query(sql`UPDATE jobs SET source_url = ${upload} WHERE id = ${brief.jobId}`)
  assert.equal(
    (await worker.url(brief, get('uploads/u1/film.mp4'))).url,
    'file:///uploads/u1/film.mp4',
  )
  await world.db.query(sql`UPDATE jobs SET source_url = ${sourceUrl} WHERE id = ${brief.jobId}`)
})

test('a token of another task, another worker, or nobody is refused', async () => {
  const [brief, other] = parts as [TaskBrief, TaskBrief]
  const key = `${brief.outputPrefix}/chunk.mp4`
  for (const leaseToken of [other.leaseToken, 'invented']) {
    const thief = { ...brief, leaseToken }
    await assert.rejects(worker.url(thief, put(key)), refused)
    await assert.rejects(worker.url(thief, get()), refused)
    await assert.rejects(worker.remove(thief, key), refused)
  }
  const stranger = workerOf(world, 'session-of-stranger', 'w9')
  await assert.rejects(stranger.url(brief, put(key)), { code: 'WE-WRK-001' })
  await stranger.join()
  await assert.rejects(stranger.url(brief, put(key)), refused)
  await assert.rejects(worker.url(brief, { method: 'DELETE', key }), { code: 'WE-WRK-004' })
  await assert.rejects(worker.url(brief, { method: 'PUT' }), { code: 'WE-WRK-004' })
})

test('with the report only the log may still be written, and what was accepted not be deleted', async () => {
  const [, brief] = parts as [TaskBrief, TaskBrief]
  const { jobId, taskId } = brief
  const key = `${brief.outputPrefix}/encode.mp4`
  world.storage.keys.add(key)
  assert.equal(await worker.report(brief, finishedWith(brief)), true)
  const log = `jobs/${jobId}/logs/${taskId}.1.log`
  assert.equal((await worker.url(brief, put(log))).url, `put:///${log}`)
  await assert.rejects(worker.url(brief, put(key)), refused)
  await assert.rejects(worker.url(brief, get()), refused)
  await assert.rejects(worker.remove(brief, key), /the result was accepted/)
  assert.ok(world.storage.keys.has(key))
})

test('a worker that lost its lease may delete what it had published, and nothing else', async () => {
  const [, , brief] = parts as [TaskBrief, TaskBrief, TaskBrief]
  const key = `${brief.outputPrefix}/half.mp4`
  world.storage.keys.add(key)
  assert.equal(await worker.report(brief, { status: 'released' }), true)
  const [again] = await eventually(async () => {
    const briefs = await worker.claim()
    return briefs.length > 0 && briefs
  })
  assert.equal(again?.attempt, 2)
  await assert.rejects(worker.url(brief, put(key)), refused)
  await assert.rejects(worker.remove(again!, key), refused)
  await assert.rejects(worker.remove(brief, `${again?.outputPrefix}/half.mp4`), refused)
  await worker.remove(brief, key)
  assert.ok(!world.storage.keys.has(key))
  const log = `jobs/${brief.jobId}/logs/${brief.taskId}.`
  assert.ok(await worker.url(brief, put(`${log}1.log`)))
  await assert.rejects(worker.url(brief, put(`${log}2.log`)), refused)
  assert.ok(await worker.url(again!, put(`${log}2.log`)))
})
