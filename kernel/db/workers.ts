/** The `workers` read model: views for people, and what heartbeats and their absence change. */
import type { WorkerView } from '../contract/job.ts'
import type { InstalledEncoder } from '../contract/encoder-routing.ts'
import type { WorkerCommand } from '../contract/worker.ts'
import { workerActorIdFrom } from '../ids.ts'
import { json, nothing, type Reader, sql, type Statement, type Writer } from './database.ts'
import { mayBeLost } from './durability.ts'

/** All workers: those online first, then by name. */
export async function listWorkers(db: Reader): Promise<WorkerView[]> {
  const rows = await db.query<WorkerRecord>(sql`
    ${selectWorkers(nothing)}
    ORDER BY (status = 'offline'), hostname, id`)
  return rows.map(workerViewFrom)
}

/** One worker; undefined when there is none. */
export async function readWorker(db: Reader, id: string): Promise<WorkerView | undefined> {
  const [row] = await db.query<WorkerRecord>(selectWorkers(sql`AND w.id = ${id}`))
  return row && workerViewFrom(row)
}

/** Which process bears a worker's name, and whether it is thought to be at work. */
export interface WorkerSession {
  readonly session: string
  readonly isOnline: boolean
}

/** The session that a worker joined with last; undefined when it never joined, or was removed since. */
export async function readWorkerSession(
  db: Reader,
  id: string,
): Promise<WorkerSession | undefined> {
  const [row] = await db.query<WorkerSession>(sql`
    SELECT session, status <> 'offline' AS "isOnline"
    FROM workers
    WHERE id = ${id} AND status <> 'removed'`)
  return row
}

/** What a worker is to do; undefined when the session is not its current one or it counts as offline. */
export async function readWorkerCommand(
  db: Reader,
  workerId: string,
  session: string,
): Promise<WorkerCommand | undefined> {
  const [row] = await db.query<{ command: WorkerCommand }>(sql`
    SELECT command FROM workers
    WHERE id = ${workerId} AND session = ${session} AND status NOT IN ('offline', 'removed')`)
  return row?.command
}

/** What a worker's processes take now. */
export interface WorkerUsage {
  readonly cpuPercent: number
  readonly memoryBytes: number
  /** Moved over the network since the worker started. Absent for one that shares the storage's disk. */
  readonly bytesIn?: number | undefined
  readonly bytesOut?: number | undefined
}

/** What a worker says with a heartbeat. */
export interface WorkerNews {
  readonly usage?: WorkerUsage | undefined
  readonly encoders?: readonly InstalledEncoder[] | undefined
}

/**
 * Notes a heartbeat; what it does not say stays as it is.
 * @returns what the worker is to do; undefined when the session is not its current one or it counts as offline: it has to
 * join again
 */
export async function touchWorker(
  db: Reader,
  workerId: string,
  session: string,
  { usage, encoders }: WorkerNews = {},
): Promise<WorkerCommand | undefined> {
  const [row] = await db.query<{ command: WorkerCommand }>(sql`
    UPDATE workers
    SET last_heartbeat = now(),
      cpu_percent = coalesce(${usage?.cpuPercent ?? null}::real, cpu_percent),
      memory_bytes = coalesce(${
    usage === undefined ? null : Math.round(usage.memoryBytes)
  }::bigint, memory_bytes),
      bytes_in = coalesce(${usage?.bytesIn ?? null}::bigint, bytes_in),
      bytes_out = coalesce(${usage?.bytesOut ?? null}::bigint, bytes_out)
      ${encoders === undefined ? nothing : setEncoders(encoders)}
    WHERE id = ${workerId} AND session = ${session} AND status NOT IN ('offline', 'removed')
      AND ${mayBeLost}
    RETURNING command`)
  return row?.command
}

/** A process that joins under the same name later must say it itself: what is noted counts for this session. */
function setEncoders(encoders: readonly InstalledEncoder[]): Statement {
  return sql`, encoders = ${json(encoders)}, encoders_key = md5(${
    json(encoders)
  }::text), encoders_session = session`
}

/** What workers moved over the network since they started. Those that share the storage's disk are not listed. */
export async function listWorkerTransfers(
  db: Reader,
): Promise<{ id: string; bytesIn: number; bytesOut: number }[]> {
  return await db.query(sql`
    SELECT id, bytes_in AS "bytesIn", bytes_out AS "bytesOut"
    FROM workers
    WHERE status NOT IN ('offline', 'removed') AND bytes_in IS NOT NULL AND bytes_out IS NOT NULL
    ORDER BY id`)
}

/** Workers that should be there and have not been heard of for longer than `olderThanMs`. */
export async function listSilentWorkers(
  db: Reader,
  olderThanMs: number,
): Promise<{ id: string; session: string }[]> {
  return await db.query(sql`
    SELECT id, session
    FROM workers
    WHERE status NOT IN ('offline', 'removed') AND last_heartbeat < now() - make_interval(secs => ${
    olderThanMs / 1000
  }::float8)
    ORDER BY last_heartbeat`)
}

/** Workers whose last process has gone after they were removed: their rows are to be deleted. */
export async function listRemovedWorkers(db: Reader): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    sql`SELECT id FROM workers WHERE status = 'removed' ORDER BY id`,
  )
  return rows.map(({ id }) => id)
}

/**
 * Deletes a removed worker: its row, its actor and what the actor heard. Its credential stays revoked.
 * @returns false when it is not, or no longer, a removed one
 */
export async function deleteWorkerRows(tx: Writer, id: string): Promise<boolean> {
  const actorId = workerActorIdFrom(id)
  const [actor] = await tx.query(
    sql`SELECT id FROM actors WHERE id = ${actorId} AND status = 'done' FOR UPDATE`,
  )
  if (actor === undefined) return false
  await tx.query(sql`
    WITH gone_log AS (DELETE FROM event_log WHERE actor_id = ${actorId}),
      gone_timers AS (DELETE FROM timers WHERE actor_id = ${actorId}),
      gone_inbox AS (DELETE FROM inbox WHERE actor_id = ${actorId}),
      gone_letters AS (DELETE FROM dead_letters WHERE actor_id = ${actorId}),
      gone_actor AS (DELETE FROM actors WHERE id = ${actorId})
    DELETE FROM workers WHERE id = ${id}`)
  return true
}

interface WorkerRecord
  extends Omit<WorkerView, 'joined_at' | 'session_started_at' | 'last_heartbeat'> {
  readonly created_at: Date
  readonly session_started_at: Date
  readonly last_heartbeat: Date
}

function selectWorkers(condition: Statement): Statement {
  return sql`
    SELECT w.id, w.hostname, w.region, w.version, w.status, w.command, w.capabilities, w.cpu_percent, w.memory_bytes,
      w.created_at, w.session_started_at, w.last_heartbeat,
      CASE WHEN w.encoders_session = w.session THEN w.encoders END AS encoders, coalesce((w.capabilities->>'slots')::int, 0) AS slots, (
        SELECT count(*)::int FROM tasks t WHERE t.assigned_worker_id = w.id AND t.lease_until IS NOT NULL
      ) AS tasks_running
    FROM workers w
    WHERE w.status <> 'removed' ${condition}`
}

function workerViewFrom(
  { created_at, session_started_at, last_heartbeat, ...row }: WorkerRecord,
): WorkerView {
  return {
    ...row,
    joined_at: created_at.toISOString(),
    session_started_at: session_started_at.toISOString(),
    last_heartbeat: last_heartbeat.toISOString(),
  }
}
