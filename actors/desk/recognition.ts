/** Whether a worker's message comes from the process that bears its name now. */
import type { HeartbeatRequest, LeaveRequest, WorkerCommand } from '../../kernel/contract/worker.ts'
import type { Database } from '../../kernel/db/database.ts'
import {
  readWorkerCommand,
  readWorkerSession,
  touchWorker,
  type WorkerUsage,
} from '../../kernel/db/workers.ts'
import { WebEncodeError } from '../../kernel/errors.ts'

/** A worker as its messages name it. */
type Speaker = Pick<LeaveRequest, 'workerId' | 'session'>

/** What a worker may say of itself beside. */
type Told = Pick<HeartbeatRequest, 'encoders'>

/**
 * Both answer what the worker is to do.
 * They throw WE-WRK-001 when it has to join, WE-WRK-006 when another process bears its name.
 */
export interface Recognition {
  /** Notes that the worker was heard of, and what it said. */
  check(worker: Speaker & Told, usage?: WorkerUsage): Promise<WorkerCommand>
  /** The same without noting anything: heartbeats do that. */
  recognize(worker: Speaker): Promise<WorkerCommand>
}

export function createRecognition(db: Database): Recognition {
  return {
    async check(worker, usage) {
      const { workerId, session, encoders } = worker
      const command = await touchWorker(db, workerId, session, { usage, encoders })
      return command ?? await refuse(db, worker)
    },
    async recognize(worker) {
      const command = await readWorkerCommand(db, worker.workerId, worker.session)
      return command ?? await refuse(db, worker)
    },
  }
}

async function refuse(db: Database, { workerId, session }: Speaker): Promise<never> {
  const current = await readWorkerSession(db, workerId)
  if (current?.isOnline && current.session !== session) {
    const problem =
      `Worker "${workerId}" is at work as another process: two must not share a WORKER_ID`
    throw new WebEncodeError('WE-WRK-006', problem)
  }
  const problem = `Worker "${workerId}" must join first: nothing is known of this session`
  throw new WebEncodeError('WE-WRK-001', problem)
}
