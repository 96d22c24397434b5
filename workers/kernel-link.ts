/** A worker's questions to the kernel: typed requests, checked replies. */
import type { z } from 'zod'
import type { Bus } from '../kernel/bus/bus.ts'
import { kernelSubjects } from '../kernel/bus/subjects.ts'
import type { Json } from '../kernel/contract/json.ts'
import type { TaskBrief } from '../kernel/contract/task.ts'
import {
  claimReplySchema,
  type ClaimRequest,
  type HeartbeatReply,
  heartbeatReplySchema,
  type HeartbeatRequest,
  type JoinReply,
  joinReplySchema,
  type JoinRequest,
  leaveReplySchema,
  type LeaveRequest,
  objectRemovalReplySchema,
  type ObjectRemovalRequest,
  type ObjectUrlReply,
  objectUrlReplySchema,
  type ObjectUrlRequest,
  type ReportReply,
  reportReplySchema,
  type ReportRequest,
} from '../kernel/contract/worker.ts'
import { WebEncodeError } from '../kernel/errors.ts'

/** All calls throw WE-SYS-003 when nobody answers, WE-WRK-004 for an unreadable answer, else what the kernel threw. */
export interface KernelLink {
  join(request: JoinRequest): Promise<JoinReply>
  /** Each brief says of encoders what the answer says for all. */
  claim(request: ClaimRequest): Promise<{ readonly tasks: readonly TaskBrief[] }>
  heartbeat(request: HeartbeatRequest): Promise<HeartbeatReply>
  report(request: ReportRequest): Promise<ReportReply>
  leave(request: LeaveRequest): Promise<void>
  url(request: ObjectUrlRequest): Promise<ObjectUrlReply>
  remove(request: ObjectRemovalRequest): Promise<void>
}

const timeoutMs = 10_000
/** Shorter, so that after a lost heartbeat the next one still comes within the lease. */
const heartbeatTimeoutMs = 5_000

/** Asks over `bus`. */
export function createKernelLink(bus: Bus): KernelLink {
  const ask = async <T>(subject: string, request: object, schema: z.ZodType<T>): Promise<T> => {
    const isHeartbeat = subject === kernelSubjects.heartbeat
    const reply = await bus.request(subject, request as Json, {
      timeoutMs: isHeartbeat ? heartbeatTimeoutMs : timeoutMs,
    })
    const parsed = schema.safeParse(reply)
    if (parsed.success) return parsed.data
    throw new WebEncodeError('WE-WRK-004', `Cannot read the answer of "${subject}"`, {
      cause: parsed.error,
    })
  }
  return {
    join: (request) => ask(kernelSubjects.join, request, joinReplySchema),
    async claim(request) {
      const { tasks, encoders } = await ask(kernelSubjects.claim, request, claimReplySchema)
      return {
        tasks: encoders === undefined ? tasks : tasks.map((task) => ({ ...task, encoders })),
      }
    },
    heartbeat: (request) => ask(kernelSubjects.heartbeat, request, heartbeatReplySchema),
    report: (request) => ask(kernelSubjects.report, request, reportReplySchema),
    leave: async (request) => void (await ask(kernelSubjects.leave, request, leaveReplySchema)),
    url: (request) => ask(kernelSubjects.url, request, objectUrlReplySchema),
    async remove(request) {
      await ask(kernelSubjects.remove, request, objectRemovalReplySchema)
    },
  }
}

/** Whether another process took the worker's name. */
export function isReplaced(failure: unknown): boolean {
  return failure instanceof WebEncodeError && failure.code === 'WE-WRK-006'
}

/** Whether the kernel does not know the worker, or not this session of it: it must join again. */
export function isForgotten(failure: unknown): boolean {
  return failure instanceof WebEncodeError &&
    (failure.code === 'WE-WRK-001' || failure.code === 'WE-WRK-003')
}
