/** The row of `tasks` that shows a task actor. */
import type { TaskRow } from '../../kernel/db/actor-store.ts'
import type { Json } from '../../kernel/contract/json.ts'
import type { ObjectRef } from '../../kernel/contract/media.ts'
import type { TaskResult } from '../../kernel/contract/task.ts'
import type { TaskContext } from './model.ts'

/** State of the machine, as its snapshot holds it. */
export type TaskState =
  | 'blocked'
  | 'ready'
  | 'running'
  | 'waiting'
  | 'completed'
  | 'failed'
  | 'closed'

/** The row of the task with this id in this state. */
export function taskRowFrom(id: string, state: TaskState, context: TaskContext): TaskRow {
  const output = outputOf(context.result)
  return {
    id,
    jobId: context.jobId,
    kind: context.kind,
    index: context.index,
    params: context.params as Json,
    startSeconds: context.startSeconds,
    endSeconds: context.endSeconds,
    weight: context.weight,
    status: statusOf(state, context),
    lane: context.lane,
    region: context.region,
    priority: context.priority,
    deadline: context.deadline ?? null,
    owner: context.owner,
    attempt: context.attempt,
    maxAttempts: context.maxAttempts,
    avoidWorkerId: context.avoidWorkerId,
    workerId: context.workerId,
    leaseToken: context.leaseToken,
    leaseMs: context.leaseMs,
    // These came as JSON and were parsed; optional fields hide that from the compiler.
    result: context.result as Json,
    outputKey: output?.key ?? null,
    outputSizeBytes: output?.sizeBytes ?? null,
    error: errorOf(context),
    hedgeOf: null,
  }
}

function statusOf(state: TaskState, context: TaskContext): TaskRow['status'] {
  if (state === 'closed') return context.outcome ?? 'cancelled'
  if (state === 'blocked') return 'waiting'
  return state
}

/** The object that a result leads to. */
export function outputOf(result: TaskResult | null): ObjectRef | undefined {
  if (result === null || result.kind === 'probe') return undefined
  return result.kind === 'verify' ? result.outputs[0]?.object : result.object
}

/** The last failure, as people read it. */
export function errorOf({ failure }: Pick<TaskContext, 'failure'>): TaskRow['error'] {
  if (failure === null) return null
  const { code, message, detail } = failure
  return { code, message, ...(detail !== undefined && { detail }) }
}
