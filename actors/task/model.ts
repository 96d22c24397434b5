/** The words of a task: what it is created with, what it remembers, what it hears and what it tells its job. */
import type { EncodePlan } from '../../kernel/contract/media.ts'
import type {
  Lane,
  OutputFile,
  TaskFailure,
  TaskKind,
  TaskParams,
  TaskResult,
} from '../../kernel/contract/task.ts'
import type { HedgeMessage } from '../hedge/model.ts'

/** Fixed at creation. Type aliases, not interfaces, because only those count as JSON for the compiler. */
export type TaskInput = {
  readonly jobId: string
  readonly kind: TaskKind
  readonly index: number
  readonly params: TaskParams
  /** User that the work is done for; the claim is fair between owners. */
  readonly owner: string
  readonly priority: number
  /** When it should be done, ISO 8601. Absent when it may be done whenever.*/
  readonly deadline?: string
  readonly lane: Lane
  readonly region: string
  readonly maxAttempts: number
  /** Share of the job's work, for progress; any unit, the same within a job. */
  readonly weight: number
  readonly startSeconds: number
  readonly endSeconds: number
  readonly leaseMs: number
  /** The task waits until it hears `inputsReady`. */
  readonly blocked: boolean
}

/** What a task remembers. */
export type TaskContext = TaskInput & {
  /** Rises with every claim and never falls: it makes the output keys of an attempt unique. */
  readonly attempt: number
  /** Attempts granted at creation; `maxAttempts` grows beyond it when an attempt did not count. */
  readonly attemptsGranted: number
  /** Workers that went while they held it. */
  readonly losses: number
  /** Who holds it, or held it last; null while it is ready. */
  readonly workerId: string | null
  readonly leaseToken: string | null
  readonly avoidWorkerId: string | null
  readonly retryDelayMs: number
  readonly result: TaskResult | null
  /** The last failure, until a result comes. */
  readonly failure: TaskFailure | null
  /** How it ended, once it did for good. */
  readonly outcome: 'completed' | 'failed' | null
  /** Its hedge: offered to workers, in the hands of one, or over. Absent as long as it was never hedged, which it is once. */
  readonly hedge?: 'offered' | 'running' | 'over'
}

/** What a task hears. */
export type TaskEvent =
  | { readonly type: 'claim'; readonly workerId: string; readonly leaseToken: string }
  | { readonly type: 'finish'; readonly leaseToken: string; readonly result: TaskResult }
  | { readonly type: 'fail'; readonly leaseToken: string; readonly failure: TaskFailure }
  /** Given back unfinished by a worker that drains. */
  | { readonly type: 'release'; readonly leaseToken: string }
  | { readonly type: 'leaseExpired'; readonly leaseToken: string }
  /** The process that held the lease is gone. */
  | { readonly type: 'workerLost'; readonly leaseToken: string }
  /** A person wants it done anew, by whichever worker. */
  | { readonly type: 'requeue' }
  /** What the task reads is there, or there anew. */
  | { readonly type: 'inputsReady' }
  /** Its result is damaged and must be made again. */
  | { readonly type: 'redo' }
  | { readonly type: 'jobEnded' }
  /** The worker that holds it is slow, and another one is free. */
  | { readonly type: 'hedge'; readonly leaseToken: string }
  | HedgeMessage

/** Which task of the job speaks. */
type TaskPlace = { readonly kind: TaskKind; readonly index: number }

/** To the job: a worker took the first task. */
export type TaskStarted = TaskPlace & { readonly type: 'taskStarted' }

/** To the job: a task has its result. */
export type TaskFinished = TaskPlace & {
  readonly type: 'taskFinished'
  /** Of the probe. */
  readonly plan?: EncodePlan
  /** Of the verification. */
  readonly outputs?: readonly OutputFile[]
  readonly report?: Readonly<Record<string, string | number | boolean>>
}

/** To the job: a task is given up. */
export type TaskFailed = TaskPlace & { readonly type: 'taskFailed'; readonly failure: TaskFailure }

/** To the job: a task cannot use its inputs; `failure.redo` names the tasks that made them. */
export type TaskDamaged = TaskPlace & {
  readonly type: 'taskDamaged'
  readonly failure: TaskFailure
}

/** What a task tells its job. */
export type TaskMessage = TaskStarted | TaskFinished | TaskFailed | TaskDamaged

/** Attempts of the current grant that count, the running one included. */
export function usedAttempts(
  context: Pick<TaskContext, 'attempt' | 'maxAttempts' | 'attemptsGranted'>,
): number {
  return context.attempt - (context.maxAttempts - context.attemptsGranted)
}

/** A new task's memory. Tolerates an absent input, because XState probes the factory without one. */
export function taskContextFrom(input: TaskInput): TaskContext {
  return {
    ...input,
    attempt: 0,
    attemptsGranted: input?.maxAttempts,
    losses: 0,
    workerId: null,
    leaseToken: null,
    avoidWorkerId: null,
    retryDelayMs: 0,
    result: null,
    failure: null,
    outcome: null,
  }
}
