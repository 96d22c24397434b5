/** What a task handler is given, what it answers, and how it says that it failed. */
import type { EncoderEngine } from '../../kernel/contract/encoder.ts'
import type { ObjectRef } from '../../kernel/contract/media.ts'
import type { TaskBrief, TaskFailure, TaskInput, TaskResult } from '../../kernel/contract/task.ts'
import type { Log } from '../../kernel/log.ts'

/** One task in the hands of a worker. */
export interface TaskContext {
  readonly brief: TaskBrief
  readonly encoder: EncoderEngine
  /** A directory of this attempt alone; removed when the task ends, however it ends. */
  readonly directory: string
  /** Aborted when the lease is lost, the job ends or the worker stops. */
  readonly signal: AbortSignal
  readonly log: Log
  /** Local path or http URL of the source, safe to hand to FFmpeg. */
  readonly sourceInput: string
  /**
   * Local path (or URL) of an input, checked against its size and sha256.
   * @throws TaskFailed `damaged-input` naming the task that made it
   */
  input(input: TaskInput): Promise<string>
  /** Puts a finished local file into storage under the output prefix. */
  publish(file: string, name: string, contentType: string): Promise<ObjectRef>
  /** Tells how far the task is, 0 to 1. Cheap: may be called at every line FFmpeg prints. */
  progress(fraction: number, facts?: { fps?: number; speed?: number }): void
  /** Appends a line to the task's log that people can read. */
  record(line: string): void
}

/** Does one kind of task. @throws TaskFailed with the reason, as far as the retry policy needs it */
export type TaskHandler = (context: TaskContext) => Promise<TaskResult>

/** A task that failed for a known reason. Anything else thrown by a handler is `internal`. */
export class TaskFailed extends Error {
  override readonly name = 'TaskFailed'
  readonly failure: TaskFailure

  constructor(failure: TaskFailure, cause?: unknown) {
    super(failure.message, cause === undefined ? undefined : { cause })
    this.failure = failure
  }
}
