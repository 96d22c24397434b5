/** How the rows that machines show become rows of `jobs`, `tasks` and `workers`: times follow from what changed. */
import type { JobRow, TaskRow, WorkerRow } from './actor-store.ts'
import { json, sql, type Statement } from './database.ts'

/** Writes rows of `jobs`. Progress is 100 once completed; else heartbeats move it. */
export function upsertJobs(rows: readonly JobRow[]): Statement {
  return sql`
    INSERT INTO jobs AS j (id, user_id, source_type, source_url, profile_id, profile, priority, deadline, status, phase,
      progress_pct, tasks_total, tasks_completed, error, retry_of, plan, outputs, report, correlation_id,
      started_at, finished_at)
    SELECT r.id, r."userId", r."sourceType", r."sourceUrl", r."profileId", r.profile, r.priority, r.deadline,
      r.status, r.phase,
      CASE WHEN r.status = 'completed' THEN 100 ELSE 0 END, r."tasksTotal", r."tasksCompleted",
      r.error, r."retryOf", r.plan, coalesce(r.outputs, '[]'),
      r.report, r."correlationId",
      CASE WHEN r.status IN ('processing', 'stitching', 'uploading') THEN now() END,
      CASE WHEN r.status IN ('completed', 'failed', 'cancelled') THEN now() END
    FROM jsonb_to_recordset(${json(rows)}) AS r(
      id text, "userId" text, "sourceType" text, "sourceUrl" text, "profileId" text, profile jsonb, priority int,
      deadline timestamptz, status text, phase text, "tasksTotal" int, "tasksCompleted" int, error jsonb, "retryOf" text, plan jsonb,
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
      lane, video_codec, region, priority, deadline, owner, attempt_count, max_attempts, avoid_worker_id, assigned_worker_id, lease_token,
      lease_until, progress, result, output_key, output_size_bytes, error, hedge_of, started_at, finished_at)
    SELECT r.id, r."jobId", r.kind, r.index, r.params, r."startSeconds", r."endSeconds", r.weight, r.status,
      r.lane, r."videoCodec", r.region, r.priority, r.deadline, r.owner, r.attempt, r."maxAttempts", r."avoidWorkerId", r."workerId", r."leaseToken",
      CASE WHEN r."leaseToken" IS NOT NULL THEN now() + make_interval(secs => r."leaseMs" / 1000) END,
      CASE WHEN r.status = 'completed' THEN 1 ELSE 0 END,
      r.result, r."outputKey", r."outputSizeBytes", r.error, r."hedgeOf",
      CASE WHEN r."leaseToken" IS NOT NULL THEN now() END,
      CASE WHEN r.status IN ('completed', 'failed', 'cancelled') THEN now() END
    FROM jsonb_to_recordset(${json(rows)}) AS r(
      id text, "jobId" text, kind text, index int, params jsonb, "startSeconds" float8, "endSeconds" float8,
      weight float8, status text, lane text, "videoCodec" text, region text, priority int, deadline timestamptz, owner text, attempt int, "maxAttempts" int,
      "avoidWorkerId" text, "workerId" text, "leaseToken" text, "leaseMs" float8, result jsonb, "outputKey" text,
      "outputSizeBytes" bigint, error jsonb, "hedgeOf" text
    )
    ORDER BY r.id
    ON CONFLICT (id) DO UPDATE
    SET status = excluded.status, lane = excluded.lane, video_codec = excluded.video_codec, region = excluded.region, priority = excluded.priority,
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

/** Writes rows of `workers`. A new session counts as a heartbeat, and its uptime starts anew. */
export function upsertWorkers(rows: readonly WorkerRow[]): Statement {
  return sql`
    INSERT INTO workers AS w (id, session, hostname, region, version, capabilities, status, command, is_healthy)
    SELECT r.id, r.session, r.hostname, r.region, r.version, r.capabilities, r.status, r.command,
      r.status IN ('healthy', 'draining')
    FROM jsonb_to_recordset(${json(rows)}) AS r(
      id text, session text, hostname text, region text, version text, capabilities jsonb, status text,
      command text
    )
    ORDER BY r.id
    ON CONFLICT (id) DO UPDATE
    SET session = excluded.session, hostname = excluded.hostname, region = excluded.region,
      version = excluded.version, capabilities = excluded.capabilities, status = excluded.status,
      command = excluded.command, is_healthy = excluded.is_healthy,
      session_started_at = CASE WHEN w.session = excluded.session THEN w.session_started_at ELSE now() END,
      last_heartbeat = CASE WHEN w.session = excluded.session THEN w.last_heartbeat ELSE now() END`
}
