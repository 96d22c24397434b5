/** Turns a job and the probe's plan into the tasks that do the work: pure. */
import type { EncodePlan } from '../../kernel/contract/media.ts'
import type { Profile } from '../../kernel/contract/profile.ts'
import type { Lane, TaskKind, TaskParams } from '../../kernel/contract/task.ts'
import { needsGpu } from '../../kernel/video-codecs.ts'
import type { TaskInput } from '../task/model.ts'
import { type JobInput, makerOf } from './model.ts'

/**
 * Shares of the work for each second of the source, for progress; a second of encoding is 1. All chunks of a job have
 * pictures of the same size, so seconds are enough to compare them. The probe is over before any share counts.
 */
const weightPerSecond: Readonly<Record<TaskKind, number>> = {
  probe: 0,
  encode: 1,
  audio: 0.03,
  stitch: 0.01,
  remux: 1,
  verify: 0.03,
}

/** The first task of a job: without it, nothing is known of the source. */
export function probeTask(job: JobInput): TaskInput {
  return taskOf(job, { kind: 'probe' }, { lane: 'probe', durationSeconds: 0 })
}

/**
 * The tasks of a planned job. Those that read what other tasks make are blocked until the job unblocks them; they
 * exist from the start, so that people see the whole plan and progress never runs backwards.
 * @returns nothing when the source has neither pictures nor sound to encode
 */
export function planTasks(job: JobInput, plan: EncodePlan): readonly TaskInput[] {
  const { durationSeconds } = plan
  const kind = makerOf(job)
  const encoding = kind === 'remux' ? [] : [...encodeTasks(job, plan), ...audioTasks(job, plan)]
  if (kind === 'stitch' && encoding.length === 0) return []
  return [
    ...encoding,
    taskOf(job, { kind }, { lane: 'copy', durationSeconds, blocked: true }),
    taskOf(job, { kind: 'verify' }, { lane: 'copy', durationSeconds, blocked: true }),
  ]
}

function encodeTasks(job: JobInput, plan: EncodePlan): TaskInput[] {
  let startSeconds = 0
  return plan.chunks.map((range) => {
    const task = taskOf(job, { kind: 'encode', range }, {
      lane: encodeLane(job.profile),
      durationSeconds: range.durationSeconds,
      startSeconds,
    })
    startSeconds += range.durationSeconds
    return task
  })
}

function audioTasks(job: JobInput, plan: EncodePlan): TaskInput[] {
  if (plan.source.audio.length === 0) return []
  return [taskOf(job, { kind: 'audio' }, { lane: 'cpu', durationSeconds: plan.durationSeconds })]
}

/** What a worker must be able to do to encode with this profile. */
export function encodeLane({ video }: Pick<Profile, 'video'>): Lane {
  return video.codec === 'hevc_nvenc' ? 'gpu.nvidia' : 'cpu'
}

/** The encoder that whoever does the task must have. A probe needs one that can do the chunks; those of a GPU are on other workers. */
function neededCodec(
  kind: TaskKind,
  { video: { codec } }: Pick<Profile, 'video'>,
): string | undefined {
  if (codec === 'copy') return undefined
  if (kind === 'encode') return codec
  return kind === 'probe' && !needsGpu(codec) ? codec : undefined
}

interface TaskFacts {
  readonly lane: Lane
  readonly durationSeconds: number
  readonly startSeconds?: number
  readonly blocked?: boolean
}

function taskOf(job: JobInput, params: TaskParams, facts: TaskFacts): TaskInput {
  const { lane, durationSeconds, startSeconds = 0, blocked = false } = facts
  const videoCodec = neededCodec(params.kind, job.profile)
  return {
    jobId: job.jobId,
    kind: params.kind,
    index: params.kind === 'encode' ? params.range.index : 0,
    params,
    owner: job.userId,
    priority: job.priority,
    ...(job.deadline !== undefined && { deadline: job.deadline }),
    lane,
    ...(videoCodec !== undefined && { videoCodec }),
    region: job.region,
    maxAttempts: job.profile.maxAttempts,
    weight: weightPerSecond[params.kind] * durationSeconds,
    startSeconds,
    endSeconds: startSeconds + durationSeconds,
    leaseMs: job.leaseMs,
    blocked,
  }
}
