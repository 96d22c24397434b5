/** Commands of people to workers, and the tokens with which new ones join. */
import type { WorkerView } from '../../kernel/contract/job.ts'
import type { WorkerCommand } from '../../kernel/contract/worker.ts'
import type { Database } from '../../kernel/db/database.ts'
import { deleteJoinToken, insertJoinToken } from '../../kernel/db/join-tokens.ts'
import { revokeWorkerCredential } from '../../kernel/db/worker-credentials.ts'
import { deleteWorkerRows, readWorker } from '../../kernel/db/workers.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Caller, Gateway } from '../../kernel/gateway.ts'
import { createJoinToken, createJoinTokenId, workerActorIdFrom } from '../../kernel/ids.ts'
import type { Log } from '../../kernel/log.ts'
import { hashOf } from '../desk/admission.ts'
import type { Engine } from '../engine/engine.ts'
import { eventJson } from '../events.ts'

export interface WorkerCommandOptions {
  readonly engine: Pick<Engine, 'send'>
  readonly db: Database
  readonly log: Log
}

export type WorkerCommands = Pick<
  Gateway,
  | 'drainWorker'
  | 'undrainWorker'
  | 'restartWorker'
  | 'removeWorker'
  | 'createJoinToken'
  | 'deleteJoinToken'
>

type Order = 'drain' | 'undrain' | 'restart'

/** What a worker does once it has heard an order. A worker that does it already has nothing to hear. */
const obeyed: Readonly<Record<Order, WorkerCommand>> = {
  drain: 'drain',
  undrain: 'work',
  restart: 'restart',
}

/** Creates the part of the gateway that is about workers. */
export function createWorkerCommands({ engine, db, log }: WorkerCommandOptions): WorkerCommands {
  const send = (workerId: string, type: Order | 'remove', { username }: Caller) =>
    engine.send(workerActorIdFrom(workerId), eventJson({ type, by: username }))

  const note = (message: string, { username, correlationId }: Caller, fields: object) =>
    log.info(message, { ...fields, by: username, correlation_id: correlationId })

  const order = (type: Order) => async (workerId: string, caller: Caller): Promise<WorkerView> => {
    const { status } = await send(workerId, type, caller)
    const worker = await readWorker(db, workerId)
    if (worker === undefined) throw unknownWorker(workerId)
    if (status !== 'applied' && worker.command !== obeyed[type]) throw refusedOrder(type, worker)
    note(`worker told to ${type}`, caller, { worker_id: workerId, status })
    return worker
  }

  return {
    drainWorker: order('drain'),
    undrainWorker: order('undrain'),
    restartWorker: order('restart'),

    async removeWorker(workerId, caller) {
      if (await readWorker(db, workerId) === undefined) throw unknownWorker(workerId)
      // First, so that it cannot come back; after a crash in between, the command is given again.
      await revokeWorkerCredential(db, workerId)
      const { value } = await send(workerId, 'remove', caller)
      note('worker removed', caller, { worker_id: workerId, state: value })
      if (value !== 'removed') return
      await db.transaction((tx) => deleteWorkerRows(tx, workerId))
    },

    async createJoinToken(expiresInSeconds, caller) {
      const token = createJoinToken()
      const view = await insertJoinToken(db, {
        id: createJoinTokenId(),
        tokenHash: hashOf(token),
        createdBy: caller.username,
        seconds: expiresInSeconds,
      })
      note('join token made', caller, { id: view.id, expires_at: view.expires_at })
      return { ...view, token }
    },

    async deleteJoinToken(tokenId, caller) {
      if (!(await deleteJoinToken(db, tokenId))) {
        throw new WebEncodeError('WE-WRK-007', `There is no join token "${tokenId}"`)
      }
      note('join token taken back', caller, { id: tokenId })
    },
  }
}

function unknownWorker(workerId: string): WebEncodeError {
  return new WebEncodeError('WE-WRK-001', `There is no worker "${workerId}"`)
}

function refusedOrder(type: Order, { id, status, command }: WorkerView): WebEncodeError {
  if (status === 'offline') {
    return new WebEncodeError('WE-WRK-003', `Cannot ${type} worker "${id}": it is offline`, {
      next: 'stop',
    })
  }
  const found = command === 'leave' ? 'is being removed' : 'is restarting'
  return new WebEncodeError('WE-WRK-002', `Cannot ${type} worker "${id}": it ${found}`)
}
