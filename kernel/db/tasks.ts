/** Reads of the `tasks` read model: views for people, and the rows that briefs for workers are made of. */
import type { TaskView } from '../contract/job.ts'
import type { Json } from '../contract/json.ts'
import type { PlanFacts, TaskKind, TaskResult } from '../contract/task.ts'
import type { Profile } from '../contract/profile.ts'
import { type Reader, sql } from './database.ts'

/** The tasks of a job in the order of their work. */
export async function listTasks(db: Reader, jobId: string): Promise<TaskView[]> {
  return (await listTasksByJob(db, [jobId])).get(jobId) ?? []
}

/** The tasks of several jobs by job, each in the order of their work, hedges left out; one query, however many. */
export async function listTasksByJob(
  db: Reader,
  jobIds: readonly string[],
): Promise<Map<string, TaskView[]>> {
  const rows = await db.query<TaskRecord>(sql`
    SELECT ${taskColumns}
    FROM tasks t
    WHERE job_id = ANY(${jobIds}::text[]) AND hedge_of IS NULL
    ORDER BY array_position(ARRAY['probe', 'remux', 'encode', 'audio', 'stitch', 'verify'], kind), sequence_index`)
  return Map.groupBy(rows.map(taskViewFrom), (task) => task.job_id)
}

/** One task; undefined when there is none. Hedges are no tasks of their own. */
export async function readTask(db: Reader, id: string): Promise<TaskView | undefined> {
  const [row] = await db.query<TaskRecord>(sql`
    SELECT ${taskColumns}
    FROM tasks t
    WHERE id = ${id} AND hedge_of IS NULL`)
  return row && taskViewFrom(row)
}

/** Tasks of a job that have not ended, its hedges included: somebody may still write for them. */
export async function countOpenTasks(db: Reader, jobId: string): Promise<number> {
  const [row] = await db.query<{ open: number }>(sql`
    SELECT count(*)::int AS open
    FROM tasks
    WHERE job_id = ${jobId} AND status IN ('ready', 'running', 'waiting')`)
  return row?.open ?? 0
}

/** A task as its brief needs it. */
export interface BriefTask {
  readonly id: string
  readonly jobId: string
  readonly kind: TaskKind
  readonly index: number
  readonly params: Json
  readonly attempt: number
  readonly leaseToken: string | null
}

/** A job as the briefs of its tasks need it. */
export interface BriefJob {
  readonly id: string
  readonly profile: Profile
  readonly sourceType: string
  /** With its credentials, if it came with any. */
  readonly sourceUrl: string
  readonly plan: PlanFacts | null
  readonly correlationId: string
}

/** A completed task whose result is an input of a later one. */
export interface BriefResult {
  readonly taskId: string
  readonly jobId: string
  readonly kind: TaskKind
  readonly index: number
  readonly params: Json
  readonly result: TaskResult
}

export interface BriefRows {
  /** In the order of the ids that were asked for; unknown ids are missing. */
  readonly tasks: readonly BriefTask[]
  readonly jobs: ReadonlyMap<string, BriefJob>
  /** By job id, only of jobs whose stitch or verify is among the tasks; ordered by kind, then index. */
  readonly results: ReadonlyMap<string, readonly BriefResult[]>
  /** Slots of all workers that may get work; at least 1. */
  readonly fleetSlots: number
}

/**
 * Everything that the briefs of these tasks need. One query but for tasks that join: a claim waits for it, and on the
 * embedded database every query waits for the others.
 */
export async function readTaskForBrief(db: Reader, taskIds: readonly string[]): Promise<BriefRows> {
  const rows = await db.query<BriefTask & { job: BriefJob; fleetSlots: number }>(sql`
    SELECT t.id, t.job_id AS "jobId", ${workKind} AS kind, t.sequence_index AS index, t.params, t.attempt_count AS attempt,
      t.lease_token AS "leaseToken",
      json_build_object('id', j.id, 'profile', j.profile, 'sourceType', j.source_type, 'sourceUrl', j.source_url,
        'plan', j.plan, 'correlationId', j.correlation_id) AS job,
      (${selectFleetSlots}) AS "fleetSlots"
    FROM unnest(${taskIds}::text[]) WITH ORDINALITY AS asked(id, position)
    JOIN tasks t ON t.id = asked.id
    JOIN jobs j ON j.id = t.job_id
    ORDER BY asked.position`)
  const joining = rows.filter((task) => task.kind === 'stitch' || task.kind === 'verify')
  return {
    tasks: rows.map(({ job: _, fleetSlots: __, ...task }) => task),
    jobs: new Map(rows.map(({ job }) => [job.id, job])),
    results: await readResults(db, [...new Set(joining.map((task) => task.jobId))]),
    fleetSlots: rows[0]?.fleetSlots ?? 1,
  }
}

async function readResults(db: Reader, jobIds: readonly string[]): Promise<BriefRows['results']> {
  if (jobIds.length === 0) return new Map()
  const rows = await db.query<BriefResult>(sql`
    SELECT id AS "taskId", job_id AS "jobId", kind, sequence_index AS index, params, result
    FROM tasks
    WHERE job_id = ANY(${jobIds}::text[])
      AND status = 'completed'
      AND kind IN ('encode', 'audio', 'stitch', 'remux')
    ORDER BY job_id, kind, sequence_index`)
  return Map.groupBy(rows, (row) => row.jobId)
}

/** Slots of all workers that may get work; at least 1, because whoever asks is about to plan for somebody. */
export async function readFleetSlots(db: Reader): Promise<number> {
  const [row] = await db.query<{ slots: number }>(selectFleetSlots)
  return row?.slots ?? 1
}

const selectFleetSlots = sql`
  SELECT greatest(1, coalesce(sum((capabilities->>'slots')::int), 0))::int AS slots
  FROM workers
  WHERE status IN ('healthy', 'degraded')`

/** A row of `tasks`, as far as people see it. */
export interface TaskRecord
  extends Omit<TaskView, 'progress_pct' | 'deadline' | 'started_at' | 'finished_at'> {
  readonly progress: number
  readonly deadline: Date | null
  readonly started_at: Date | null
  readonly finished_at: Date | null
}

/** What kind of work the task `t` is: a hedge encodes a chunk. */
export const workKind = sql`CASE t.kind WHEN 'hedge' THEN 'encode' ELSE t.kind END`

/** The columns of a {@link TaskRecord} from `tasks t`. */
export const taskColumns =
  sql`id, job_id, ${workKind} AS kind, sequence_index, start_time_sec, end_time_sec, deadline, status, progress, fps, speed,
  assigned_worker_id, attempt_count, max_attempts, output_key, output_size_bytes, error, started_at, finished_at,
  hedge_of IS NOT NULL OR EXISTS (SELECT FROM tasks h WHERE h.hedge_of = t.id) AS hedged`

/** The view of a row. */
export function taskViewFrom({ progress, ...row }: TaskRecord): TaskView {
  return {
    ...row,
    progress_pct: row.status === 'completed' ? 100 : Math.round(progress * 1000) / 10,
    deadline: row.deadline?.toISOString() ?? null,
    started_at: row.started_at?.toISOString() ?? null,
    finished_at: row.finished_at?.toISOString() ?? null,
  }
}
