/** The port through which HTTP routes and pages command the actors. They never see a machine. */
import type { CreateJob, JobView } from './contract/job.ts'
import type { Role } from './contract/auth.ts'

/** Who asks, and under which correlation id. */
export interface Caller {
  readonly userId: string
  readonly username: string
  readonly role: Role
  readonly correlationId: string
}

/** Commands. Each resolves when its effect on the state is durable. */
export interface Gateway {
  /**
   * Checks the source and profile and creates the job.
   * @param idempotencyKey - the same key of the same user answers the same job
   * @throws WE-JOB-001, -002, -003, WE-STO-002; WE-SYS-004 with retryAfterSeconds when too much waits
   */
  submitJob(request: CreateJob, caller: Caller, idempotencyKey?: string): Promise<JobView>
  /** @throws WE-JOB-004; WE-JOB-005 when cancelled already; WE-JOB-006 when it ended */
  cancelJob(jobId: string, caller: Caller): Promise<JobView>
  /** Cancels the job if it runs, and creates a new one with the same parameters. @throws WE-JOB-004 */
  retryJob(jobId: string, caller: Caller): Promise<JobView>
  /** Cancels the job if it runs, deletes its outputs, rows and logs. @throws WE-JOB-004 */
  deleteJob(jobId: string, caller: Caller): Promise<void>
  /** Takes one unfinished task from its worker, or out of its waiting time, and makes it ready. @throws WE-JOB-004, WE-JOB-006 */
  requeueTask(taskId: string, caller: Caller): Promise<void>
}
