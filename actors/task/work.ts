/** What a task and its hedge have in common: work on a chunk that one worker at a time claims, and the row that offers it. */
import type { Json } from '../../kernel/contract/json.ts'
import type { ObjectRef } from '../../kernel/contract/media.ts'
import type { Lane, TaskFailure, TaskParams, TaskResult } from '../../kernel/contract/task.ts'
import type { TaskRow } from '../../kernel/db/actor-store.ts'

/** Fixed at creation. Type aliases, not interfaces, because only those count as JSON for the compiler. */
export type WorkInput = {
  readonly jobId: string
  readonly index: number
  readonly params: TaskParams
  /** User that the work is done for; the claim is fair between owners. */
  readonly owner: string
  readonly priority: number
  /** When it should be done, ISO 8601. Absent when it may be done whenever. */
  readonly deadline?: string
  readonly lane: Lane
  /** The encoder of video that it needs. Absent where any will do. */
  readonly videoCodec?: string
  readonly region: string
  readonly startSeconds: number
  readonly endSeconds: number
  readonly leaseMs: number
}

/** What is remembered of the worker and of what came out. */
export type WorkContext = WorkInput & {
  /** Rises with every claim and never falls: it makes the output keys of an attempt unique. */
  readonly attempt: number
  /** Who holds it, or held it last; null while nobody has. */
  readonly workerId: string | null
  readonly leaseToken: string | null
  readonly avoidWorkerId: string | null
  readonly result: TaskResult | null
  /** The last failure, until a result comes. */
  readonly failure: TaskFailure | null
}

/** What is heard of the worker, and of the job's end. */
export type WorkEvent =
  | { readonly type: 'claim'; readonly workerId: string; readonly leaseToken: string }
  | { readonly type: 'finish'; readonly leaseToken: string; readonly result: TaskResult }
  | { readonly type: 'fail'; readonly leaseToken: string; readonly failure: TaskFailure }
  /** Given back unfinished by a worker that drains. */
  | { readonly type: 'release'; readonly leaseToken: string }
  | { readonly type: 'leaseExpired'; readonly leaseToken: string }
  /** The process that held the lease is gone. */
  | { readonly type: 'workerLost'; readonly leaseToken: string }
  | { readonly type: 'jobEnded' }

/** What tells the row of a task from the row of its hedge. */
type WorkRowFacts = Pick<TaskRow, 'kind' | 'weight' | 'status' | 'maxAttempts' | 'hedgeOf'>

/** The row of `tasks`, so that the work is claimed, leased and missed. */
export function workRowFrom(id: string, context: WorkContext, facts: WorkRowFacts): TaskRow {
  const output = outputOf(context.result)
  return {
    ...facts,
    id,
    jobId: context.jobId,
    index: context.index,
    params: context.params as Json,
    startSeconds: context.startSeconds,
    endSeconds: context.endSeconds,
    lane: context.lane,
    videoCodec: context.videoCodec ?? '',
    region: context.region,
    priority: context.priority,
    deadline: context.deadline ?? null,
    owner: context.owner,
    attempt: context.attempt,
    avoidWorkerId: context.avoidWorkerId,
    workerId: context.workerId,
    leaseToken: context.leaseToken,
    leaseMs: context.leaseMs,
    // These came as JSON and were parsed; optional fields hide that from the compiler.
    result: context.result as Json,
    outputKey: output?.key ?? null,
    outputSizeBytes: output?.sizeBytes ?? null,
    error: errorOf(context.failure),
  }
}

/** The object that a result leads to. */
function outputOf(result: TaskResult | null): ObjectRef | undefined {
  if (result === null || result.kind === 'probe') return undefined
  return result.kind === 'verify' ? result.outputs[0]?.object : result.object
}

/** The last failure, as people read it. */
function errorOf(failure: TaskFailure | null): TaskRow['error'] {
  if (failure === null) return null
  const { code, message, detail } = failure
  return { code, message, ...(detail !== undefined && { detail }) }
}
