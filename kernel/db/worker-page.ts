/** What the page of one worker shows beside the worker itself: its tasks, and what was heard of it. */
import type { JobEventView, TaskView } from '../contract/job.ts'
import type { Json } from '../contract/json.ts'
import { workerActorIdFrom } from '../ids.ts'
import { type Reader, sql } from './database.ts'
import { taskColumns, type TaskRecord, taskViewFrom } from './tasks.ts'

/** A chunk that a hedge completed: the hedge tells how long its worker took, the chunk how long both took. */
const isAdopted = sql`EXISTS (
  SELECT FROM tasks h WHERE h.hedge_of = t.id AND h.status = 'completed' AND h.output_key = t.output_key
)`

/** Tasks that the worker has in hand, then those that it ended last, hedges included. */
export async function listWorkerTasks(
  db: Reader,
  workerId: string,
  limit: number,
): Promise<TaskView[]> {
  const rows = await db.query<TaskRecord>(sql`
    SELECT *
    FROM (
      (SELECT ${taskColumns} FROM tasks t WHERE assigned_worker_id = ${workerId} AND lease_until IS NOT NULL
        ORDER BY started_at DESC LIMIT ${limit}::int)
      UNION ALL
      (SELECT ${taskColumns} FROM tasks t WHERE assigned_worker_id = ${workerId} AND finished_at IS NOT NULL AND NOT ${isAdopted}
        ORDER BY finished_at DESC LIMIT ${limit}::int)
    ) AS t
    ORDER BY (status = 'running') DESC, coalesce(finished_at, started_at) DESC, id
    LIMIT ${limit}::int`)
  return rows.map(taskViewFrom)
}

/** Tasks that a worker completed in the last day. */
export interface WorkerDay {
  readonly completed: number
  readonly averageSeconds: number | null
}

/** What the worker got done in the last 24 hours. */
export async function readWorkerDay(db: Reader, workerId: string): Promise<WorkerDay> {
  const [row] = await db.query<WorkerDay>(sql`
    SELECT count(*)::int AS completed, avg(extract(epoch FROM finished_at - started_at))::float8 AS "averageSeconds"
    FROM tasks t
    WHERE assigned_worker_id = ${workerId} AND status = 'completed' AND finished_at > now() - interval '24 hours'
      AND NOT ${isAdopted}`)
  if (row === undefined) throw new TypeError('readWorkerDay: an aggregate answers one row')
  return row
}

/** The newest `limit` steps of the worker, oldest first, without its capabilities. */
export async function listWorkerEvents(
  db: Reader,
  workerId: string,
  limit: number,
): Promise<JobEventView[]> {
  const rows = await db.query<
    { id: string; actor_id: string; type: string; at: Date; data: Json }
  >(sql`
    SELECT actor_id || ':' || version AS id, actor_id, event->>'type' AS type, at,
      event - 'type' - 'capabilities' - 'input' AS data
    FROM (
      SELECT * FROM event_log WHERE actor_id = ${
    workerActorIdFrom(workerId)
  } ORDER BY version DESC LIMIT ${limit}::int
    ) e
    ORDER BY version`)
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }) as JobEventView)
}
