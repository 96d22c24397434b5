/** One attempt at a task from its first step to its last: it is run, reported, logged, and what nobody will use of it is deleted. */
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { KernelLink } from './kernel-link.ts'
import type { Lease } from './lease.ts'
import { type ReportFate, reportOutcome } from './report.ts'
import { TaskLog } from './task-log.ts'
import { runTask, type TaskOutcome, type TaskTools } from './task-run.ts'

export interface AttemptTools extends TaskTools {
  readonly workerId: string
  readonly link: Pick<KernelLink, 'report'>
  /** Ends the retries of what must reach the kernel. */
  readonly closing: AbortSignal
  /** There is progress to tell. */
  readonly onProgress: () => void
  /** It has ended, and is about to be reported. */
  readonly onEnded: (status: TaskOutcome['status']) => void
}

/** Resolves when nothing is left to be done for the lease. */
export async function attempt(lease: Lease, tools: AttemptTools): Promise<void> {
  const { brief } = lease
  const taskLog = new TaskLog(() => tools.clock.now())
  taskLog.record(`Attempt ${brief.attempt} on ${tools.workerId}`)
  const outcome = await runTask(lease, tools, taskLog, tools.onProgress)
  tools.onEnded(outcome.status)
  if (outcome.status === 'lost') return await discard(lease, tools, 'the lease was lost')
  lease.decide()
  taskLog.record(endOf(outcome))
  const [fate] = await Promise.all([
    report(lease, outcome, tools),
    keepLog(lease, taskLog, tools),
  ])
  if (fate === 'refused') await discard(lease, tools, 'the report was refused')
  else if (outcome.status !== 'finished') await discard(lease, tools, `it ${outcome.status}`)
}

function report(
  { brief: { taskId, leaseToken } }: Lease,
  outcome: Exclude<TaskOutcome, { status: 'lost' }>,
  { workerId, link, clock, log, closing }: AttemptTools,
): Promise<ReportFate> {
  const request = { workerId, taskId, leaseToken, outcome }
  return reportOutcome(request, { link, clock, log, signal: closing })
}

/** Deletes what a task had published and nobody will use. */
async function discard(
  { brief: { taskId, leaseToken }, published }: Lease,
  { objects, log, closing }: AttemptTools,
  reason: string,
): Promise<void> {
  for (const key of published) {
    log.info('deleting an output that nobody will use', { task_id: taskId, key, reason })
    await objects.remove(key, { taskId, leaseToken, signal: closing }).catch((error: unknown) => {
      log.warn('cannot delete an output', { key, error })
    })
  }
}

/** Puts the log where people can read it. A log that cannot be kept is no reason to fail a task. */
async function keepLog(
  { brief: { taskId, jobId, leaseToken }, name }: Lease,
  { text }: TaskLog,
  { workDirectory, objects, log, closing }: AttemptTools,
): Promise<void> {
  const file = join(workDirectory, `${name}.log`)
  const key = `jobs/${jobId}/logs/${name}.log`
  const lease = { taskId, leaseToken, signal: closing }
  try {
    try {
      await writeFile(file, text)
      await objects.put(key, file, 'text/plain; charset=utf-8', lease)
    } finally {
      await rm(file, { force: true })
    }
  } catch (error) {
    log.warn('cannot keep the log of a task', { task_id: taskId, error })
  }
}

/** The last line of a task's log. */
function endOf(outcome: TaskOutcome): string {
  if (outcome.status !== 'failed') return `The task ${outcome.status}`
  const { kind, message, detail } = outcome.failure
  return `The task failed (${kind}): ${message}${detail === undefined ? '' : `\n${detail}`}`
}
