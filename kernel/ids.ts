/** Branded identifiers and how they are made. */
import { randomBytes, randomUUID } from 'node:crypto'

export type JobId = string & { readonly brand: 'JobId' }
export type TaskId = string & { readonly brand: 'TaskId' }
export type WorkerId = string & { readonly brand: 'WorkerId' }
export type UserId = string & { readonly brand: 'UserId' }

/** A new random job id (UUID v4). */
export function createJobId(): JobId {
  return randomUUID() as JobId
}

/** The id of a job's task: the same for the same job, kind and index, so that a repeated spawn changes nothing. */
export function taskIdFrom(jobId: string, kind: string, index = 0): TaskId {
  return `${jobId}.${kind}.${String(index).padStart(5, '0')}` as TaskId
}

/** The id of the hedge of an encode task: one for each, and in the form of a task's id, whose job {@link jobIdFrom} reads. */
export function hedgeIdFrom(jobId: string, index: number): TaskId {
  return taskIdFrom(jobId, 'hedge', index)
}

/** The job of a task, read from the task's id. @throws TypeError when it is not the id of a task */
export function jobIdFrom(taskId: string): JobId {
  const jobId = /^(.+)\.[a-z]+\.\d{5}$/.exec(taskId)?.[1]
  if (jobId === undefined) throw new TypeError(`"${taskId}" is not the id of a task`)
  return jobId as JobId
}

/** The actor id of a worker: apart from the ids of jobs and tasks, whatever a worker is called. */
export function workerActorIdFrom(workerId: string): string {
  return `worker.${workerId}`
}

/** The actor id of a plugin in one kernel. */
export function pluginActorIdFrom(pluginId: string, kernelId: string): string {
  return `plugin.${pluginId}@${kernelId}`
}

/** A lease token: 128 random bits. Whoever holds it may report for the task. */
export function createLeaseToken(): string {
  return randomBytes(16).toString('base64url')
}

/** A name for a join token, which is no secret. */
export function createJoinTokenId(): string {
  return `jt-${randomBytes(6).toString('hex')}`
}

/** A join token: 256 random bits. Whoever holds it may join as a worker, once. */
export function createJoinToken(): string {
  return `wj_${randomBytes(32).toString('base64url')}`
}

/** A worker's credential: 256 random bits. Whoever holds it is that worker. */
export function createWorkerCredential(): string {
  return `wc_${randomBytes(32).toString('base64url')}`
}

/** An id for a request that came without one. */
export function createRequestId(): string {
  return `req-${randomUUID()}`
}

/** An id for one event to an actor. */
export function createEventId(): string {
  return `evt-${randomUUID()}`
}
