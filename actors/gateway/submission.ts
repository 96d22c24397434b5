/** Reads what a user asks for: the request, its fingerprint, and the job that it makes. */
import { createHash } from 'node:crypto'
import { type CreateJob, createJobSchema } from '../../kernel/contract/job.ts'
import type { Profile } from '../../kernel/contract/profile.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Caller } from '../../kernel/gateway.ts'
import { applyOverrides, findProfile } from '../../kernel/profiles.ts'
import type { CheckedSource } from '../../kernel/sources.ts'
import type { JobContext, JobInput } from '../job/model.ts'

/** A request with its defaults. */
export type Submission = ReturnType<typeof createJobSchema.parse>

/** @throws WE-JOB-001 with the path of the first mistake */
export function parseSubmission(request: CreateJob): Submission {
  const parsed = createJobSchema.safeParse(request)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const path = issue?.path.join('.') ?? ''
  throw new WebEncodeError('WE-JOB-001', `${path}: ${issue?.message ?? 'invalid request'}`, {
    path,
    cause: parsed.error,
  })
}

/** The same for equal requests, whatever the order of their fields: 64 hex digits. */
export function fingerprint(submission: Submission): string {
  return createHash('sha256').update(JSON.stringify(submission, sortedKeys)).digest('hex')
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** Where the work is done and how long a silent worker keeps it. */
export interface WorkSettings {
  /** @default 'local' */
  readonly region?: string
  /** Milliseconds. @default 20_000 */
  readonly leaseMs?: number
}

/** The profile that a submission asks for. @throws WE-JOB-003 when it is unknown, or its overrides are impossible */
export function profileFrom(submission: Submission, profiles: readonly Profile[]): Profile {
  return applyOverrides(findProfile(submission.profile, profiles), submission.overrides)
}

/** The job that a submission makes. */
export function jobInputFrom(
  submission: Submission,
  facts: {
    readonly profile: Profile
    readonly source: CheckedSource
    readonly caller: Caller
    readonly settings: WorkSettings
  },
): Omit<JobInput, 'jobId'> {
  const { profile, source, caller, settings: { region = 'local', leaseMs = 20_000 } } = facts
  return {
    userId: caller.userId,
    sourceType: source.type,
    sourceUrl: source.url,
    profile,
    priority: submission.priority,
    ...(submission.deadline !== undefined && { deadline: submission.deadline }),
    region,
    leaseMs,
    retryOf: null,
    correlationId: caller.correlationId,
  }
}

/** The same work once more, for whoever asks for it now. */
export function repeatedInput(
  job: JobContext,
  jobId: string,
  caller: Caller,
): JobInput {
  const { sourceType, sourceUrl, profile, priority, deadline, region, leaseMs } = job
  return {
    jobId,
    userId: caller.userId,
    sourceType,
    sourceUrl,
    profile,
    priority,
    ...(deadline !== undefined && { deadline }),
    region,
    leaseMs,
    retryOf: job.jobId,
    correlationId: caller.correlationId,
  }
}
