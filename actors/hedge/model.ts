/** The words of a hedge: a second run of a chunk that another worker has in hand and is slow with. */
import type { TaskResult } from '../../kernel/contract/task.ts'
import type { WorkContext, WorkEvent, WorkInput } from '../task/work.ts'

/** Fixed at creation: what the straggler is, and whom to avoid. */
export type HedgeInput = WorkInput & {
  /** The straggler: the task that has the same chunk. */
  readonly taskId: string
  /** Has the straggler in hand. */
  readonly avoidWorkerId: string
}

/** What a hedge remembers. Its attempt is 0 before the claim and 1 from then on: a hedge is tried once. */
export type HedgeContext = HedgeInput & WorkContext

/** What a hedge hears: what a task hears of its worker, and that it is not needed any more. */
export type HedgeEvent =
  | WorkEvent
  /** The straggler was first, or begins anew, or is over. */
  | { readonly type: 'withdraw' }

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
