/** Which workers there are: they join, leave, and are missed when they fall silent. */
import type { JoinReply, JoinRequest, LeaveRequest } from '../../kernel/contract/worker.ts'
import type { ActorStore } from '../../kernel/db/actor-store.ts'
import type { Database } from '../../kernel/db/database.ts'
import { listSilentWorkers, readWorkerSession, touchWorker } from '../../kernel/db/workers.ts'
import type { Json } from '../../kernel/contract/json.ts'
import type { Log } from '../../kernel/log.ts'
import type { Engine } from '../engine/engine.ts'
import { eventJson } from '../events.ts'
import { workerActorId, type WorkerEvent } from '../worker/model.ts'

export interface AttendanceOptions {
  readonly engine: Pick<Engine, 'create' | 'send'>
  readonly store: Pick<ActorStore, 'listWorkerLeases'>
  readonly db: Database
  readonly log: Log
  readonly leaseMs: number
  readonly heartbeatMs: number
}

export interface Attendance {
  join(request: JoinRequest): Promise<JoinReply>
  leave(request: LeaveRequest): Promise<{ left: true }>
  /** Marks workers offline that have missed their heartbeats. */
  missSilent(): Promise<void>
}

/** Heartbeats that may be missed in a row. */
export const missedHeartbeats = 3

export function createAttendance(options: AttendanceOptions): Attendance {
  const { engine, store, db, log, leaseMs, heartbeatMs } = options

  const tell = (workerId: string, event: WorkerEvent) =>
    engine.send(workerActorId(workerId), eventJson(event))

  /** Tasks of a process that is gone start anew elsewhere, without waiting for the lease to run out. */
  async function freeLeases(workerId: string, type: 'workerLost' | 'release'): Promise<void> {
    const leases = await store.listWorkerLeases(workerId)
    await Promise.all(
      leases.map(({ taskId, leaseToken }) => engine.send(taskId, eventJson({ type, leaseToken }))),
    )
    if (leases.length > 0) log.info('freed leases', { worker_id: workerId, tasks: leases.length })
  }

  return {
    async join(request) {
      const { workerId, session } = request
      const before = await readWorkerSession(db, workerId)
      const created = await engine.create(
        'worker',
        workerActorId(workerId),
        request as Json,
      )
      if (created.status !== 'applied') await tell(workerId, { type: 'join', ...request })
      if (before !== undefined && before !== session) await freeLeases(workerId, 'workerLost')
      // Whoever comes back in its old session was last heard of long ago, and would be missed again at once.
      await touchWorker(db, workerId, session)
      log.info('worker joined', { worker_id: workerId, region: request.region })
      return { accepted: true, heartbeatMs, leaseMs }
    },

    async leave({ workerId, session }) {
      if (await readWorkerSession(db, workerId) === session) {
        await tell(workerId, { type: 'leave', session })
        await freeLeases(workerId, 'release')
        log.info('worker left', { worker_id: workerId })
      }
      return { left: true }
    },

    async missSilent() {
      for (const { id, session } of await listSilentWorkers(db, missedHeartbeats * heartbeatMs)) {
        await tell(id, { type: 'silent', session })
        log.warn('worker fell silent', { worker_id: id })
      }
    },
  }
}
