/** Counts the attempts of a task and judges the failed ones by the policy of `retry.ts`. */
import type { TaskFailure } from '../../kernel/contract/task.ts'
import { type TaskContext, type TaskEvent, usedAttempts } from './model.ts'
import { type Verdict, verdictOn } from './retry.ts'

/** What follows from a `fail` event; undefined for other events and for a token that is not the current one. */
export function verdictFor(context: TaskContext, event: TaskEvent): Verdict | undefined {
  if (event.type !== 'fail' || event.leaseToken !== context.leaseToken) return undefined
  return verdictOn({
    kind: context.kind,
    failure: event.failure.kind,
    used: usedAttempts(context),
    granted: context.attemptsGranted,
  })
}

/** The next attempt, in the hands of this worker. */
export function nextLease(
  { context, event }: {
    readonly context: Pick<TaskContext, 'attempt'>
    readonly event: { readonly workerId: string; readonly leaseToken: string }
  },
): { workerId: string; leaseToken: string; attempt: number } {
  return {
    workerId: event.workerId,
    leaseToken: event.leaseToken,
    attempt: context.attempt + 1,
  }
}

/**
 * Workers that may be lost with this task in hand. A box may be killed and started many times during one chunk, so a
 * loss is no failed attempt; but work that takes its worker down each time must end.
 */
export const maxLosses = 10

/**
 * How long a task waits for the result of its hedge before it is made again after all, in milliseconds: the hedge says
 * when it is lost, so this is for a message that was lost.
 */
const coverMs = 600_000

/** The attempt is over, and the hedge goes on: nothing is begun a third time. */
export const covered = { retryDelayMs: coverMs } as const satisfies Partial<TaskContext>

/** What a task notes when it will try again after `failure`: how long to wait, and whom to avoid. */
export function notedBeforeRetry(context: TaskContext, failure: TaskFailure): Partial<TaskContext> {
  const verdict = verdictOn({
    kind: context.kind,
    failure: failure.kind,
    used: usedAttempts(context),
    granted: context.attemptsGranted,
  })
  if (verdict.next !== 'retry') return { failure }
  return {
    failure,
    retryDelayMs: verdict.delayMs,
    avoidWorkerId: verdict.avoidWorker ? context.workerId : context.avoidWorkerId,
  }
}
