/** The words of a job: what it is created with, what it remembers and what it hears. */
import type { OutputFile, PlanFacts } from '../../kernel/contract/task.ts'
import type { Profile } from '../../kernel/contract/profile.ts'
import type { TaskMessage } from '../task/model.ts'

/** Fixed at creation. */
export type JobInput = {
  readonly jobId: string
  readonly userId: string
  readonly sourceType: 'url' | 'upload'
  /** Resolved and checked; may hold credentials. */
  readonly sourceUrl: string
  /** With the overrides of the request applied. */
  readonly profile: Profile
  readonly priority: number
  /** When it should be done, ISO 8601. Absent when it may be done whenever. */
  readonly deadline?: string
  /** Where its tasks should run. */
  readonly region: string
  /** Milliseconds that a silent worker keeps a task. */
  readonly leaseMs: number
  /** The job that this one repeats. */
  readonly retryOf: string | null
  readonly correlationId: string
}

/** Why a job failed, as people read it. */
export type JobFailure = {
  readonly code: string
  readonly message: string
  readonly detail?: string
}

/** What a job remembers: facts and counters. What belongs to one chunk is in the task of that chunk. */
export type JobContext = JobInput & {
  readonly plan: PlanFacts | null
  readonly chunks: number
  readonly hasAudio: boolean
  readonly tasksTotal: number
  readonly tasksCompleted: number
  /** Encode and audio tasks that have no result yet. */
  readonly encodesLeft: number
  /** Times that damaged intermediates had to be made again. */
  readonly redoRounds: number
  readonly outputs: readonly OutputFile[]
  readonly report: Readonly<Record<string, string | number | boolean>> | null
  readonly error: JobFailure | null
}

/** What a job hears. */
export type JobEvent = TaskMessage | {
  readonly type: 'cancel'
  /** Name of the person who asked. */
  readonly by: string
}

/** The task that makes the final file: it joins what was encoded, or remuxes the source. */
export function makerOf({ profile }: Pick<JobInput, 'profile'>): 'stitch' | 'remux' {
  return profile.video.codec === 'copy' ? 'remux' : 'stitch'
}

/** A new job's memory. Tolerates an absent input, because XState probes the factory without one. */
export function jobContextFrom(input: JobInput): JobContext {
  return {
    ...input,
    plan: null,
    chunks: 0,
    hasAudio: false,
    tasksTotal: 1,
    tasksCompleted: 0,
    encodesLeft: 0,
    redoRounds: 0,
    outputs: [],
    report: null,
    error: null,
  }
}
