/** The words of a worker actor: one per worker id, through all the processes that bear that id. */
import type { JoinRequest } from '../../kernel/contract/worker.ts'

/** A worker as it introduced itself. */
export type WorkerIdentity = JoinRequest

/** What a worker actor remembers: who joined last. */
export type WorkerContext = WorkerIdentity

/** What a worker actor hears. */
export type WorkerEvent =
  | (WorkerIdentity & { readonly type: 'join' })
  /** The process finishes what it holds and takes nothing new. */
  | { readonly type: 'drain'; readonly session: string }
  | { readonly type: 'leave'; readonly session: string }
  /** Nothing was heard of the process for several heartbeats. */
  | { readonly type: 'silent'; readonly session: string }

/** The actor id of a worker: apart from the ids of jobs and tasks, whatever a worker is called. */
export function workerActorId(workerId: string): string {
  return `worker.${workerId}`
}
