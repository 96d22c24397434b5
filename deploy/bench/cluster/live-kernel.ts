/** The kernel of the live benchmark, in a process of its own, and the changes that it is asked to make. */
import { jobEventsSubject } from '../../../kernel/bus/subjects.ts'
import { cloneJobs } from '../../../kernel/db/clone-jobs.fixture.ts'
import { sql } from '../../../kernel/db/database.ts'
import { answerParent } from './child.ts'
import { type BenchKernel, benchToken, openBenchKernel } from './kernel.ts'
import { startJob } from './work.ts'

let kernel: BenchKernel

/** What this process is asked. */
export const answers = {
  async open({ databaseUrl, jobs }: { databaseUrl: string; jobs: number }) {
    kernel = await openBenchKernel(databaseUrl)
    const first = await startJob(kernel)
    const ownJobs = await cloneJobs(kernel.db, first, { count: jobs, withActors: false })
    return { url: await kernel.listen(), token: benchToken, sharedJob: first, ownJobs }
  },
  memoryBytes: (): number => process.memoryUsage.rss(),
  /** CPU time of this process since its start. */
  cpuMs(): number {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  },
  /** Changes one job and announces it. @returns when, in ms since the epoch */
  async change({ jobId, mark }: { jobId: string; mark: number }): Promise<number> {
    const nowMs = performance.timeOrigin + performance.now()
    await change([jobId], mark)
    return nowMs
  },
  /** Changes every job each second, in ten parts, as heartbeats of workers would. */
  async changeAll({ jobIds, beginMs, seconds }: {
    jobIds: readonly string[]
    beginMs: number
    seconds: number
  }): Promise<void> {
    const parts = Array.from({ length: 10 }, (_, part) => jobIds.filter((_, i) => i % 10 === part))
    for (let turn = 0; turn < seconds * 10; turn++) {
      const waitMs = beginMs + turn * 100 - (performance.timeOrigin + performance.now())
      await new Promise((next) => setTimeout(next, Math.max(0, waitMs)))
      const mark = Math.max(1, Math.round(performance.timeOrigin + performance.now() - beginMs))
      await change(parts[turn % 10] ?? [], mark)
    }
  },
}

answerParent(answers)

async function change(jobIds: readonly string[], mark: number): Promise<void> {
  await kernel.db.query(sql`
    UPDATE jobs SET eta_seconds = ${mark}, updated_at = now() WHERE id = ANY(${jobIds}::text[])`)
  for (const jobId of jobIds) {
    await kernel.bus.publish(jobEventsSubject(jobId), {
      topic: 'job.progress',
      data: { job_id: jobId },
    })
  }
}
