/** Deletes an ended job: what it left in storage, then its rows. */
import type { Clock } from '../../kernel/clock.ts'
import type { StorageProvider } from '../../kernel/contract/storage.ts'
import type { Database } from '../../kernel/db/database.ts'
import { deleteJobRows } from '../../kernel/db/jobs.ts'
import { countOpenTasks } from '../../kernel/db/tasks.ts'
import type { Log } from '../../kernel/log.ts'
import { jobPrefix } from '../desk/keys.ts'
import { deletePrefix } from './objects.ts'

export interface DeletionOptions {
  readonly db: Database
  readonly storage: Pick<StorageProvider, 'listObjects' | 'delete'>
  readonly clock: Clock
  readonly log: Log
  /** Longest wait for the tasks of the job to end, in milliseconds. @default 5000 */
  readonly endMs?: number
}

/** How often it looks whether the tasks have ended, in milliseconds. */
const lookEveryMs = 50

/** Creates the deletion of jobs that have ended, or that have just been told to. */
export function createDeletion(options: DeletionOptions): (jobId: string) => Promise<void> {
  const { db, storage, clock, log, endMs = 5000 } = options

  /** Waits until no worker can write for the job any more, but not for ever. */
  async function tasksEnded(jobId: string): Promise<void> {
    const giveUpAt = clock.now() + endMs
    for (;;) {
      const open = await countOpenTasks(db, jobId)
      if (open === 0) return
      if (clock.now() >= giveUpAt) {
        log.warn('deleting a job whose tasks still run', { job_id: jobId, tasks: open })
        return
      }
      await clock.sleep(lookEveryMs)
    }
  }

  return async function deleteEndedJob(jobId) {
    await tasksEnded(jobId)
    // Storage first: after a crash in between, the job is still there to be deleted again.
    const objects = await deletePrefix(storage, jobPrefix(jobId))
    await db.transaction((tx) => deleteJobRows(tx, jobId))
    log.info('job deleted', { job_id: jobId, objects })
  }
}
