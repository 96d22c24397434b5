/** The words of a hedge: a second run of a chunk that another worker has in hand and is slow with. */
import type { Lane, TaskFailure, TaskParams, TaskResult } from '../../kernel/contract/task.ts'

/** Fixed at creation: what the straggler is, and whom to avoid. */
export type HedgeInput = {
  /** The straggler: the task that has the same chunk. */
  readonly taskId: string
  readonly jobId: string
  readonly index: number
  readonly params: TaskParams
  readonly owner: string
  readonly priority: number
  /** ISO 8601. Absent when the job may be done whenever. */
  readonly deadline?: string
  readonly lane: Lane
  readonly region: string
  readonly startSeconds: number
  readonly endSeconds: number
  readonly leaseMs: number
  /** Has the straggler in hand. */
  readonly avoidWorkerId: string
}

/** What a hedge remembers. */
export type HedgeContext = HedgeInput & {
  /** 0 before the claim, 1 from then on: a hedge is tried once. */
  readonly attempt: number
  readonly workerId: string | null
  readonly leaseToken: string | null
  readonly result: TaskResult | null
  readonly failure: TaskFailure | null
}

/** What a hedge hears: what a task hears of its worker, and that it is not needed any more. */
export type HedgeEvent =
  | { readonly type: 'claim'; readonly workerId: string; readonly leaseToken: string }
  | { readonly type: 'finish'; readonly leaseToken: string; readonly result: TaskResult }
  | { readonly type: 'fail'; readonly leaseToken: string; readonly failure: TaskFailure }
  | { readonly type: 'release'; readonly leaseToken: string }
  | { readonly type: 'leaseExpired'; readonly leaseToken: string }
  | { readonly type: 'workerLost'; readonly leaseToken: string }
  /** The straggler was first, or begins anew, or is over. */
  | { readonly type: 'withdraw' }
  | { readonly type: 'jobEnded' }

/** What a hedge tells its straggler. */
export type HedgeMessage =
  /** A worker took it. */
  | { readonly type: 'hedgeStarted' }
  /** It was first: this is the straggler's result. */
  | { readonly type: 'outdone'; readonly workerId: string; readonly result: TaskResult }
  /** It ended without a result. */
  | { readonly type: 'hedgeLost' }

/** A new hedge's memory. Tolerates an absent input, because XState probes the factory without one. */
export function hedgeContextFrom(input: HedgeInput): HedgeContext {
  return { ...input, attempt: 0, workerId: null, leaseToken: null, result: null, failure: null }
}
