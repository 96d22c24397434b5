/** The counts that the dashboard shows. */
import { type DashboardStats, type JobStatus, jobStatuses } from '../contract/job.ts'
import { type Reader, sql } from './database.ts'

interface DashboardRecord {
  readonly by_status: Partial<Record<JobStatus, number>>
  readonly completed: number
  readonly failed: number
  readonly average_seconds: number | null
  readonly bytes_out: number
  readonly ready: number
  readonly running: number
  /** Hedges included: they take slots. */
  readonly busy: number
  readonly online: number
  readonly slots: number
}

/** Jobs by status, the last 24 hours, tasks that wait and run, and the fleet; one statement, one moment. */
export async function readDashboardStats(db: Reader): Promise<DashboardStats> {
  const [row] = await db.query<DashboardRecord>(sql`
    WITH statuses AS (SELECT status, count(*)::int AS jobs FROM jobs GROUP BY status),
      day AS (
        SELECT
          count(*) FILTER (WHERE status = 'completed')::int AS completed,
          count(*) FILTER (WHERE status = 'failed')::int AS failed,
          (avg(extract(epoch FROM finished_at - started_at)) FILTER (WHERE status = 'completed'))::float8 AS average_seconds,
          coalesce(sum((
            SELECT sum((o->'object'->>'sizeBytes')::bigint) FROM jsonb_array_elements(outputs) o
          )) FILTER (WHERE status = 'completed'), 0)::bigint AS bytes_out
        FROM jobs
        WHERE finished_at > now() - interval '24 hours'
      ),
      work AS (
        SELECT
          count(*) FILTER (WHERE status = 'ready' AND hedge_of IS NULL)::int AS ready,
          count(*) FILTER (WHERE status = 'running' AND hedge_of IS NULL)::int AS running,
          count(*) FILTER (WHERE status = 'running')::int AS busy
        FROM tasks
        WHERE status IN ('ready', 'running')
      ),
      fleet AS (
        SELECT
          count(*)::int AS online,
          coalesce(sum((capabilities->>'slots')::int) FILTER (WHERE status <> 'draining'), 0)::int AS slots
        FROM workers
        WHERE status NOT IN ('offline', 'removed')
      )
    SELECT (SELECT coalesce(jsonb_object_agg(status, jobs), '{}') FROM statuses) AS by_status, day.*, work.*, fleet.*
    FROM day, work, fleet`)
  if (row === undefined) {
    throw new TypeError('readDashboardStats: aggregates without a GROUP BY answer one row')
  }
  return {
    jobs: Object.fromEntries(
      jobStatuses.map((status) => [status, row.by_status[status] ?? 0]),
    ) as DashboardStats['jobs'],
    jobs_24h: {
      completed: row.completed,
      failed: row.failed,
      average_seconds: row.average_seconds,
      bytes_out: row.bytes_out,
    },
    tasks: { ready: row.ready, running: row.running },
    workers: { online: row.online, slots: row.slots, busy: row.busy },
  }
}
