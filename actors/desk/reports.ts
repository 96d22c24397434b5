/** Answers reports: what a worker says about the end of a task counts only as long as it holds the lease. */
import type { ReportReply, ReportRequest } from '../../kernel/contract/worker.ts'
import { jobIdFrom } from '../../kernel/ids.ts'
import type { Log } from '../../kernel/log.ts'
import type { Engine } from '../engine/engine.ts'
import { eventJson } from '../events.ts'
import type { TaskEvent } from '../task/model.ts'
import { hasOwnObjects } from './keys.ts'

export interface ReportOptions {
  readonly engine: Pick<Engine, 'send'>
  readonly log: Log
}

/**
 * Creates the answer to reports. A report that comes twice, because the answer to the first one was lost, is accepted
 * like the first: otherwise the worker would delete what is already in use.
 */
export function createReports(
  { engine, log }: ReportOptions,
): (request: ReportRequest) => Promise<ReportReply> {
  return async function report(request) {
    const { taskId, leaseToken, workerId } = request
    const { status } = await engine.send(taskId, eventJson(eventFrom(request)), {
      eventId: `report:${leaseToken}:${request.outcome.status}`,
    })
    const accepted = status === 'applied' || status === 'duplicate'
    if (!accepted) {
      log.info('report came too late', { task_id: taskId, worker_id: workerId, status })
    }
    return { accepted }
  }
}

function eventFrom({ taskId, leaseToken, outcome }: ReportRequest): TaskEvent {
  switch (outcome.status) {
    case 'released':
      return { type: 'release', leaseToken }
    case 'failed':
      return { type: 'fail', leaseToken, failure: outcome.failure }
    case 'finished':
      if (hasOwnObjects(jobIdFrom(taskId), outcome.result)) {
        return { type: 'finish', leaseToken, result: outcome.result }
      }
      return {
        type: 'fail',
        leaseToken,
        failure: {
          kind: 'internal',
          code: 'WE-WRK-004',
          message: 'The worker reported an object that does not belong to this job',
        },
      }
  }
}
