/** Reads of the `jobs` read model for people and programs, and the deletion of a job's rows. */
import type { JobEventView, JobStatus, JobView } from '../contract/job.ts'
import type { Json } from '../contract/json.ts'
import type { OutputFile, PlanFacts } from '../contract/task.ts'
import { nothing, type Reader, sql, type Statement, type Writer } from './database.ts'
import {
  afterCursor,
  cursorText,
  type JobSort,
  orderBy,
  parseCursor,
  sortKeyOf,
  type SortOrder,
} from './job-cursor.ts'
import { mediaFrom } from './job-media.ts'

/** What to list. */
export interface JobQuery {
  /** One, or any of several. */
  readonly status?: JobStatus | readonly JobStatus[]
  readonly userId?: string
  /** Part of the id or of the source URL, in any case. */
  readonly search?: string
  /** @default 'created_at' */
  readonly sort?: JobSort
  /** @default 'desc' */
  readonly order?: SortOrder
  /** Rows of a page, 1 to 500. @default 50 */
  readonly limit?: number
  /** `nextCursor` of the page before. */
  readonly cursor?: string
}

export interface JobPage {
  readonly jobs: JobView[]
  /** For the next page; null on the last one. */
  readonly nextCursor: string | null
}

/**
 * One page of jobs.
 * @throws WE-JOB-001 (path `cursor`) when the cursor is not of this sort and order
 * @throws RangeError when the limit is out of range
 */
export async function listJobs(db: Reader, query: JobQuery = {}): Promise<JobPage> {
  const { sort = 'created_at', order = 'desc', limit = 50 } = query
  if (!Number.isInteger(limit) || limit < 1 || limit > 500) {
    throw new RangeError(
      `Cannot list jobs: limit must be an integer from 1 to 500, and it is ${limit}`,
    )
  }
  const after = query.cursor === undefined ? undefined : parseCursor(query.cursor, sort, order)
  const rows = await db.query<JobRecord & { sort_key: string }>(sql`
    SELECT ${jobColumns}, (${sortKeyOf(sort, order)})::text AS sort_key
    FROM jobs
    WHERE true
      ${statusIs(query.status)}
      ${query.userId === undefined ? nothing : sql`AND user_id = ${query.userId}`}
      ${searchOf(query.search)}
      ${afterCursor(after)}
    ${orderBy(sort, order)}
    LIMIT ${limit + 1}::int`)
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  const nextCursor = rows.length > limit && last !== undefined
    ? cursorText({ sort, order, key: last.sort_key, id: last.id })
    : null
  return { jobs: page.map(jobViewFrom), nextCursor }
}

/** One job; undefined when there is none. */
export async function readJob(db: Reader, id: string): Promise<JobView | undefined> {
  const [row] = await db.query<JobRecord>(sql`SELECT ${jobColumns} FROM jobs WHERE id = ${id}`)
  return row && jobViewFrom(row)
}

/** Those of the jobs that there are, by id; one query, however many. */
export async function readJobs(db: Reader, ids: readonly string[]): Promise<Map<string, JobView>> {
  const rows = await db.query<JobRecord>(sql`
    SELECT ${jobColumns}
    FROM jobs
    WHERE id = ANY(${ids}::text[])`)
  return new Map(rows.map((row) => [row.id, jobViewFrom(row)]))
}

/** What verification accepted, in its order; empty before the job completed. */
export async function readJobOutputs(db: Reader, id: string): Promise<OutputFile[]> {
  const [row] = await db.query<{ outputs: OutputFile[] }>(
    sql`SELECT outputs FROM jobs WHERE id = ${id}`,
  )
  return row?.outputs ?? []
}

/** What verification checked and found; undefined before it did. */
export async function readJobReport(
  db: Reader,
  id: string,
): Promise<Readonly<Record<string, string | number | boolean>> | undefined> {
  const [row] = await db.query<{ report: Record<string, string | number | boolean> | null }>(sql`
    SELECT report FROM jobs WHERE id = ${id}`)
  return row?.report ?? undefined
}

/**
 * The newest `limit` steps of a job and of its tasks, oldest first.
 * Lease tokens, inputs (they may hold credentials) and fields longer than 4,000 characters are left out; a failure that
 * is longer loses only its `detail`.
 */
export async function listJobEvents(db: Reader, id: string, limit = 500): Promise<JobEventView[]> {
  const rows = await db.query<{ id: string; actor_id: string; type: string; at: Date; data: Json }>(
    sql`
    SELECT e.actor_id || ':' || e.version AS id, e.actor_id, e.event->>'type' AS type, e.at, (
      SELECT coalesce(jsonb_object_agg(key, value), '{}')
      FROM (
        SELECT key, CASE
          WHEN length(value::text) > 4000 AND jsonb_typeof(value) = 'object' THEN value - 'detail'
          ELSE value
        END AS value
        FROM jsonb_each(e.event)
      ) AS field
      WHERE key NOT IN ('type', 'input', 'leaseToken') AND length(value::text) <= 4000
    ) AS data
    FROM (
      SELECT actor_id, version, event, at
      FROM event_log
      WHERE actor_id = ${id} OR actor_id IN (SELECT t.id FROM tasks t WHERE t.job_id = ${id})
      ORDER BY at DESC, version DESC, actor_id DESC
      LIMIT ${limit}::int
    ) e
    ORDER BY e.at, e.version, e.actor_id`,
  )
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }) as JobEventView)
}

/**
 * Deletes the job, its tasks, their actors, logs, timers and inbox. Outbox rows stay: they are still to be done.
 * @returns false when there is no such job
 */
export async function deleteJobRows(tx: Writer, id: string): Promise<boolean> {
  // First the locks, as batches take them: a batch that runs commits before, and its new rows are seen below.
  await tx.query(sql`
    SELECT a.id
    FROM actors a
    WHERE a.id = ${id} OR a.id IN (SELECT t.id FROM tasks t WHERE t.job_id = ${id})
    ORDER BY a.id
    FOR UPDATE`)
  const [row] = await tx.query<{ jobs: number }>(sql`
    WITH gone AS MATERIALIZED (
      SELECT ${id}::text AS id
      UNION ALL
      SELECT t.id FROM tasks t WHERE t.job_id = ${id}
    ),
      gone_log AS (DELETE FROM event_log e USING gone WHERE e.actor_id = gone.id),
      gone_timers AS (DELETE FROM timers t USING gone WHERE t.actor_id = gone.id),
      gone_inbox AS (DELETE FROM inbox i USING gone WHERE i.actor_id = gone.id),
      gone_letters AS (DELETE FROM dead_letters d USING gone WHERE d.actor_id = gone.id),
      gone_actors AS (DELETE FROM actors a USING gone WHERE a.id = gone.id),
      gone_keys AS (DELETE FROM idempotency_keys k WHERE k.job_id = ${id}),
      gone_jobs AS (DELETE FROM jobs j WHERE j.id = ${id} RETURNING j.id)
    SELECT count(*)::int AS jobs FROM gone_jobs`)
  return row?.jobs === 1
}

/** One status is compared as such: only then the index of statuses gives the rows in their order. */
function statusIs(status: JobQuery['status']): Statement {
  if (status === undefined) return nothing
  return typeof status === 'string'
    ? sql`AND status = ${status}`
    : sql`AND status = ANY(${status}::text[])`
}

function searchOf(search: string | undefined): Statement {
  if (search === undefined || search === '') return nothing
  const pattern = `%${search.replaceAll(/[\\%_]/g, '\\$&').replaceAll('\0', '')}%`
  return sql`AND (id ILIKE ${pattern} OR source_url ILIKE ${pattern})`
}

interface JobRecord {
  readonly id: string
  readonly user_id: string
  readonly source_type: JobView['source_type']
  readonly source_url: string
  readonly profile_id: string
  readonly priority: number
  readonly deadline: Date | null
  readonly status: JobView['status']
  readonly phase: JobView['phase']
  readonly progress_pct: number
  readonly eta_seconds: number | null
  readonly tasks_total: number
  readonly tasks_completed: number
  readonly error: JobView['error']
  readonly retry_of: string | null
  readonly plan: PlanFacts | null
  readonly created_at: Date
  readonly updated_at: Date
  readonly started_at: Date | null
  readonly finished_at: Date | null
}

const jobColumns =
  sql`id, user_id, source_type, source_url, profile_id, priority, deadline, status, phase, progress_pct,
  eta_seconds, tasks_total, tasks_completed, error, retry_of, plan, created_at, updated_at, started_at, finished_at`

function jobViewFrom(row: JobRecord): JobView {
  return {
    id: row.id,
    user_id: row.user_id,
    source_type: row.source_type,
    source_url: withoutCredentials(row.source_url),
    profile: row.profile_id,
    priority: row.priority,
    deadline: row.deadline?.toISOString() ?? null,
    status: row.status,
    phase: row.phase,
    progress_pct: row.progress_pct,
    eta_seconds: row.eta_seconds,
    tasks_total: row.tasks_total,
    tasks_completed: row.tasks_completed,
    error: row.error,
    retry_of: row.retry_of,
    media: row.plan === null ? null : mediaFrom(row.plan),
    warnings: row.plan?.warnings ?? [],
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    started_at: row.started_at?.toISOString() ?? null,
    finished_at: row.finished_at?.toISOString() ?? null,
  }
}

/** The URL without user, password; unchanged when it has none, so that people see what they typed. */
function withoutCredentials(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1')
}
