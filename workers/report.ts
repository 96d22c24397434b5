/** Tells the kernel how a task ended, as often as it takes. */
import type { Clock } from '../kernel/clock.ts'
import { type ReportRequest, reportRequestSchema } from '../kernel/contract/worker.ts'
import { messageOf, WebEncodeError } from '../kernel/errors.ts'
import type { Log } from '../kernel/log.ts'
import type { KernelLink } from './kernel-link.ts'

const firstRetryMs = 500
const longestRetryMs = 15_000

/**
 * What became of a report. `accepted` and `refused` are the kernel's words. `unknown`: no answer came before the worker had to go,
 * or one was lost on the way, so that the outputs may have been adopted and must stay.
 */
export type ReportFate = 'accepted' | 'refused' | 'unknown'

export interface ReportTools {
  readonly link: Pick<KernelLink, 'report'>
  readonly clock: Clock
  readonly log: Log
  /** Ends the retries. */
  readonly signal: AbortSignal
}

/** Reports until the kernel answers. A retry is harmless: a token reports once, and the kernel knows which. */
export async function reportOutcome(
  request: ReportRequest,
  tools: ReportTools,
): Promise<ReportFate> {
  const report = checkedReport(request, tools.log)
  for (let attempt = 1;; attempt++) {
    try {
      const { accepted } = await tools.link.report(report)
      if (accepted) return 'accepted'
      return attempt === 1 ? 'refused' : 'unknown'
    } catch (error) {
      tools.log.warn('a report did not reach the kernel', {
        task_id: report.taskId,
        attempt,
        error,
      })
      if (error instanceof WebEncodeError && error.next === 'stop') return 'unknown'
    }
    const delayMs = Math.min(firstRetryMs * 2 ** (attempt - 1), longestRetryMs)
    if (!(await hasSlept(delayMs, tools))) return 'unknown'
  }
}

/** A result that the kernel could not read would be sent for ever: it is a failure of the handler. */
function checkedReport(request: ReportRequest, log: Log): ReportRequest {
  const parsed = reportRequestSchema.safeParse(request)
  if (parsed.success) return request
  log.error('a task ended with an unreadable outcome', {
    task_id: request.taskId,
    error: parsed.error,
  })
  const message = `The result of the task is malformed: ${messageOf(parsed.error)}`.slice(0, 2_000)
  return {
    ...request,
    outcome: { status: 'failed', failure: { kind: 'internal', code: 'WE-SYS-001', message } },
  }
}

async function hasSlept(delayMs: number, { clock, signal }: ReportTools): Promise<boolean> {
  try {
    await clock.sleep(delayMs, signal)
    return true
  } catch (reason) {
    if (signal.aborted) return false
    throw reason
  }
}
