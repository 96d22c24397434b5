/** Every subject of the bus, each a function. */
import type { Lane } from '../contract/task.ts'

/** Subjects below this prefix belong to the work queue `WEBENCODE_WORK`. */
export const workPrefix = 'jobs.dispatch'

/** Doorbell: a task is ready on this lane, in this region. */
export function dispatchSubject(region: string, lane: Lane): string {
  return `${workPrefix}.${region}.${lane.replaceAll('.', '_')}`
}

/** Name of the consumer whose messages have this filter; there is one for each region and lane. */
export function consumerName(filter: string): string {
  return filter.replaceAll('.', '-')
}

/** Something about this job changed. */
export function jobEventsSubject(jobId: string): string {
  return `jobs.events.${jobId}`
}

/** All job changes. */
export const allJobEvents = 'jobs.events.*'

/** Questions of workers to the kernel. */
export const kernelSubjects = {
  join: 'kernel.join',
  claim: 'kernel.claim',
  heartbeat: 'kernel.heartbeat',
  report: 'kernel.report',
  leave: 'kernel.leave',
  url: 'kernel.url',
  remove: 'kernel.remove',
} as const

/** Question of a bus that may not make consumers to one that may: let there be one for this filter. */
export const consumerSubject = 'kernel.consumer'

/** Orders to stop one task, pushed to one worker. */
export function interruptSubject(workerId: string): string {
  return `workers.${workerId.replaceAll('.', '_')}.interrupt`
}

/** What one worker is to do now, pushed to it. */
export function commandSubject(workerId: string): string {
  return `workers.${workerId.replaceAll('.', '_')}.command`
}

/** News of what is no job: live updates of every kernel hear them. */
export const systemNewsSubject = 'live.system'

/** Audit of system events. */
export const auditSystemSubject = 'audit.system'
/** Audit of what users did. */
export const auditUserSubject = 'audit.user_action'
