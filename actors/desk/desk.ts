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
  objectRemovalRequestSchema,
  objectUrlRequestSchema,
  reportRequestSchema,
} from '../../kernel/contract/worker.ts'
import type { ActorStore } from '../../kernel/db/actor-store.ts'
import type { Database } from '../../kernel/db/database.ts'
import { isCurrentSession, touchWorker } from '../../kernel/db/workers.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { jobIdFrom } from '../../kernel/ids.ts'
import { createLoop } from '../engine/loop.ts'
import { type AttendanceOptions, createAttendance, missedHeartbeats } from './attendance.ts'
import { type ClaimOptions, createClaims } from './claims.ts'
import { createObjectDesk, type ObjectDeskOptions } from './objects.ts'
import { createReports, type ReportOptions } from './reports.ts'

export interface DeskOptions
  extends AttendanceOptions, ClaimOptions, ReportOptions, ObjectDeskOptions {
  readonly db: Database
  readonly storage: ClaimOptions['storage'] & ObjectDeskOptions['storage']
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
  const objects = createObjectDesk(options)
  const subscriptions: Subscription[] = []

  const ofMembers =
    <Request extends Membership>(handler: (request: Request) => Promise<unknown>) =>
    async (request: Request) => {
      mustHaveJoined(await isCurrentSession(db, request.workerId, request.session), request)
      return await handler(request)
    }

  async function heartbeat(request: HeartbeatRequest): Promise<HeartbeatReply> {
    const { workerId, session, usage } = request
    mustHaveJoined(await touchWorker(db, workerId, session, usage), request)
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
      await answer(kernelSubjects.claim, claimRequestSchema, ofMembers(claim))
      await answer(kernelSubjects.report, reportRequestSchema, async (request) => {
        const reply = await report(request)
        if (reply.accepted) await announceProgress([request.taskId])
        return reply
      })
      await answer(kernelSubjects.url, objectUrlRequestSchema, ofMembers(objects.url))
      await answer(kernelSubjects.remove, objectRemovalRequestSchema, ofMembers(objects.remove))
      attendanceLoop.start()
    },
    async stop() {
      await attendanceLoop.stop()
      await Promise.all(subscriptions.splice(0).map((subscription) => subscription.close()))
    },
  }
}

interface Membership {
  readonly workerId: string
  readonly session: string
}

/** @throws WE-WRK-001 when this is not the current session of the worker */
function mustHaveJoined(hasJoined: boolean, { workerId }: Membership): void {
  if (hasJoined) return
  const problem = `Worker "${workerId}" must join first: this session is not the current one`
  throw new WebEncodeError('WE-WRK-001', problem)
}

function parse<Schema extends z.ZodType>(schema: Schema, data: Json): z.infer<Schema> {
  const parsed = schema.safeParse(data)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const path = issue?.path.join('.') ?? ''
  const problem = `The worker's message cannot be read: ${path} ${issue?.message ?? ''}`
  throw new WebEncodeError('WE-WRK-004', problem, { path, cause: parsed.error, next: 'stop' })
}
