/** Which ready tasks a worker gets: the claim's choice. */
import type { ReadyRequest } from './actor-store.ts'
import { type Reader, sql, type Statement } from './database.ts'

/**
 * Candidates that are looked at for each lane, by priority and by age. More than the claims that run at one moment hold
 * locked, so that a claim never comes home empty-handed while there is work. Part of the text, because a plan for an unknown
 * limit sorts everything.
 */
const candidates: Statement = { text: '200', values: [] }

/** Seconds of waiting that weigh as much as one point of priority: the lowest overtakes the highest after 100 minutes. */
const secondsPerPoint = 30

/** A task that ran out of memory waits this long for another worker, where there is one; then any may have it. */
const avoidSeconds = 30

/**
 * Locks the best ready tasks and their actors, skipping what others hold. The order is: priority with ageing; then whose
 * owner has fewer tasks running; then those of the worker's own region; then the longest wait.
 */
export async function pickReady(
  tx: Reader,
  { workerId, lanes, region, limit }: ReadyRequest,
): Promise<readonly string[]> {
  const rows = await tx.query<{ id: string }>(sql`
    WITH candidates AS MATERIALIZED (
      SELECT first.id
      FROM unnest(${lanes}::text[]) AS l(lane)
      CROSS JOIN LATERAL (
        (SELECT id FROM tasks WHERE status = 'ready' AND lane = l.lane
          ORDER BY priority DESC, ready_at LIMIT ${candidates})
        UNION
        (SELECT id FROM tasks WHERE status = 'ready' AND lane = l.lane
          ORDER BY ready_at LIMIT ${candidates})
      ) AS first
    ),
      running AS MATERIALIZED (SELECT owner, count(*) AS tasks FROM tasks WHERE status = 'running' GROUP BY owner)
    SELECT t.id
    FROM tasks t
    JOIN actors a ON a.id = t.id
    WHERE t.id = ANY(ARRAY(SELECT c.id FROM candidates c))
      AND t.status || '' = 'ready' -- seen again under the lock; written so that no index of ready tasks is read instead
      AND (
        t.avoid_worker_id IS DISTINCT FROM ${workerId}
        OR t.ready_at <= now() - make_interval(secs => ${avoidSeconds}::int)
        OR NOT EXISTS (SELECT 1 FROM workers w WHERE w.id <> ${workerId} AND w.status = 'healthy')
      )
    ORDER BY t.priority + floor(extract(epoch FROM now() - t.ready_at) / ${secondsPerPoint}::int) DESC,
      coalesce((SELECT r.tasks FROM running r WHERE r.owner = t.owner), 0),
      (t.region = ${region}) DESC,
      t.ready_at,
      t.id
    LIMIT ${limit}::int
    FOR UPDATE OF a, t SKIP LOCKED`)
  return rows.map((row) => row.id)
}
