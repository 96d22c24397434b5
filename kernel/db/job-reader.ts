/** Single jobs that many ask for at the same moment: one query for all of them. */
import type { JobView } from '../contract/job.ts'
import type { Reader } from './database.ts'
import { readJobs } from './jobs.ts'

/** Answers a job as it is when the question comes or a moment later; undefined when there is none. */
export type ReadOneJob = (id: string) => Promise<JobView | undefined>

/**
 * Gathers the questions of one tick. Jobs that one transaction created are answered together, and read together: by
 * themselves these reads would take more of the database than the writes.
 */
export function createJobReader(db: Reader): ReadOneJob {
  let gathered = new Set<string>()
  let jobs: Promise<Map<string, JobView>> | undefined
  const readGathered = async () => {
    // After the questions of this tick.
    await Promise.resolve()
    const ids = [...gathered]
    gathered = new Set()
    jobs = undefined
    return await readJobs(db, ids)
  }
  return async (id) => {
    gathered.add(id)
    jobs ??= readGathered()
    return (await jobs).get(id)
  }
}
