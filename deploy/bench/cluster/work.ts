/** Jobs of the cluster benchmark, and simulated workers that ask the desk and answer what a good worker would. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { resultFor } from '../../../actors/desk/answers.fixture.ts'
import { sampleWorker } from '../../../actors/worker/sample.ts'
import { kernelSubjects } from '../../../kernel/bus/subjects.ts'
import type { JobPhase } from '../../../kernel/contract/job.ts'
import type { Json } from '../../../kernel/contract/json.ts'
import type { Lane, TaskBrief } from '../../../kernel/contract/task.ts'
import { readJob } from '../../../kernel/db/jobs.ts'
import type { Caller } from '../../../kernel/gateway.ts'
import type { BenchKernel } from './kernel.ts'

/** Who submits. */
export const benchCaller: Caller = {
  userId: 'bench',
  username: 'bench',
  role: 'admin',
  correlationId: 'req-bench',
}

/** A file that jobs may name as their source; its bytes are never read. */
export function sourceUrlIn({ dataDirectory }: Pick<BenchKernel, 'dataDirectory'>): string {
  const path = join(dataDirectory, 'film.mp4')
  writeFileSync(path, '')
  return pathToFileURL(path).href
}

/** A worker without FFmpeg. */
export function simulatedWorker({ bus }: Pick<BenchKernel, 'bus'>, workerId: string) {
  const session = 'session-1'
  const ask = async <Reply>(subject: string, data: unknown): Promise<Reply> =>
    await bus.request(subject, data as Json, { timeoutMs: 30_000 }) as Reply
  return {
    join: () => ask(kernelSubjects.join, { ...sampleWorker, workerId, session }),
    /** Says that it lives; nothing that it holds is renewed. */
    heartbeat: () => ask(kernelSubjects.heartbeat, { workerId, session, progress: [] }),
    /** @param lanes - all of a software worker's, unless named */
    async claim(
      limit: number,
      lanes: readonly Lane[] = sampleWorker.capabilities.lanes,
    ): Promise<readonly TaskBrief[]> {
      const request = { workerId, session, lanes, region: 'local', limit }
      return (await ask<{ tasks: TaskBrief[] }>(kernelSubjects.claim, request)).tasks
    },
    async finish(brief: TaskBrief): Promise<boolean> {
      const { taskId, leaseToken } = brief
      const outcome = { status: 'finished', result: resultFor(brief) }
      const request = { workerId, taskId, leaseToken, outcome }
      return (await ask<{ accepted: boolean }>(kernelSubjects.report, request)).accepted
    },
  }
}

/** Submits a job and lets a worker probe it: the tasks of its two chunks and of its audio are ready then. @returns its id */
export async function startJob(kernel: BenchKernel): Promise<string> {
  return await workUntil(kernel, '480p_fast', 'encoding', ['probe'])
}

/** Submits a job that copies its source and does all its work, three tasks. @returns its id */
export async function finishJob(kernel: BenchKernel): Promise<string> {
  return await workUntil(kernel, 'source_copy', 'completed', sampleWorker.capabilities.lanes)
}

/** Longest wait for a job that simulated workers work on. */
const workMs = 30_000

async function workUntil(
  kernel: BenchKernel,
  profile: string,
  phase: JobPhase,
  lanes: readonly Lane[],
): Promise<string> {
  const source_url = sourceUrlIn(kernel)
  const { id } = await kernel.gateway.submitJob({ source_url, profile }, benchCaller)
  const worker = simulatedWorker(kernel, 'starter')
  await worker.join()
  const giveUpMs = Date.now() + workMs
  while ((await readJob(kernel.db, id))?.phase !== phase) {
    if (Date.now() > giveUpMs) throw new Error(`job ${id} is not ${phase} after ${workMs} ms`)
    const briefs = await worker.claim(1, lanes)
    for (const brief of briefs) await worker.finish(brief)
    // The next tasks are made by the relay, a moment after the report.
    if (briefs.length === 0) await kernel.clock.sleep(5)
  }
  return id
}
