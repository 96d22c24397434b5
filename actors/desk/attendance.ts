/** Which workers there are: they join, leave, are removed, and are missed when they fall silent. */
import type { JoinReply, JoinRequest, LeaveRequest } from '../../kernel/contract/worker.ts'
import type { ActorStore, LeaseFence } from '../../kernel/db/actor-store.ts'
import type { Database } from '../../kernel/db/database.ts'
import { pruneRevokedCredentials } from '../../kernel/db/worker-credentials.ts'
import {
  deleteWorkerRows,
  listRemovedWorkers,
  listSilentWorkers,
  readWorkerSession,
} from '../../kernel/db/workers.ts'
import type { Json } from '../../kernel/contract/json.ts'
import { workerActorIdFrom } from '../../kernel/ids.ts'
import type { Log } from '../../kernel/log.ts'
import type { Engine } from '../engine/engine.ts'
import { eventJson } from '../events.ts'
import { identityFrom, type WorkerEvent } from '../worker/model.ts'
import { type AdmissionRules, createAdmission } from './admission.ts'
import { createRecognition, type Recognition } from './recognition.ts'

export interface AttendanceOptions {
  readonly engine: Pick<Engine, 'create' | 'send'>
  readonly store: Pick<ActorStore, 'listWorkerLeases'>
  readonly db: Database
  readonly log: Log
  readonly leaseMs: number
  readonly heartbeatMs: number
  /** What workers must show when they join. `open`: nothing, because only this process is on the bus. */
  readonly admission: 'open' | AdmissionRules
}

export interface Attendance extends Recognition {
  /** @throws WE-AUTH-001, -002, -003, WE-WRK-005 for a stranger; WE-WRK-006 when another process bears the name */
  join(request: JoinRequest): Promise<JoinReply>
  leave(request: LeaveRequest): Promise<{ left: true }>
  /** Marks workers offline that have missed their heartbeats, and deletes what is left of removed ones. */
  missSilent(): Promise<void>
}

/** Heartbeats that may be missed in a row. */
export const missedHeartbeats = 3

/** A revoked credential is told from an unknown one for this long. */
const keepRevokedMs = 30 * 24 * 3_600_000

export function createAttendance(options: AttendanceOptions): Attendance {
  const { engine, store, db, log, leaseMs, heartbeatMs } = options
  const admit = createAdmission(options.admission, db)
  const recognition = createRecognition(db)

  const tell = (workerId: string, event: WorkerEvent) =>
    engine.send(workerActorIdFrom(workerId), eventJson(event))

  const forget = (workerId: string) => db.transaction((tx) => deleteWorkerRows(tx, workerId))

  /** Tasks of a process that is gone start anew elsewhere, without waiting for the lease to run out. */
  async function freeLeases(
    workerId: string,
    leases: readonly LeaseFence[],
    type: 'workerLost' | 'release',
  ): Promise<void> {
    await Promise.all(
      leases.map(({ taskId, leaseToken }) => engine.send(taskId, eventJson({ type, leaseToken }))),
    )
    if (leases.length > 0) log.info('freed leases', { worker_id: workerId, tasks: leases.length })
  }

  /**
   * Creates the worker's actor, or tells it who joins. One that was removed is born anew.
   * @returns whether the actor knows this process only now
   */
  async function introduce(request: JoinRequest): Promise<boolean> {
    const identity = identityFrom(request)
    const create = () =>
      engine.create('worker', workerActorIdFrom(identity.workerId), identity as Json)
    if ((await create()).status === 'applied') return true
    const yields = request.yields === true && { yields: true }
    const { status } = await tell(identity.workerId, { type: 'join', ...identity, ...yields })
    if (status !== 'refused') return status === 'applied'
    await forget(identity.workerId)
    return (await create()).status === 'applied'
  }

  return {
    ...recognition,

    async join(request) {
      const { workerId, session } = request
      const credential = await admit(request)
      const before = await readWorkerSession(db, workerId)
      // Before this process can hold any: it may ask twice, and work as soon as one of the answers is there.
      const formerLeases = before === undefined || before.session === session
        ? []
        : await store.listWorkerLeases(workerId)
      const isNew = await introduce(request)
      // Whoever comes back in its old session was last heard of long ago, and would be missed again at once.
      const command = await recognition.check(request)
      if (isNew && before !== undefined && before.session !== session) {
        await freeLeases(workerId, formerLeases, 'workerLost')
        if (before.isOnline) log.warn('a new process took a worker’s name', { worker_id: workerId })
      }
      log.info('worker joined', { worker_id: workerId, region: request.region, command })
      return {
        accepted: true,
        heartbeatMs,
        leaseMs,
        command,
        ...(credential !== undefined && { credential }),
      }
    },

    async leave({ workerId, session }) {
      if ((await readWorkerSession(db, workerId))?.session === session) {
        const { value } = await tell(workerId, { type: 'leave', session })
        await freeLeases(workerId, await store.listWorkerLeases(workerId), 'release')
        if (value === 'removed') await forget(workerId)
        log.info('worker left', { worker_id: workerId })
      }
      return { left: true }
    },

    async missSilent() {
      for (const { id, session } of await listSilentWorkers(db, missedHeartbeats * heartbeatMs)) {
        await tell(id, { type: 'silent', session })
        log.warn('worker fell silent', { worker_id: id })
      }
      for (const id of await listRemovedWorkers(db)) await forget(id)
      await pruneRevokedCredentials(db, keepRevokedMs)
    },
  }
}
