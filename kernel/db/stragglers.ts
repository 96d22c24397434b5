/** What is to be seen before a chunk is hedged: free workers, jobs that are near their end, and how their last chunks get on. */
import type { Lane } from '../contract/task.ts'
import { type Reader, sql } from './database.ts'

/** A healthy worker with room for more. */
export interface FreeWorker {
  readonly id: string
  readonly lanes: readonly string[]
  readonly freeSlots: number
}

/** A chunk in the hands of a worker, of a job that has no chunk left to begin. */
export interface RunningChunk {
  readonly taskId: string
  readonly jobId: string
  readonly lane: Lane
  readonly workerId: string
  readonly leaseToken: string
  /** Of video. */
  readonly seconds: number
  /** Since its present run began. */
  readonly elapsedSeconds: number
  /** 0 to 1. */
  readonly progress: number
  /** Seconds of video for each second, as its worker told last. */
  readonly speed: number | null
  /** The same of the finished chunks of the job, transfers and checks included. */
  readonly medianSpeed: number
  /** Hedges of the job that wait or run. */
  readonly openHedges: number
}

/** Everything that the choice looks at. */
export interface HedgeScene {
  readonly workers: readonly FreeWorker[]
  /** Ready tasks of any job, hedges included; counted up to the slots that are free. */
  readonly waiting: readonly { readonly lane: Lane; readonly tasks: number }[]
  readonly chunks: readonly RunningChunk[]
}

/** Chunks and workers of one look. */
const limit = 256

/**
 * Looks at the chunks that were never hedged, those that run longest first, of jobs with a finished chunk and none that is
 * ready or waits for more than its hedge. Where no worker has room, or only one worker is there, it looks at nothing else.
 */
export async function readHedgeScene(db: Reader): Promise<HedgeScene> {
  const workers = await readFreeWorkers(db)
  if (workers.length === 0) return { workers, waiting: [], chunks: [] }
  const chunks = await readLastChunks(db, [...new Set(workers.flatMap((one) => one.lanes))])
  const lanes = [...new Set(chunks.map(({ lane }) => lane))]
  const slots = workers.reduce((sum, { freeSlots }) => sum + freeSlots, 0)
  return { workers, waiting: lanes.length === 0 ? [] : await countReady(db, lanes, slots), chunks }
}

async function readFreeWorkers(db: Reader): Promise<FreeWorker[]> {
  return await db.query<FreeWorker>(sql`
    WITH fleet AS (
      SELECT w.id, coalesce(w.capabilities->'lanes', '[]') AS lanes,
        coalesce((w.capabilities->>'slots')::int, 0) - (
          SELECT count(*) FROM tasks t WHERE t.assigned_worker_id = w.id AND t.lease_until IS NOT NULL
        )::int AS free
      FROM workers w
      WHERE w.status = 'healthy'
    )
    SELECT id, lanes, free AS "freeSlots"
    FROM fleet
    WHERE free > 0 AND EXISTS (SELECT FROM workers other WHERE other.id <> fleet.id AND other.status <> 'removed')
    ORDER BY id
    LIMIT ${limit}::int`)
}

/** Finished chunks whose speed is looked at, of each job: enough for a median. */
const sample = 64

/** Tasks that a job near its end has left beside chunks: audio, stitch, verify. */
const otherTasks = 3

/**
 * Jobs are sorted out by the counters of their rows first, so that the chunks of a job in its middle are never read. The speed of a
 * finished chunk is that of the run which its worker reported; one that a hedge finished has none.
 */
async function readLastChunks(db: Reader, freeLanes: readonly string[]): Promise<RunningChunk[]> {
  return await db.query<RunningChunk>(sql`
    WITH running AS MATERIALIZED (
      SELECT t.* FROM tasks t WHERE t.status = 'running' AND t.kind IN ('encode', 'hedge')
    ),
      near_end AS MATERIALIZED (
        SELECT r.job_id
        FROM running r
        JOIN jobs j ON j.id = r.job_id
        WHERE j.phase = 'encoding'
        GROUP BY r.job_id, j.id
        HAVING j.tasks_total - j.tasks_completed <= count(*) + ${otherTasks}::int
      ),
      at_end AS MATERIALIZED (
        SELECT n.job_id, (
          SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY done.speed)
          FROM (
            SELECT (t.end_time_sec - t.start_time_sec)
              / nullif(extract(epoch FROM t.finished_at - t.started_at)::float8, 0) AS speed
            FROM tasks t
            WHERE t.job_id = n.job_id AND t.kind = 'encode' AND t.status = 'completed'
              AND NOT EXISTS (SELECT FROM tasks h WHERE h.hedge_of = t.id AND h.status = 'completed')
            LIMIT ${sample}::int
          ) AS done
          WHERE done.speed > 0
        ) AS median_speed, (
          SELECT count(*)::int FROM tasks h
          WHERE h.job_id = n.job_id AND h.kind = 'hedge' AND h.status IN ('ready', 'running')
        ) AS open_hedges
        FROM near_end n
        WHERE NOT EXISTS (
          SELECT FROM tasks t
          WHERE t.job_id = n.job_id AND t.kind = 'encode' AND t.status IN ('ready', 'waiting')
            AND NOT EXISTS (
              SELECT FROM tasks h WHERE h.hedge_of = t.id AND t.status = 'waiting' AND h.status = 'running'
            )
        )
      )
    SELECT r.id AS "taskId", r.job_id AS "jobId", r.lane, r.assigned_worker_id AS "workerId",
      r.lease_token AS "leaseToken", r.end_time_sec - r.start_time_sec AS seconds,
      extract(epoch FROM now() - r.started_at)::float8 AS "elapsedSeconds",
      r.progress, r.speed, e.median_speed AS "medianSpeed", e.open_hedges AS "openHedges"
    FROM running r
    JOIN at_end e ON e.job_id = r.job_id
    WHERE r.kind = 'encode' AND r.lease_token IS NOT NULL AND r.lane = ANY(${freeLanes}::text[])
      AND e.median_speed IS NOT NULL
      AND NOT EXISTS (SELECT FROM tasks h WHERE h.hedge_of = r.id)
    ORDER BY r.started_at, r.id
    LIMIT ${limit}::int`)
}

async function countReady(
  db: Reader,
  lanes: readonly Lane[],
  most: number,
): Promise<HedgeScene['waiting']> {
  return await db.query(sql`
    SELECT l.lane, (
      SELECT count(*)::int
      FROM (SELECT FROM tasks t WHERE t.status = 'ready' AND t.lane = l.lane LIMIT ${most}::int) AS ready
    ) AS tasks
    FROM unnest(${lanes}::text[]) AS l(lane)
    ORDER BY l.lane`)
}

/** Hedges that wait or run although their chunk is done, given up or gone: what told them was lost. */
export async function listStrayHedges(db: Reader): Promise<string[]> {
  const rows = await db.query<{ id: string }>(sql`
    SELECT h.id
    FROM tasks h
    LEFT JOIN tasks t ON t.id = h.hedge_of
    WHERE h.hedge_of IS NOT NULL AND h.status IN ('ready', 'running')
      AND (t.id IS NULL OR t.status IN ('completed', 'failed', 'cancelled'))
    ORDER BY h.id
    LIMIT ${limit}::int`)
  return rows.map(({ id }) => id)
}
