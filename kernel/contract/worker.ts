/**
 * The conversation between a worker and the kernel: join, claim, heartbeat, report, leave. Questions are strict: what a kernel does
 * not know, it must not half understand. Answers are not: workers are upgraded after the kernels, and leave out what is new.
 */
import { z } from 'zod'
import { encoderRoutingSchema, installedEncodersSchema } from './encoder-routing.ts'
import {
  lanes,
  taskBriefSchema,
  taskFailureSchema,
  taskProgressSchema,
  taskResultSchema,
} from './task.ts'

/** Number of this conversation. A kernel and a worker that speak different numbers do not work together. */
export const workerProtocol = 1

/** What the kernel wants of a worker: to work, to finish what it has and take nothing new, to begin anew, to go for good. */
export const workerCommands = ['work', 'drain', 'restart', 'leave'] as const
export type WorkerCommand = (typeof workerCommands)[number]

const encoderNames = ['ffmpeg', 'wasm'] as const

export const workerCapabilitiesSchema = z.strictObject({
  /** Tasks that the worker runs at the same time. */
  slots: z.int().min(1).max(1024),
  lanes: z.array(z.enum(lanes)).min(1),
  cores: z.int().min(1),
  memoryBytes: z.int().min(0),
  encoder: z.enum(encoderNames),
  encoderVersion: z.string(),
  videoCodecs: z.array(z.string()),
  audioCodecs: z.array(z.string()),
  gpu: z.enum(['none', 'nvidia', 'intel', 'amd']).default('none'),
})

/** First message of a worker's life. A new session frees whatever an older session of the same worker still held. */
export const joinRequestSchema = z.strictObject({
  workerId: z.string().regex(/^[A-Za-z0-9._-]{1,100}$/),
  /** Random, one per process life. */
  session: z.string().min(8),
  hostname: z.string().max(255),
  version: z.string().max(20),
  region: z.string().regex(/^[a-z0-9-]{1,32}$/).default('local'),
  capabilities: workerCapabilitiesSchema,
  /** {@link workerProtocol} of the worker; absent: 1. */
  protocol: z.int().min(1).optional(),
  /** Shown once, in exchange for a credential. */
  joinToken: z.string().min(1).max(1000).optional(),
  /** What the worker got for its join token; good for this worker id alone. */
  credential: z.string().min(1).max(200).optional(),
  /** Another session took this worker's name: take it back only when that one is gone. */
  yields: z.boolean().optional(),
  /** Absent: the worker does not say which encoders it has, and is given whatever its lanes may do. */
  encoders: installedEncodersSchema.optional(),
})
export const joinReplySchema = z.object({
  accepted: z.literal(true),
  heartbeatMs: z.int(),
  leaseMs: z.int(),
  /** In exchange for a join token; to be kept and shown from now on. */
  credential: z.string().optional(),
  /** @default 'work' */
  command: z.enum(workerCommands).optional(),
})

export const claimRequestSchema = z.strictObject({
  workerId: z.string(),
  session: z.string(),
  lanes: z.array(z.enum(lanes)).min(1),
  region: z.string(),
  /** How many tasks the worker has room for. */
  limit: z.int().min(1).max(64),
})
export const claimReplySchema = z.object({
  tasks: z.array(taskBriefSchema),
  /** Which encoders these tasks may use; absent: the kernel has no say in it, and the worker uses what it has. */
  encoders: encoderRoutingSchema.optional(),
})

export const heartbeatRequestSchema = z.strictObject({
  workerId: z.string(),
  session: z.string(),
  progress: z.array(taskProgressSchema),
  usage: z.strictObject({
    cpuPercent: z.number().min(0),
    memoryBytes: z.number().min(0),
    processes: z.int().min(0),
    /** Bytes from and to storage and sources since the worker started. */
    bytesIn: z.int().min(0).optional(),
    bytesOut: z.int().min(0).optional(),
  }).optional(),
  /** What has changed since the worker said it last; absent: nothing. */
  encoders: installedEncodersSchema.optional(),
})
/** Tasks named in `lost` are no longer the worker's: it must stop them and throw their outputs away. */
export const heartbeatReplySchema = z.object({
  lost: z.array(z.string()),
  /** What holds now; absent: no change. */
  command: z.enum(workerCommands).optional(),
})

export const reportRequestSchema = z.strictObject({
  workerId: z.string(),
  taskId: z.string(),
  leaseToken: z.string(),
  outcome: z.discriminatedUnion('status', [
    z.strictObject({ status: z.literal('finished'), result: taskResultSchema }),
    z.strictObject({ status: z.literal('failed'), failure: taskFailureSchema }),
    /** Given back unfinished (drain). Costs no attempt. */
    z.strictObject({ status: z.literal('released') }),
  ]),
})
/** `accepted: false`: the lease was no longer valid and nothing changed; the outputs are to be deleted. */
export const reportReplySchema = z.object({ accepted: z.boolean() })

export const leaveRequestSchema = z.strictObject({ workerId: z.string(), session: z.string() })
export const leaveReplySchema = z.object({ left: z.literal(true) })

const objectRequest = {
  workerId: z.string(),
  session: z.string(),
  taskId: z.string(),
  /** Of the attempt that the object belongs to. */
  leaseToken: z.string(),
}
const objectKeySchema = z.string().min(1).max(1024)

/** A worker asks for a URL that it can use now: those of its brief expire, and whoever signed them may be gone. */
export const objectUrlRequestSchema = z.discriminatedUnion('method', [
  /** To read an object of the task's own job; without a key, the source. */
  z.strictObject({
    ...objectRequest,
    method: z.literal('GET'),
    key: objectKeySchema.optional(),
  }),
  /** To write below the output prefix, or the log of the attempt. */
  z.strictObject({
    ...objectRequest,
    method: z.literal('PUT'),
    key: objectKeySchema,
    contentType: z.string().min(1).max(255).optional(),
    /** Of the bytes that will come. */
    sha256: z.string().regex(/^[0-9a-f]{64}$/).optional(),
  }),
])
export const objectUrlReplySchema = z.object({
  url: z.string(),
  /** To be sent with the request. */
  headers: z.record(z.string(), z.string()),
  /** An upload may come in pieces. */
  isResumable: z.boolean().optional(),
})

/** An output of this attempt that nobody will use is to be deleted. One that was adopted is not. */
export const objectRemovalRequestSchema = z.strictObject({
  ...objectRequest,
  key: objectKeySchema,
})
export const objectRemovalReplySchema = z.object({ removed: z.literal(true) })

/** Pushed to `workers.<id>.interrupt`: stop this task now. */
export const interruptSchema = z.object({ taskId: z.string(), leaseToken: z.string() })

/** Pushed to `workers.<id>.command`, so that it is quick. The heartbeat says the same, and is what counts. */
export const commandSchema = z.object({
  session: z.string(),
  command: z.enum(workerCommands),
})

/** A join token as people see it. */
export const joinTokenViewSchema = z.strictObject({
  id: z.string(),
  created_by: z.string(),
  created_at: z.string(),
  expires_at: z.string(),
  used_at: z.string().nullable(),
  /** The worker that joined with it. */
  used_by: z.string().nullable(),
})
/** Shown once, when it is made. */
export const newJoinTokenSchema = joinTokenViewSchema.extend({ token: z.string() })

/** How long a join token waits for its worker, in seconds, unless told otherwise. */
export const usualTokenSeconds = 3600
/** A minute to 30 days. */
export const tokenSecondsSchema = z.int().min(60).max(30 * 24 * 3600)

export type JoinTokenView = z.infer<typeof joinTokenViewSchema>
export type NewJoinToken = z.infer<typeof newJoinTokenSchema>
export type WorkerCapabilities = z.infer<typeof workerCapabilitiesSchema>
export type JoinRequest = z.infer<typeof joinRequestSchema>
export type JoinReply = z.infer<typeof joinReplySchema>
export type ClaimRequest = z.infer<typeof claimRequestSchema>
export type ClaimReply = z.infer<typeof claimReplySchema>
export type HeartbeatRequest = z.infer<typeof heartbeatRequestSchema>
export type HeartbeatReply = z.infer<typeof heartbeatReplySchema>
export type ReportRequest = z.infer<typeof reportRequestSchema>
export type ReportReply = z.infer<typeof reportReplySchema>
export type LeaveRequest = z.infer<typeof leaveRequestSchema>
export type ObjectUrlRequest = z.infer<typeof objectUrlRequestSchema>
export type ObjectUrlReply = z.infer<typeof objectUrlReplySchema>
export type ObjectRemovalRequest = z.infer<typeof objectRemovalRequestSchema>
export type Interrupt = z.infer<typeof interruptSchema>
