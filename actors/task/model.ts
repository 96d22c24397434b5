/** The words of a task: what it is created with, what it remembers, what it hears and what it tells its job. */
import type { EncodePlan } from '../../kernel/contract/media.ts'
import type { OutputFile, TaskFailure, TaskKind } from '../../kernel/contract/task.ts'
import type { HedgeMessage } from '../hedge/model.ts'
import type { WorkContext, WorkEvent, WorkInput } from './work.ts'

/** Fixed at creation. */
export type TaskInput = WorkInput & {
  readonly kind: TaskKind
  readonly maxAttempts: number
  /** Share of the job's work, for progress; any unit, the same within a job. */
  readonly weight: number
  /** The task waits until it hears `inputsReady`. */
  readonly blocked: boolean
}

/** What a task remembers. */
export type TaskContext = TaskInput & WorkContext & {
  /** Attempts granted at creation; `maxAttempts` grows beyond it when an attempt did not count. */
  readonly attemptsGranted: number
  /** Workers that went while they held it. */
  readonly losses: number
  readonly retryDelayMs: number
  /** How it ended, once it did for good. */
  readonly outcome: 'completed' | 'failed' | null
  /** Its hedge: offered to workers, in the hands of one, or over. Absent as long as it was never hedged, which it is once. */
  readonly hedge?: 'offered' | 'running' | 'over'
}

/** What a task hears. */
export type TaskEvent =
  | WorkEvent
  /** A person wants it done anew, by whichever worker. */
  | { readonly type: 'requeue' }
  /** What the task reads is there, or there anew. */
  | { readonly type: 'inputsReady' }
  /** Its result is damaged and must be made again. */
  | { readonly type: 'redo' }
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
