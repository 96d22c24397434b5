/** Leases on tasks: who holds them, which ran out, and their renewal by heartbeats. */
import type { ActorStore, LeaseFence } from './actor-store.ts'
import type { Lane } from '../contract/task.ts'
import { json, type Reader, sql } from './database.ts'
import { mayBeLost } from './durability.ts'

/** Leases that ran out, longest ago first. */
export async function listExpiredLeases(db: Reader, limit: number): Promise<readonly LeaseFence[]> {
  return await db.query<LeaseFence>(sql`
    SELECT id AS "taskId", lease_token AS "leaseToken"
    FROM tasks
    WHERE lease_until <= now()
    ORDER BY lease_until
    LIMIT ${limit}::int`)
}

/** Leases that a worker holds. */
export async function listWorkerLeases(
  db: Reader,
  workerId: string,
): Promise<readonly LeaseFence[]> {
  return await db.query<LeaseFence>(sql`
    SELECT id AS "taskId", lease_token AS "leaseToken"
    FROM tasks
    WHERE assigned_worker_id = ${workerId} AND lease_until IS NOT NULL
    ORDER BY id`)
}

/** Tasks that have been ready for longer than `olderThanMs`, longest first. */
export async function listStaleReady(
  db: Reader,
  olderThanMs: number,
  limit: number,
): Promise<readonly { readonly taskId: string; readonly lane: Lane; readonly region: string }[]> {
  return await db.query(sql`
    SELECT id AS "taskId", lane, region
    FROM tasks
    WHERE status = 'ready' AND ready_at <= now() - make_interval(secs => ${
    olderThanMs / 1000
  }::float8)
    ORDER BY ready_at
    LIMIT ${limit}::int`)
}

/** Ids of a job's tasks, in their own order. */
export async function listTaskIds(db: Reader, jobId: string): Promise<readonly string[]> {
  const rows = await db.query<{ id: string }>(
    sql`SELECT id FROM tasks WHERE job_id = ${jobId} ORDER BY id`,
  )
  return rows.map((row) => row.id)
}

type Renewals = Parameters<ActorStore['renewLeases']>[1]

/** Renews leases and stores progress, then refreshes the jobs concerned. @returns the pairs that are no longer valid */
export async function renewLeases(
  db: Reader,
  workerId: string,
  leases: Renewals,
  leaseMs: number,
): Promise<readonly LeaseFence[]> {
  if (leases.length === 0) return []
  const renewed = await db.query<{ id: string; token: string; job_id: string }>(sql`
    WITH held AS MATERIALIZED (
      SELECT t.id, l.fraction, l.fps, l.speed
      FROM tasks t
      JOIN jsonb_to_recordset(${json(leases)}) AS l(
        "taskId" text, "leaseToken" text, fraction real, fps real, speed real
      ) ON t.id = l."taskId" AND t.lease_token = l."leaseToken"
      WHERE t.assigned_worker_id = ${workerId} AND ${mayBeLost}
      ORDER BY t.id -- as batches lock them
      FOR NO KEY UPDATE OF t
    )
    UPDATE tasks t
    SET lease_until = now() + make_interval(secs => ${leaseMs / 1000}::float8),
      progress = held.fraction,
      fps = held.fps,
      speed = held.speed
    FROM held
    WHERE t.id = held.id
    RETURNING t.id, t.lease_token AS token, t.job_id`)
  await refreshProgress(db, [...new Set(renewed.map((row) => row.job_id))])
  const valid = new Set(renewed.map(({ id, token }) => `${id}\n${token}`))
  const lost = leases.filter(({ taskId, leaseToken }) => !valid.has(`${taskId}\n${leaseToken}`))
  return lost.map(({ taskId, leaseToken }) => ({ taskId, leaseToken }))
}

/**
 * Progress is the share of the planned work that is done; a completed task counts in full. The estimate is the video that is
 * left over the speed at which the chunks in hand go together; one that has no speed yet counts as the others. Where no
 * speed is known, it assumes that the rest goes as fast as what is done. It waits for the first per cent, so that it means
 * something. A new estimate counts a third against the last one less the time since, so that a chunk that begins slowly
 * does not make people's minutes jump; a last one that is three times off, or more, counts as three times off.
 */
async function refreshProgress(db: Reader, jobIds: readonly string[]): Promise<void> {
  if (jobIds.length === 0) return
  await db.query(sql`
    WITH done AS MATERIALIZED (
      SELECT job_id, coalesce(sum(weight * progress) / nullif(sum(weight), 0), 0) AS share,
        sum((end_time_sec - start_time_sec) * (1 - progress)) FILTER (WHERE kind = 'encode') AS seconds_left,
        avg(speed) FILTER (WHERE kind = 'encode' AND status = 'running') *
          count(*) FILTER (WHERE kind = 'encode' AND status = 'running') AS speed
      FROM tasks
      WHERE job_id = ANY(${jobIds}::text[])
      GROUP BY job_id
    ),
      locked AS MATERIALIZED (
        SELECT j.id, done.share, j.eta_seconds - extract(epoch FROM now() - j.updated_at) AS last_estimate,
          CASE
            WHEN done.share < 0.01 THEN NULL
            WHEN done.speed > 0 AND done.seconds_left > 0 THEN done.seconds_left / done.speed
            ELSE extract(epoch FROM now() - j.started_at) * (1 - done.share) / done.share
          END AS estimate
        FROM jobs j
        JOIN done ON done.job_id = j.id
        WHERE j.finished_at IS NULL AND ${mayBeLost}
        ORDER BY j.id -- as batches lock them
        FOR NO KEY UPDATE OF j
      )
    UPDATE jobs j
    SET progress_pct = round((least(locked.share, 0.999) * 100)::numeric, 1)::real,
      eta_seconds = CASE WHEN locked.estimate IS NOT NULL THEN least(
        ceil(
          (
            2 * least(greatest(coalesce(locked.last_estimate, locked.estimate), locked.estimate / 3), locked.estimate * 3)
              + locked.estimate
          ) / 3
        ),
        86400 * 365
      )::int END,
      updated_at = now()
    FROM locked
    WHERE j.id = locked.id`)
}
