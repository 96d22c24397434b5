/** The desk: answers what workers ask on the bus, and refuses what is wrong. */
import type { Bus } from '../../kernel/bus/bus.ts'
import { jobEventsSubject, kernelSubjects } from '../../kernel/bus/subjects.ts'
import type { Clock } from '../../kernel/clock.ts'
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
import type { ErrorCode } from '../../kernel/errors.ts'
import { jobIdFrom } from '../../kernel/ids.ts'
import { createLoop } from '../engine/loop.ts'
import { createAnswers } from './answers.ts'
import { type AttendanceOptions, createAttendance, missedHeartbeats } from './attendance.ts'
import { type ClaimOptions, createClaims } from './claims.ts'
import { createObjectDesk, type ObjectDeskOptions } from './objects.ts'
import { createRefusals } from './refusals.ts'
import { createReports, type ReportOptions } from './reports.ts'

export interface DeskOptions
  extends AttendanceOptions, ClaimOptions, ReportOptions, ObjectDeskOptions {
  readonly db: Database
  readonly storage: ClaimOptions['storage'] & ObjectDeskOptions['storage']
  readonly engine: AttendanceOptions['engine'] & ClaimOptions['engine'] & ReportOptions['engine']
  readonly store: AttendanceOptions['store'] & Pick<ActorStore, 'renewLeases'>
  readonly bus: Bus
  readonly clock: Clock
  /** A worker's message was refused, for the metrics. */
  readonly onRefused?: (code: ErrorCode) => void
}

export interface Desk {
  /** Starts answering. */
  start(): Promise<void>
  /** Stops answering and waits for the answers under way. */
  stop(): Promise<void>
}

export function createDesk(options: DeskOptions): Desk {
  const { bus, store, clock, log, leaseMs, heartbeatMs } = options
  const attendance = createAttendance(options)
  const claim = createClaims(options)
  const report = createReports(options)
  const objects = createObjectDesk(options)
  const refusals = createRefusals(options)
  const { answer, close } = createAnswers(bus, refusals)

  async function heartbeat(request: HeartbeatRequest): Promise<HeartbeatReply> {
    const command = await attendance.check(request, request.usage)
    const leases = request.progress.map(({ fps = null, speed = null, ...held }) => ({
      ...held,
      fps,
      speed,
    }))
    const expired = await store.renewLeases(request.workerId, leases, leaseMs)
    const lost = expired.map(({ taskId }) => taskId)
    // Nobody waits for it: a stream that does not answer would make the worker miss what it is to do.
    void announceProgress(leases.map(({ taskId }) => taskId).filter((id) => !lost.includes(id)))
    return { lost, command }
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
      await answer(kernelSubjects.join, joinRequestSchema, async (request) => {
        const reply = await attendance.join(request)
        refusals.forget(request.workerId)
        return reply
      })
      await answer(kernelSubjects.leave, leaveRequestSchema, (request) => attendance.leave(request))
      await answer(kernelSubjects.heartbeat, heartbeatRequestSchema, heartbeat)
      await answer(kernelSubjects.claim, claimRequestSchema, async (request) => {
        const reply = await claim(request)
        // Only a worker that is known by this session was given any.
        if (reply.tasks.length === 0) await attendance.recognize(request)
        return reply
      })
      await answer(kernelSubjects.report, reportRequestSchema, async (request) => {
        const reply = await report(request)
        if (reply.accepted) void announceProgress([request.taskId])
        return reply
      })
      await answer(kernelSubjects.url, objectUrlRequestSchema, async (request) => {
        await attendance.recognize(request)
        return await objects.url(request)
      })
      await answer(kernelSubjects.remove, objectRemovalRequestSchema, async (request) => {
        await attendance.recognize(request)
        return await objects.remove(request)
      })
      attendanceLoop.start()
    },
    async stop() {
      await attendanceLoop.stop()
      await close()
    },
  }
}
