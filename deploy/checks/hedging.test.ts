/** A slow machine at the end of a job: another worker takes its chunk over, through the death of worker and kernel too. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { skipWithoutNats } from '../../kernel/bus/test-nats.ts'
import type { JobEventView, TaskView } from '../../kernel/contract/job.ts'
import { type Database, sql } from '../../kernel/db/database.ts'
import { openPostgres } from '../../kernel/db/postgres.ts'
import { silentLog } from '../../kernel/log.ts'
import { Cluster } from '../cluster/cluster.ts'
import { findPostgres } from '../cluster/postgres.ts'
import { listViolations } from './chaos/invariants.ts'
import { askAny, outputProblem, submitJob, waitForEnd } from './chaos/jobs.ts'
import { skipWithoutFfmpeg } from './probe-file.ts'
import { mediaDirectory } from './product.ts'
import { writeSlowFfmpeg } from './slow-ffmpeg.fixture.ts'

const skip = await skipWithoutFfmpeg() || skipWithoutNats ||
  (await findPostgres() === undefined ? 'needs PostgreSQL' : false)

/** Times real time. A chunk of 6 s takes the slow worker 75 s, whatever else the machine does. */
const speeds = { 'worker-1': 0.08, 'worker-2': 1 } as const
/** So that the machine is not what holds the faster one up. */
const preset = 'ultrafast'
/** Lets the kernel that is left notice, and hedge, and the rest of the job be done. */
const endMs = 240_000

describe('hedging', { skip }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'webencode-hedging-'))
  let cluster: Cluster
  let db: Database

  before(async () => {
    const ffmpegOf: Record<string, string> = {}
    for (const [worker, speed] of Object.entries(speeds)) {
      ffmpegOf[worker] = await writeSlowFfmpeg(directory, speed)
    }
    cluster = await Cluster.start({
      directory,
      kernels: 2,
      workers: 2,
      adminToken: 'we_hedging_admin_token_0123456789',
      joinToken: 'we_hedging_join_token_0123456789',
      env: {
        LOG_LEVEL: 'info',
        WEBENCODE_LEASE_MS: '4000',
        WEBENCODE_HEARTBEAT_MS: '1000',
        WEBENCODE_WORKER_SLOTS: '1',
        WEBENCODE_MEDIA_ROOTS: mediaDirectory,
      },
      envOf: (name): Record<string, string> => {
        const path = ffmpegOf[name]
        return path === undefined ? {} : { FFMPEG_PATH: path }
      },
    })
    db = await openPostgres({ url: cluster.postgres.url, log: silentLog })
  })
  after(async () => {
    await db?.close()
    await cluster?.stop()
    await cluster?.postgres.remove()
    rmSync(directory, { recursive: true, force: true })
  })

  const tasksOf = async (jobId: string) =>
    (await askAny<{ tasks: TaskView[] }>(cluster, `/v1/jobs/${jobId}/tasks`)).tasks

  /** When things happened to a task, in seconds after its claim. */
  async function lifeOf({ id, job_id, started_at }: TaskView): Promise<string> {
    const { events } = await askAny<{ events: JobEventView[] }>(
      cluster,
      `/v1/jobs/${job_id}/events?limit=1000`,
    )
    return events.filter(({ actor_id }) => actor_id === id).map(({ type, at }) =>
      `${type} ${((Date.parse(at) - Date.parse(started_at!)) / 1000).toFixed(1)}`
    ).join(', ')
  }

  /** Waits until the job has a hedge of this status. */
  async function hedgeIs(jobId: string, status: 'running' | 'failed'): Promise<void> {
    const deadline = Date.now() + endMs
    for (;;) {
      const rows = await db.query(sql`
        SELECT id FROM tasks WHERE job_id = ${jobId} AND hedge_of IS NOT NULL AND status = ${status}`)
      if (rows.length > 0) return
      if (Date.now() > deadline) assert.fail(`no hedge is ${status}:\n${logs()}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  const logs = () => cluster.processes.map(({ name, log }) => `${name}:\n${log}`).join('\n')

  async function mustBeRight(jobId: string): Promise<void> {
    const job = await waitForEnd(cluster, jobId, endMs)
    assert.equal(job.status, 'completed', `${JSON.stringify(job.error)}\n${logs()}`)
    assert.deepEqual([job.tasks_completed, job.progress_pct], [job.tasks_total, 100])
    assert.equal(await outputProblem(cluster, jobId, directory), undefined)
    await mustBeQuiet()
  }

  /** The last effects may still be on their way. */
  async function mustBeQuiet(): Promise<void> {
    const deadline = Date.now() + 30_000
    for (;;) {
      const violations = await listViolations(db)
      if (violations.length === 0) return
      if (Date.now() > deadline) assert.deepEqual(violations, [], logs())
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  }

  test('a slow chunk is taken over, and the job ends well before the slow worker would', async (t) => {
    const jobId = await submitJob(cluster, 'hedged', preset)
    await mustBeRight(jobId)
    const hedged = (await tasksOf(jobId)).filter((task) => task.hedged)
    assert.equal(hedged.length, 1, JSON.stringify(await tasksOf(jobId)))
    const {
      assigned_worker_id,
      started_at,
      finished_at,
      start_time_sec,
      end_time_sec,
      attempt_count,
    } = hedged[0]!
    assert.deepEqual([assigned_worker_id, attempt_count], ['worker-2', 1])
    const seconds = (Date.parse(finished_at!) - Date.parse(started_at!)) / 1000
    const alone = (end_time_sec - start_time_sec) / speeds['worker-1']
    t.diagnostic(`the chunk took ${seconds} s; its slow worker alone would take ${alone} s`)
    t.diagnostic(`seconds after its claim: ${await lifeOf(hedged[0]!)}`)
    assert.ok(seconds < alone * 0.9, `took ${seconds} s; alone it would take ${alone} s`)
  })

  test('the death of the hedging worker and of a kernel in between costs the hedge alone', async () => {
    const jobId = await submitJob(cluster, 'killed', preset)
    await hedgeIs(jobId, 'running')
    const [kernel] = cluster.kernels
    const [slow, fast] = cluster.workers
    await Promise.all([fast!.kill(), kernel!.kill()])
    await Promise.all([fast!.start(), kernel!.start()])
    await hedgeIs(jobId, 'failed')
    const [chunk] = (await tasksOf(jobId)).filter((task) => task.hedged)
    assert.deepEqual([chunk?.status, chunk?.assigned_worker_id, chunk?.attempt_count], [
      'running',
      'worker-1',
      1,
    ])
    // To wait for the slow worker would take minutes. Without it, the chunk is made again like any other.
    await slow!.kill()
    await mustBeRight(jobId)
    const [again] = (await tasksOf(jobId)).filter((task) => task.hedged)
    assert.deepEqual([again?.assigned_worker_id, again?.attempt_count], ['worker-2', 2])
    await slow!.start()
  })

  test('the death of the slow worker costs nothing: the hedge goes on, and completes its chunk', async () => {
    const jobId = await submitJob(cluster, 'slow-killed', preset)
    await hedgeIs(jobId, 'running')
    const [slow] = cluster.workers
    await slow!.kill()
    await mustBeRight(jobId)
    const [chunk] = (await tasksOf(jobId)).filter((task) => task.hedged)
    assert.deepEqual([chunk?.assigned_worker_id, chunk?.attempt_count], ['worker-2', 1])
    await slow!.start()
  })
})
