/** The port through which HTTP routes and pages command the actors. They never see a machine. */
import type { CreateJob, JobView, WorkerView } from './contract/job.ts'
import type { NewJoinToken } from './contract/worker.ts'
import type { Role } from './contract/auth.ts'
import type { PluginCommands } from './plugin-desk.ts'

/** Who asks, and under which correlation id. */
export interface Caller {
  readonly userId: string
  readonly username: string
  readonly role: Role
  readonly correlationId: string
}

/** Commands. Each resolves when its effect on the state is durable. */
export interface Gateway extends PluginCommands {
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

  /**
   * Takes a worker out of work: it finishes what it has. That holds over its restarts until it is undone.
   * @throws WE-WRK-001; WE-WRK-002 while it restarts or leaves
   */
  drainWorker(workerId: string, caller: Caller): Promise<WorkerView>
  /** Gives a drained worker work again. @throws WE-WRK-001; WE-WRK-002 while it restarts or leaves */
  undrainWorker(workerId: string, caller: Caller): Promise<WorkerView>
  /**
   * Lets a worker finish what it has, and begin anew. A drained one stays drained.
   * @throws WE-WRK-001; WE-WRK-003 when it is offline; WE-WRK-002 while it leaves
   */
  restartWorker(workerId: string, caller: Caller): Promise<WorkerView>
  /**
   * Revokes a worker's credential and lets it finish what it has; then, or at once when it is offline, it is in no list any
   * more. @throws WE-WRK-001
   */
  removeWorker(workerId: string, caller: Caller): Promise<void>
  /** Makes a token with which one worker may join. This is the only time that it is shown. */
  createJoinToken(expiresInSeconds: number, caller: Caller): Promise<NewJoinToken>
  /** Takes a join token back. Whoever joined with it stays. @throws WE-WRK-007 */
  deleteJoinToken(tokenId: string, caller: Caller): Promise<void>
}
