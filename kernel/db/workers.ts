/** The `workers` read model: views for people, and what heartbeats and their absence change. */
import type { WorkerView } from '../contract/job.ts'
import { type Database, nothing, type Reader, sql, type Statement } from './database.ts'

/** All workers: those online first, then by name. */
export async function listWorkers(db: Reader): Promise<WorkerView[]> {
  const rows = await db.query<WorkerRecord>(sql`
    ${selectWorkers(nothing)}
    ORDER BY (status = 'offline'), hostname, id`)
  return rows.map(workerViewFrom)
}

/** One worker; undefined when there is none. */
export async function readWorker(db: Reader, id: string): Promise<WorkerView | undefined> {
  const [row] = await db.query<WorkerRecord>(selectWorkers(sql`WHERE w.id = ${id}`))
  return row && workerViewFrom(row)
}

/** The session that a worker joined with last; undefined when it never joined. */
export async function readWorkerSession(db: Reader, id: string): Promise<string | undefined> {
  const [row] = await db.query<{ session: string }>(
    sql`SELECT session FROM workers WHERE id = ${id}`,
  )
  return row?.session
}

/** Whether this is the session that the worker joined with last, and it does not count as offline. */
export async function isCurrentSession(
  db: Reader,
  workerId: string,
  session: string,
): Promise<boolean> {
  const rows = await db.query(sql`
    SELECT 1 AS current FROM workers
    WHERE id = ${workerId} AND session = ${session} AND status <> 'offline'`)
  return rows.length === 1
}

/** What a worker's processes take now. */
export interface WorkerUsage {
  readonly cpuPercent: number
  readonly memoryBytes: number
}

/**
 * Notes a heartbeat; without `usage` the figures stay as they are.
 * @returns false when the session is not the worker's current one or it counts as offline: it has to join again
 */
export async function touchWorker(
  db: Database,
  workerId: string,
  session: string,
  usage?: WorkerUsage,
): Promise<boolean> {
  const rows = await db.query(sql`
    UPDATE workers
    SET last_heartbeat = now(),
      cpu_percent = coalesce(${usage?.cpuPercent ?? null}::real, cpu_percent),
      memory_bytes = coalesce(${
    usage === undefined ? null : Math.round(usage.memoryBytes)
  }::bigint, memory_bytes)
    WHERE id = ${workerId} AND session = ${session} AND status <> 'offline'
    RETURNING id`)
  return rows.length === 1
}

/** Workers that are not offline and have not been heard of for longer than `olderThanMs`. */
export async function listSilentWorkers(
  db: Reader,
  olderThanMs: number,
): Promise<{ id: string; session: string }[]> {
  return await db.query(sql`
    SELECT id, session
    FROM workers
    WHERE status <> 'offline' AND last_heartbeat < now() - make_interval(secs => ${
    olderThanMs / 1000
  }::float8)
    ORDER BY last_heartbeat`)
}

interface WorkerRecord extends Omit<WorkerView, 'joined_at' | 'last_heartbeat'> {
  readonly created_at: Date
  readonly last_heartbeat: Date
}

function selectWorkers(where: Statement): Statement {
  return sql`
    SELECT w.id, w.hostname, w.region, w.version, w.status, w.capabilities, w.cpu_percent, w.memory_bytes, w.created_at,
      w.last_heartbeat, (
        SELECT count(*)::int FROM tasks t WHERE t.assigned_worker_id = w.id AND t.lease_until IS NOT NULL
      ) AS tasks_running
    FROM workers w
    ${where}`
}

function workerViewFrom({ created_at, last_heartbeat, ...row }: WorkerRecord): WorkerView {
  return {
    ...row,
    joined_at: created_at.toISOString(),
    last_heartbeat: last_heartbeat.toISOString(),
  }
}
