/** The desk: answers what workers ask on the bus. */
import type { z } from 'zod'
import type { Bus, Subscription } from '../../kernel/bus/bus.ts'
import { jobEventsSubject, kernelSubjects } from '../../kernel/bus/subjects.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Json } from '../../kernel/contract/json.ts'
import {
  claimRequestSchema,
  type HeartbeatReply,
  type HeartbeatRequest,
  heartbeatRequestSchema,
  joinRequestSchema,
  leaveRequestSchema,
  reportRequestSchema,
} from '../../kernel/contract/worker.ts'
import type { ActorStore } from '../../kernel/db/actor-store.ts'
import { isCurrentSession, touchWorker } from '../../kernel/db/workers.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { jobIdFrom } from '../../kernel/ids.ts'
import { createLoop } from '../engine/loop.ts'
import { type AttendanceOptions, createAttendance, missedHeartbeats } from './attendance.ts'
import { type ClaimOptions, createClaims } from './claims.ts'
import { createReports, type ReportOptions } from './reports.ts'

export interface DeskOptions extends AttendanceOptions, ClaimOptions, ReportOptions {
  readonly engine: AttendanceOptions['engine'] & ClaimOptions['engine'] & ReportOptions['engine']
  readonly store: AttendanceOptions['store'] & Pick<ActorStore, 'renewLeases'>
  readonly bus: Bus
  readonly clock: Clock
}

export interface Desk {
  /** Starts answering. */
  start(): Promise<void>
  /** Stops answering and waits for the answers under way. */
  stop(): Promise<void>
}

export function createDesk(options: DeskOptions): Desk {
  const { bus, db, store, clock, log, leaseMs, heartbeatMs } = options
  const attendance = createAttendance(options)
  const claim = createClaims(options)
  const report = createReports(options)
  const subscriptions: Subscription[] = []

  function mustHaveJoined(hasJoined: boolean, workerId: string): void {
    if (hasJoined) return
    const problem = `Worker "${workerId}" must join first: this session is not the current one`
    throw new WebEncodeError('WE-WRK-001', problem)
  }

  async function heartbeat(request: HeartbeatRequest): Promise<HeartbeatReply> {
    const { workerId, session, usage } = request
    mustHaveJoined(await touchWorker(db, workerId, session, usage), workerId)
    const leases = request.progress.map(({ fps = null, speed = null, ...held }) => ({
      ...held,
      fps,
      speed,
    }))
    const expired = await store.renewLeases(workerId, leases, leaseMs)
    const lost = expired.map(({ taskId }) => taskId)
    await announceProgress(leases.map(({ taskId }) => taskId).filter((id) => !lost.includes(id)))
    return { lost }
  }

  /** Live pages look again; nothing depends on whether this arrives. */
  async function announceProgress(taskIds: readonly string[]): Promise<void> {
    for (const jobId of new Set(taskIds.map(jobIdFrom))) {
      const data = { topic: 'job.progress', data: { job_id: jobId } }
      await bus.publish(jobEventsSubject(jobId), data).catch((error: unknown) =>
        log.warn('cannot announce progress', { job_id: jobId, error })
      )
    }
  }

  const answer = async <Schema extends z.ZodType>(
    subject: string,
    schema: Schema,
    handler: (request: z.infer<Schema>) => Promise<unknown>,
  ): Promise<void> => {
    subscriptions.push(
      await bus.respond(subject, async (data) => (await handler(parse(schema, data))) as Json),
    )
  }

  // A kernel that has just started has heard of nobody yet.
  let firstLook = true
  const attendanceLoop = createLoop({
    name: 'worker attendance',
    clock,
    log,
    async round() {
      if (!firstLook) await attendance.missSilent()
      const waitMs = firstLook ? missedHeartbeats * heartbeatMs : heartbeatMs
      firstLook = false
      return waitMs
    },
  })

  return {
    async start() {
      await answer(kernelSubjects.join, joinRequestSchema, (request) => attendance.join(request))
      await answer(kernelSubjects.leave, leaveRequestSchema, (request) => attendance.leave(request))
      await answer(kernelSubjects.heartbeat, heartbeatRequestSchema, heartbeat)
      await answer(kernelSubjects.claim, claimRequestSchema, async (request) => {
        const { workerId, session } = request
        mustHaveJoined(await isCurrentSession(db, workerId, session), workerId)
        return await claim(request)
      })
      await answer(kernelSubjects.report, reportRequestSchema, async (request) => {
        const reply = await report(request)
        if (reply.accepted) await announceProgress([request.taskId])
        return reply
      })
      attendanceLoop.start()
    },
    async stop() {
      await attendanceLoop.stop()
      await Promise.all(subscriptions.splice(0).map((subscription) => subscription.close()))
    },
  }
}

function parse<Schema extends z.ZodType>(schema: Schema, data: Json): z.infer<Schema> {
  const parsed = schema.safeParse(data)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const path = issue?.path.join('.') ?? ''
  const problem = `The worker's message cannot be read: ${path} ${issue?.message ?? ''}`
  throw new WebEncodeError('WE-WRK-004', problem, { path, cause: parsed.error, next: 'stop' })
}
