/** The row of `tasks` that shows a hedge, so that it is claimed, leased and missed like any task. */
import type { Json } from '../../kernel/contract/json.ts'
import type { TaskRow } from '../../kernel/db/actor-store.ts'
import { errorOf, outputOf } from '../task/view.ts'
import type { HedgeContext } from './model.ts'

/** State of the machine, as its snapshot holds it. */
export type HedgeState = 'ready' | 'running' | 'won' | 'lost' | 'withdrawn'

const statuses: Readonly<Record<HedgeState, TaskRow['status']>> = {
  ready: 'ready',
  running: 'running',
  won: 'completed',
  lost: 'failed',
  withdrawn: 'cancelled',
}

/** The row of the hedge with this id in this state. Its kind and weight keep it from being counted as a chunk. */
export function hedgeRowFrom(id: string, state: HedgeState, context: HedgeContext): TaskRow {
  const output = outputOf(context.result)
  return {
    id,
    jobId: context.jobId,
    kind: 'hedge',
    index: context.index,
    params: context.params as Json,
    startSeconds: context.startSeconds,
    endSeconds: context.endSeconds,
    weight: 0,
    status: statuses[state],
    lane: context.lane,
    region: context.region,
    priority: context.priority,
    deadline: context.deadline ?? null,
    owner: context.owner,
    attempt: context.attempt,
    maxAttempts: 1,
    avoidWorkerId: context.avoidWorkerId,
    workerId: context.workerId,
    leaseToken: context.leaseToken,
    leaseMs: context.leaseMs,
    // Parsed from JSON; optional fields hide that from the compiler.
    result: context.result as Json,
    outputKey: output?.key ?? null,
    outputSizeBytes: output?.sizeBytes ?? null,
    error: errorOf(context),
    hedgeOf: context.taskId,
  }
}
