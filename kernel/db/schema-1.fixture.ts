/** What a program of schema 1 says to the tables that later migrations changed, word for word: during a roll it still runs. */
import type { JobRow, ReadyRequest, TaskRow, WorkerRow } from './actor-store.ts'
import { json, type Reader, sql, type Statement } from './database.ts'

/** Writes rows of `jobs`. Progress is 100 once completed; else heartbeats move it. */
export function upsertJobs(rows: readonly JobRow[]): Statement {
  return sql`
    INSERT INTO jobs AS j (id, user_id, source_type, source_url, profile_id, profile, priority, status, phase,
      progress_pct, tasks_total, tasks_completed, error, retry_of, plan, outputs, report, correlation_id,
      started_at, finished_at)
    SELECT r.id, r."userId", r."sourceType", r."sourceUrl", r."profileId", r.profile, r.priority, r.status, r.phase,
      CASE WHEN r.status = 'completed' THEN 100 ELSE 0 END, r."tasksTotal", r."tasksCompleted",
      r.error, r."retryOf", r.plan, coalesce(r.outputs, '[]'),
      r.report, r."correlationId",
      CASE WHEN r.status IN ('processing', 'stitching', 'uploading') THEN now() END,
      CASE WHEN r.status IN ('completed', 'failed', 'cancelled') THEN now() END
    FROM jsonb_to_recordset(${json(rows)}) AS r(
      id text, "userId" text, "sourceType" text, "sourceUrl" text, "profileId" text, profile jsonb, priority int,
      status text, phase text, "tasksTotal" int, "tasksCompleted" int, error jsonb, "retryOf" text, plan jsonb,
      outputs jsonb, report jsonb, "correlationId" text
    )
    ORDER BY r.id
    ON CONFLICT (id) DO UPDATE
    SET status = excluded.status, phase = excluded.phase, priority = excluded.priority,
      tasks_total = excluded.tasks_total, tasks_completed = excluded.tasks_completed, error = excluded.error,
      plan = excluded.plan, outputs = excluded.outputs, report = excluded.report,
      progress_pct = CASE WHEN excluded.status = 'completed' THEN 100 ELSE j.progress_pct END,
      eta_seconds = CASE WHEN excluded.finished_at IS NULL THEN j.eta_seconds END,
      started_at = coalesce(j.started_at, excluded.started_at),
      finished_at = CASE WHEN excluded.finished_at IS NOT NULL THEN coalesce(j.finished_at, excluded.finished_at) END,
      updated_at = now()`
}

/** Writes rows of `tasks`. A new lease token starts a lease; the same one leaves it, and what heartbeats wrote, alone. */
export function upsertTasks(rows: readonly TaskRow[]): Statement {
  return sql`
    INSERT INTO tasks AS t (id, job_id, kind, sequence_index, params, start_time_sec, end_time_sec, weight, status,
      lane, region, priority, owner, attempt_count, max_attempts, avoid_worker_id, assigned_worker_id, lease_token,
      lease_until, progress, result, output_key, output_size_bytes, error, started_at, finished_at)
    SELECT r.id, r."jobId", r.kind, r.index, r.params, r."startSeconds", r."endSeconds", r.weight, r.status,
      r.lane, r.region, r.priority, r.owner, r.attempt, r."maxAttempts", r."avoidWorkerId", r."workerId", r."leaseToken",
      CASE WHEN r."leaseToken" IS NOT NULL THEN now() + make_interval(secs => r."leaseMs" / 1000) END,
      CASE WHEN r.status = 'completed' THEN 1 ELSE 0 END,
      r.result, r."outputKey", r."outputSizeBytes", r.error,
      CASE WHEN r."leaseToken" IS NOT NULL THEN now() END,
      CASE WHEN r.status IN ('completed', 'failed', 'cancelled') THEN now() END
    FROM jsonb_to_recordset(${json(rows)}) AS r(
      id text, "jobId" text, kind text, index int, params jsonb, "startSeconds" float8, "endSeconds" float8,
      weight float8, status text, lane text, region text, priority int, owner text, attempt int, "maxAttempts" int,
      "avoidWorkerId" text, "workerId" text, "leaseToken" text, "leaseMs" float8, result jsonb, "outputKey" text,
      "outputSizeBytes" bigint, error jsonb
    )
    ORDER BY r.id
    ON CONFLICT (id) DO UPDATE
    SET status = excluded.status, lane = excluded.lane, region = excluded.region, priority = excluded.priority,
      params = excluded.params, weight = excluded.weight, attempt_count = excluded.attempt_count,
      max_attempts = excluded.max_attempts, avoid_worker_id = excluded.avoid_worker_id,
      assigned_worker_id = excluded.assigned_worker_id, lease_token = excluded.lease_token,
      lease_until = CASE WHEN t.lease_token = excluded.lease_token THEN t.lease_until ELSE excluded.lease_until END,
      progress = CASE WHEN t.lease_token = excluded.lease_token THEN t.progress ELSE excluded.progress END,
      fps = CASE WHEN t.lease_token = excluded.lease_token OR excluded.status = 'completed' THEN t.fps END,
      speed = CASE WHEN t.lease_token = excluded.lease_token OR excluded.status = 'completed' THEN t.speed END,
      result = excluded.result, output_key = excluded.output_key, output_size_bytes = excluded.output_size_bytes,
      error = excluded.error,
      ready_at = CASE WHEN excluded.status = 'ready' AND t.status <> 'ready' THEN now() ELSE t.ready_at END,
      started_at = CASE WHEN t.lease_token = excluded.lease_token THEN t.started_at
        ELSE coalesce(excluded.started_at, t.started_at) END,
      finished_at = CASE WHEN excluded.finished_at IS NOT NULL THEN coalesce(t.finished_at, excluded.finished_at) END`
}

/** Writes rows of `workers`. A new session counts as a heartbeat. */
export function upsertWorkers(rows: readonly WorkerRow[]): Statement {
  return sql`
    INSERT INTO workers AS w (id, session, hostname, region, version, capabilities, status, is_healthy)
    SELECT r.id, r.session, r.hostname, r.region, r.version, r.capabilities, r.status,
      r.status IN ('healthy', 'draining')
    FROM jsonb_to_recordset(${json(rows)}) AS r(
      id text, session text, hostname text, region text, version text, capabilities jsonb, status text
    )
    ORDER BY r.id
    ON CONFLICT (id) DO UPDATE
    SET session = excluded.session, hostname = excluded.hostname, region = excluded.region,
      version = excluded.version, capabilities = excluded.capabilities, status = excluded.status,
      is_healthy = excluded.is_healthy,
      last_heartbeat = CASE WHEN w.session = excluded.session THEN w.last_heartbeat ELSE now() END`
}

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
