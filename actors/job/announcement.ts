/** What a job says to the world when it changes: the payload of live updates, audit and webhooks. */
import type { EffectParams } from '../../kernel/contract/effect.ts'
import type { JobPhase, JobStatus } from '../../kernel/contract/job.ts'
import type { JobContext } from './model.ts'

/** The status that people see in each phase. */
export const statusOfPhase: Readonly<Record<JobPhase, JobStatus>> = {
  queued: 'queued',
  probing: 'processing',
  encoding: 'processing',
  stitching: 'stitching',
  verifying: 'uploading',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
}

/** Topics of the beginnings and ends that webhooks know; every other phase is `job.updated`. */
const topics: Partial<Readonly<Record<JobPhase, string>>> = {
  queued: 'job.created',
  probing: 'job.started',
  completed: 'job.completed',
  failed: 'job.failed',
  cancelled: 'job.cancelled',
}

/** Params of the `announce` effect on entering `phase`. */
export function announcementOf(phase: JobPhase) {
  return ({ context }: { readonly context: JobContext }): EffectParams<'announce'> => ({
    topic: topics[phase] ?? 'job.updated',
    jobId: context.jobId,
    data: {
      job_id: context.jobId,
      user_id: context.userId,
      correlation_id: context.correlationId,
      profile: context.profile.name,
      status: statusOfPhase[phase],
      phase,
      ...(context.error !== null && { error: context.error }),
      ...(phase === 'completed' && { outputs: outputsOf(context) }),
    },
  })
}

function outputsOf({ jobId, outputs, profile }: JobContext) {
  return outputs.filter(({ type }) => type === 'final').map(({ name, object }) => ({
    name,
    url: `/v1/jobs/${jobId}/outputs`,
    format: profile.container,
    size_bytes: object.sizeBytes,
  }))
}
