/** The job list, a job, its events, outputs and deletion, and the dashboard's figures. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { dashboardStatsSchema, jobEventViewSchema, jobViewSchema } from '../contract/job.ts'
import { WebEncodeError } from '../errors.ts'
import {
  changesOf,
  storedActor,
  storedJob,
  storedTask,
  storedWorker,
} from './actor-store.samples.ts'
import type { BatchChanges, JobRow } from './actor-store.ts'
import { createActorStore } from './actors.ts'
import { readDashboardStats } from './dashboard.ts'
import { sql } from './database.ts'
import {
  deleteJobRows,
  type JobQuery,
  listJobEvents,
  listJobs,
  readJob,
  readJobOutputs,
  readJobReport,
  readJobs,
} from './jobs.ts'
import { describeOnDatabases, emptyTables } from './test-database.ts'

const plan = {
  source: {
    format: 'mov,mp4',
    durationSeconds: 60,
    sizeBytes: 1000,
    video: {
      streamIndex: 0,
      codec: 'h264',
      width: 1920,
      height: 1080,
      rotation: 0,
      timeBase: { num: 1, den: 90_000 },
      averageFps: 25,
      isHdr: false,
    },
    audio: [{ streamIndex: 1, codec: 'aac', sampleRateHz: 48_000, channels: 2 }],
  },
  firstTick: 0,
  firstSeconds: 0,
  totalFrames: 1500,
  durationSeconds: 60,
  threads: 1,
  warnings: ['No colour tags'],
}

const output = {
  name: 'a.mp4',
  type: 'final' as const,
  object: { key: 'jobs/j1/out/1/a.mp4', sizeBytes: 1234, sha256: 'a'.repeat(64) },
  contentType: 'video/mp4',
}

describeOnDatabases('jobs', (db) => {
  const write = (changes: Partial<BatchChanges>) =>
    createActorStore(db()).transaction((tx) => tx.write(changesOf(changes)))
  const writeJobs = (...jobs: (Partial<JobRow> & { id: string })[]) =>
    write({ jobs: jobs.map((job) => storedJob(job.id, job)) })
  const listIds = async (query: JobQuery = {}) =>
    (await listJobs(db(), query)).jobs.map(({ id }) => id)
  /** All pages, as lists of ids. */
  const pagesOf = async (query: JobQuery): Promise<string[][]> => {
    const pages: string[][] = []
    let cursor: string | null = null
    do {
      const page = await listJobs(db(), { ...query, ...(cursor !== null && { cursor }) })
      pages.push(page.jobs.map(({ id }) => id))
      cursor = page.nextCursor
    } while (cursor !== null)
    return pages
  }

  beforeEach(() => emptyTables(db()))

  test('readJob() answers the view, without credentials of the source', async () => {
    await writeJobs({ id: 'j1', sourceUrl: 'https://me:secret@example.com/a@b.mp4?x=1', plan })
    const job = await readJob(db(), 'j1')
    assert.deepEqual(jobViewSchema.parse(job), job)
    assert.equal(job?.source_url, 'https://example.com/a@b.mp4?x=1')
    assert.equal(job.profile, '1080p_h264')
    assert.deepEqual(job.warnings, ['No colour tags'])
    assert.deepEqual(job.media, {
      format: 'mov,mp4',
      duration_seconds: 60,
      size_bytes: 1000,
      total_frames: 1500,
      video_codec: 'h264',
      width: 1920,
      height: 1080,
      fps: 25,
      rotation: 0,
      is_hdr: false,
      audio_codec: 'aac',
      audio_channels: 2,
      audio_sample_rate_hz: 48_000,
      audio_tracks: 1,
    })
  })

  test('readJob() answers undefined for a job that does not exist, and null media before the probe', async () => {
    assert.equal(await readJob(db(), 'nothing'), undefined)
    await writeJobs({ id: 'j1' })
    assert.equal((await readJob(db(), 'j1'))?.media, null)
  })

  test('readJobs() answers those that there are, as readJob() does', async () => {
    await write({ jobs: [storedJob('j1'), storedJob('j2'), storedJob('j3')] })
    const jobs = await readJobs(db(), ['j1', 'nothing', 'j3'])
    assert.deepEqual([...jobs.keys()].sort(), ['j1', 'j3'])
    assert.deepEqual(jobs.get('j3'), await readJob(db(), 'j3'))
    assert.deepEqual(await readJobs(db(), []), new Map())
  })

  test('listJobs() answers the newest first, in pages that neither repeat nor skip', async () => {
    const ids = Array.from({ length: 11 }, (_, i) => `j${String(i).padStart(2, '0')}`)
    for (const id of ids) await writeJobs({ id })
    await db().query(sql`UPDATE jobs SET created_at = '2026-01-01' WHERE id < 'j05'`)
    const newestFirst = [...ids.slice(5).toReversed(), ...ids.slice(0, 5).toReversed()]
    assert.deepEqual(await pagesOf({ limit: 4 }), [
      newestFirst.slice(0, 4),
      newestFirst.slice(4, 8),
      newestFirst.slice(8),
    ])
    assert.deepEqual((await pagesOf({ limit: 3, order: 'asc' })).flat(), newestFirst.toReversed())
    assert.deepEqual(await pagesOf({ limit: 11 }), [newestFirst])
  })

  test('listJobs() does not lose a job to one that is created between two pages', async () => {
    for (const id of ['j1', 'j2', 'j3']) await writeJobs({ id })
    const first = await listJobs(db(), { limit: 2 })
    await writeJobs({ id: 'j4' })
    const second = await listJobs(db(), { limit: 2, cursor: first.nextCursor ?? '' })
    assert.deepEqual([first, second].map((page) => page.jobs.map(({ id }) => id)), [['j3', 'j2'], [
      'j1',
    ]])
  })

  test('listJobs() sorts by progress and by ETA, unknown ETAs last, in pages', async () => {
    const figures: [string, number, number | null][] = [
      ['a', 12.5, 30],
      ['b', 0, null],
      ['c', 99.9, 5],
      ['d', 12.5, null],
      ['e', 33.3, 30],
    ]
    for (const [id, progress, eta] of figures) {
      await writeJobs({ id })
      await db().query(
        sql`UPDATE jobs SET progress_pct = ${progress}::real, eta_seconds = ${eta}::int WHERE id = ${id}`,
      )
    }
    const sorted = async (query: JobQuery) =>
      (await pagesOf({ ...query, limit: 2 })).flat().join('')
    assert.equal(await sorted({ sort: 'progress_pct', order: 'desc' }), 'cedab')
    assert.equal(await sorted({ sort: 'progress_pct', order: 'asc' }), 'badec')
    assert.equal(await sorted({ sort: 'eta_seconds', order: 'asc' }), 'caebd')
    assert.equal(await sorted({ sort: 'eta_seconds', order: 'desc' }), 'eacdb')
  })

  test('listJobs() filters by status and user', async () => {
    await writeJobs({ id: 'j1', status: 'failed', userId: 'u2' }, { id: 'j2', status: 'failed' }, {
      id: 'j3',
    })
    assert.deepEqual(await listIds({ status: 'failed' }), ['j2', 'j1'])
    assert.deepEqual(await listIds({ status: ['queued', 'failed'], userId: 'u2' }), ['j1'])
    assert.deepEqual(await listIds({ status: ['completed', 'failed'] }), ['j2', 'j1'])
    assert.deepEqual(await listIds({ userId: 'u2' }), ['j1'])
    assert.deepEqual(await listIds({ userId: 'u2', status: 'queued' }), [])
  })

  test('listJobs() searches id and source, in any case, and takes wildcards literally', async () => {
    await writeJobs({ id: 'abc', sourceUrl: 'https://example.com/100%25_Final.mp4' }, {
      id: 'xyz',
      sourceUrl: 'file:///a\\b.mp4',
    })
    assert.deepEqual(await listIds({ search: 'BC' }), ['abc'])
    assert.deepEqual(await listIds({ search: 'final' }), ['abc'])
    assert.deepEqual(await listIds({ search: '%' }), ['abc'])
    assert.deepEqual(await listIds({ search: '_f' }), ['abc'])
    assert.deepEqual(await listIds({ search: '\\' }), ['xyz'])
    assert.deepEqual(await listIds({ search: 'x_z' }), [])
    assert.deepEqual(await listIds({ search: '\0' }), ['xyz', 'abc'])
    assert.deepEqual(await listIds({ search: '' }), ['xyz', 'abc'])
  })

  test('listJobs() refuses a cursor that is not one, or of another sort', async () => {
    await writeJobs({ id: 'j1' }, { id: 'j2' })
    const { nextCursor } = await listJobs(db(), { limit: 1 })
    const forged = Buffer.from(JSON.stringify(['created_at', 'desc', 'now()', 'x'])).toString(
      'base64url',
    )
    const wrong: JobQuery[] = [
      { cursor: 'rubbish' },
      { cursor: '' },
      { cursor: forged },
      { cursor: nextCursor ?? '', order: 'asc' },
      { cursor: nextCursor ?? '', sort: 'progress_pct' },
    ]
    for (const query of wrong) {
      await assert.rejects(
        listJobs(db(), query),
        (failure) =>
          failure instanceof WebEncodeError && failure.code === 'WE-JOB-001' &&
          failure.path === 'cursor',
      )
    }
  })

  test('listJobs() refuses a limit out of range', async () => {
    for (const limit of [0, 501, 1.5]) await assert.rejects(listJobs(db(), { limit }), RangeError)
  })

  test('listJobEvents() tells the steps of a job and its tasks in order, without secrets and bulk', async () => {
    await write({
      jobs: [storedJob('j1'), storedJob('j2')],
      tasks: [storedTask('t1')],
      log: [
        {
          actorId: 'j1',
          version: 0,
          eventId: 'e0',
          event: { type: 'xstate.init', input: { sourceUrl: 'https://me:secret@x/' } },
        },
        { actorId: 'j2', version: 0, eventId: 'e0', event: { type: 'xstate.init' } },
      ],
    })
    await write({
      log: [{
        actorId: 't1',
        version: 1,
        eventId: 'e1',
        event: { type: 'claim', workerId: 'w1', leaseToken: 'secret', bulk: 'x'.repeat(5000) },
      }],
    })
    const failure = { code: 'WE-JOB-008', message: 'FFmpeg failed.', detail: 'x'.repeat(5000) }
    await write({
      log: [{ actorId: 't1', version: 2, eventId: 'e2', event: { type: 'fail', failure } }],
    })
    const events = await listJobEvents(db(), 'j1')
    for (const event of events) assert.deepEqual(jobEventViewSchema.parse(event), event)
    assert.deepEqual(events.map(({ id, actor_id, type, data }) => ({ id, actor_id, type, data })), [
      { id: 'j1:0', actor_id: 'j1', type: 'xstate.init', data: {} },
      { id: 't1:1', actor_id: 't1', type: 'claim', data: { workerId: 'w1' } },
      {
        id: 't1:2',
        actor_id: 't1',
        type: 'fail',
        data: { failure: { code: 'WE-JOB-008', message: 'FFmpeg failed.' } },
      },
    ])
    assert.deepEqual((await listJobEvents(db(), 'j1', 1)).map(({ id }) => id), ['t1:2'])
  })

  test('readJobOutputs() and readJobReport() answer what verification accepted', async () => {
    await writeJobs({ id: 'j1', outputs: [output], report: { frames: 10, ok: true } }, { id: 'j2' })
    assert.deepEqual(await readJobOutputs(db(), 'j1'), [output])
    assert.deepEqual(await readJobReport(db(), 'j1'), { frames: 10, ok: true })
    assert.deepEqual(await readJobOutputs(db(), 'j2'), [])
    assert.equal(await readJobReport(db(), 'j2'), undefined)
    assert.deepEqual(await readJobOutputs(db(), 'nothing'), [])
  })

  test('deleteJobRows() deletes everything of one job and nothing of another', async () => {
    for (const job of ['j1', 'j2']) {
      const task = `${job}.encode.00000`
      await write({
        jobs: [storedJob(job)],
        tasks: [storedTask(task, { jobId: job })],
        creates: [storedActor(job), storedActor(task)],
        log: [{ actorId: task, version: 0, eventId: 'e', event: { type: 'x' } }],
        timersSet: [{ actorId: task, key: 'k', uid: '0:0', delayMs: 1000, event: { type: 'x' } }],
        outbox: [{ id: `${job}:0:0`, name: 'clean', params: { jobId: job } }],
      })
    }
    assert.equal(await db().transaction((tx) => deleteJobRows(tx, 'j1')), true)
    const rest = await db().query(sql`
      SELECT id FROM actors UNION ALL SELECT actor_id FROM event_log UNION ALL SELECT actor_id FROM timers
      UNION ALL SELECT id FROM jobs UNION ALL SELECT id FROM tasks
      ORDER BY id`)
    assert.deepEqual(
      rest,
      ['j2', 'j2', 'j2.encode.00000', 'j2.encode.00000', 'j2.encode.00000', 'j2.encode.00000'].map((
        id,
      ) => ({ id })),
    )
    assert.deepEqual(await db().query(sql`SELECT count(*)::int AS n FROM outbox`), [{ n: 2 }])
    assert.equal(await db().transaction((tx) => deleteJobRows(tx, 'j1')), false)
  })

  test('readDashboardStats() is all zeros on an empty database', async () => {
    const stats = await readDashboardStats(db())
    assert.deepEqual(dashboardStatsSchema.parse(stats), stats)
    assert.deepEqual(stats.jobs_24h, {
      completed: 0,
      failed: 0,
      average_seconds: null,
      bytes_out: 0,
    })
    assert.deepEqual(stats.workers, { online: 0, slots: 0, busy: 0 })
    assert.equal(stats.jobs.queued, 0)
  })

  test('readDashboardStats() counts jobs, the last day, tasks and the fleet', async () => {
    await writeJobs(
      { id: 'j1' },
      { id: 'j2', status: 'completed', outputs: [output, output] },
      { id: 'j3', status: 'completed', outputs: [output] },
      { id: 'j4', status: 'failed' },
    )
    await db().query(
      sql`UPDATE jobs SET started_at = finished_at - interval '90 s' WHERE finished_at IS NOT NULL`,
    )
    await db().query(
      sql`UPDATE jobs SET finished_at = finished_at - interval '2 days' WHERE id = 'j3'`,
    )
    await write({
      tasks: [
        storedTask('t1'),
        storedTask('t2', { status: 'running', workerId: 'w1', leaseToken: 'tok' }),
        storedTask('t3', { status: 'waiting' }),
      ],
      workers: [
        storedWorker('w1'),
        storedWorker('w2', { status: 'draining' }),
        storedWorker('w3', { status: 'offline' }),
      ],
    })
    const stats = await readDashboardStats(db())
    assert.deepEqual(stats, {
      jobs: {
        queued: 0,
        processing: 1,
        stitching: 0,
        uploading: 0,
        completed: 2,
        failed: 1,
        cancelled: 0,
      },
      jobs_24h: { completed: 1, failed: 1, average_seconds: 90, bytes_out: 2468 },
      tasks: { ready: 1, running: 1 },
      workers: { online: 2, slots: 2, busy: 1 },
    })
  })
})
