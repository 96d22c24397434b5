/** Tasks: what a worker is told, what it answers, and how it fails. */
import { z } from 'zod'
import type { EncoderRouting } from './encoder-routing.ts'
import { chunkRangeSchema, encodePlanSchema, objectRefSchema } from './media.ts'
import { profileSchema } from './profile.ts'

export const taskKinds = ['probe', 'encode', 'audio', 'stitch', 'remux', 'verify'] as const
export type TaskKind = (typeof taskKinds)[number]

/** What a worker must be able to do. */
export const lanes = ['cpu', 'gpu.nvidia', 'gpu.intel', 'gpu.amd', 'copy', 'probe', 'live'] as const
export type Lane = (typeof lanes)[number]

export const taskStatuses = [
  'ready',
  'running',
  'waiting',
  'completed',
  'failed',
  'cancelled',
] as const
export type TaskStatus = (typeof taskStatuses)[number]

/** Where a task reads the source from. `url` is resolved anew at every claim and may be signed. */
const sourceRefSchema = z.strictObject({
  url: z.string(),
  /** Format hint and facts known from the probe are in the plan. */
  name: z.string(),
  /** The URL leads to our own storage, which may have a private address, and can be asked for anew. Absent: a user named it. */
  isStored: z.literal(true).optional(),
})

/** An intermediate that a task reads, with a URL that is valid for the lease. */
const taskInputSchema = objectRefSchema.extend({
  url: z.string(),
  /** The task that made it; a damaged input is sent back to it. */
  taskId: z.string(),
  index: z.int().min(0),
})

/** The plan without its chunk list: what every task after the probe may need. */
const planFactsSchema = encodePlanSchema.omit({ chunks: true })

/** Durable parameters of a task, fixed when the job plans it. */
export const taskParamsSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('probe') }),
  z.strictObject({ kind: z.literal('encode'), range: chunkRangeSchema }),
  z.strictObject({ kind: z.literal('audio') }),
  z.strictObject({ kind: z.literal('stitch') }),
  z.strictObject({ kind: z.literal('remux') }),
  z.strictObject({ kind: z.literal('verify') }),
])

/** Everything a worker gets with a claim. What a newer kernel adds is left out: a roll upgrades kernels first. */
export const taskBriefSchema = z.object({
  taskId: z.string(),
  jobId: z.string(),
  index: z.int().min(0),
  attempt: z.int().min(1),
  leaseToken: z.string(),
  leaseMs: z.int().min(1),
  correlationId: z.string(),
  profile: profileSchema,
  source: sourceRefSchema,
  params: taskParamsSchema,
  /** Absent for the probe. */
  plan: planFactsSchema.optional(),
  /** Chunks in order for stitch (audio last, see `audio`), the stitched file for verify. */
  inputs: z.array(taskInputSchema),
  audio: taskInputSchema.optional(),
  /** Chunk ranges in order, for stitch. */
  ranges: z.array(chunkRangeSchema).optional(),
  /** Where outputs go: `<outputPrefix>/<file name>`, unique to this attempt. */
  outputPrefix: z.string(),
  /** Slots of all healthy workers, for planning. */
  fleetSlots: z.int().min(1),
  /** Whole-task time limit in milliseconds. */
  timeoutMs: z.int().min(1000),
})

const encodedSchema = z.strictObject({
  object: objectRefSchema,
  frames: z.int().min(0),
  durationSeconds: z.number().min(0),
  /** Wall time of the FFmpeg run in milliseconds. */
  encodeMs: z.number().min(0),
})

export const outputFileSchema = z.strictObject({
  name: z.string(),
  type: z.enum(['final', 'manifest', 'thumbnail', 'log']),
  object: objectRefSchema,
  contentType: z.string(),
})

export const taskResultSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('probe'), plan: encodePlanSchema }),
  encodedSchema.extend({ kind: z.literal('encode') }),
  encodedSchema.extend({ kind: z.literal('audio') }),
  encodedSchema.extend({ kind: z.literal('stitch') }),
  encodedSchema.extend({ kind: z.literal('remux') }),
  z.strictObject({
    kind: z.literal('verify'),
    outputs: z.array(outputFileSchema).min(1),
    /** What was checked and found, for a person. */
    report: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  }),
])

/** Why a task failed, as far as the retry policy needs to know. */
export const failureKinds = [
  'invalid-input', // the source is broken or unsupported: no retry
  'source-unavailable', // the source cannot be read now
  'damaged-input', // an intermediate is missing, short or changed: redo the tasks in `redo`
  'wrong-output', // the output did not pass verification
  'damaged-output', // what reached storage was not what was made: retry on another worker
  'out-of-memory', // retry on another worker
  'storage-full',
  'timeout',
  'encoder', // FFmpeg failed
  'lost', // the lease ran out or the worker left
  'internal',
] as const
export type FailureKind = (typeof failureKinds)[number]

export const taskFailureSchema = z.strictObject({
  kind: z.enum(failureKinds),
  /** A code of the catalog, e.g. WE-JOB-007. */
  code: z.string(),
  /** One sentence that a person understands. */
  message: z.string().max(2000),
  /** Last lines of the tool's own output. */
  detail: z.string().max(8000).optional(),
  /** Tasks whose results must be made again (for `damaged-input`). */
  redo: z.array(z.string()).max(4000).optional(),
})

export const taskProgressSchema = z.strictObject({
  taskId: z.string(),
  leaseToken: z.string(),
  /** 0 to 1. */
  fraction: z.number().min(0).max(1),
  fps: z.number().min(0).optional(),
  /** Times real time. */
  speed: z.number().min(0).optional(),
})

export type SourceRef = z.infer<typeof sourceRefSchema>
export type TaskInput = z.infer<typeof taskInputSchema>
export type PlanFacts = z.infer<typeof planFactsSchema>
export type TaskParams = z.infer<typeof taskParamsSchema>
/** A brief in the hands of a worker. */
export type TaskBrief = z.infer<typeof taskBriefSchema> & {
  /** As the claim's answer says once for all its tasks. */
  readonly encoders?: EncoderRouting
}
export type TaskResult = z.infer<typeof taskResultSchema>
export type TaskFailure = z.infer<typeof taskFailureSchema>
export type TaskProgress = z.infer<typeof taskProgressSchema>
export type OutputFile = z.infer<typeof outputFileSchema>
