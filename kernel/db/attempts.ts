/** What the database knows of one attempt at a task, by the lease token that it was given. */
import type { TaskKind } from '../contract/task.ts'
import { type BriefJob, workKind } from './tasks.ts'
import { type Reader, sql } from './database.ts'

/** An attempt that was leased to a worker, now or before. */
export interface Attempt {
  readonly taskId: string
  readonly jobId: string
  readonly kind: TaskKind
  /** Counts from 1. */
  readonly attempt: number
  /** The lease is still this one. */
  readonly isHeld: boolean
  /** Its result was accepted: what it published may be in use. */
  readonly isAdopted: boolean
  readonly job: Pick<BriefJob, 'sourceUrl' | 'plan'>
}

/**
 * The attempt that this worker was given with this token; undefined when there was none, or its task is gone. The events of
 * the task tell, because the task itself forgets a token with the end of its lease.
 */
export async function readAttempt(
  db: Reader,
  { workerId, taskId, leaseToken }: {
    readonly workerId: string
    readonly taskId: string
    readonly leaseToken: string
  },
): Promise<Attempt | undefined> {
  const [row] = await db.query<Attempt>(sql`
    WITH leases AS (
      SELECT event->>'leaseToken' AS token, event->>'workerId' AS worker_id,
        row_number() OVER (ORDER BY version)::int AS attempt
      FROM event_log
      WHERE actor_id = ${taskId} AND event->>'type' = 'claim'
    )
    SELECT t.id AS "taskId", t.job_id AS "jobId", ${workKind} AS kind, l.attempt,
      t.lease_token IS NOT DISTINCT FROM l.token AS "isHeld",
      EXISTS (
        SELECT FROM event_log e
        WHERE e.actor_id = t.id AND e.event->>'type' = 'finish' AND e.event->>'leaseToken' = l.token
      ) AS "isAdopted",
      jsonb_build_object('sourceUrl', j.source_url, 'plan', j.plan) AS job
    FROM leases l
    JOIN tasks t ON t.id = ${taskId}
    JOIN jobs j ON j.id = t.job_id
    WHERE l.token = ${leaseToken} AND l.worker_id = ${workerId}`)
  return row
}
