/** The claim's view of the ready tasks in SQL: every statement reads a bounded part of an index, however many tasks wait. */
import type { Lane } from '../contract/task.ts'
import type { ClaimOverview, OwnerLoad, ReadyTask } from './claim-order.ts'
import { nothing, type Reader, sql, type Statement } from './database.ts'
import type { Candidates, ReadySource } from './pick-ready.ts'

/** The ready tasks as a transaction sees and locks them. */
export function readySourceOver(tx: Reader): ReadySource {
  let few: Few | null = null
  return {
    async readOverview(workerIds, lanes) {
      const overview = await readOverview(tx, workerIds, lanes)
      few = overview.few
      return overview
    },
    readCandidates: async (lanes, priority, want) =>
      few === null
        ? await readCandidates(tx, lanes, priority, want)
        : candidatesOf(few, lanes, priority),
    lock: (taskIds, limit) => lockReady(tx, taskIds, limit),
  }
}

const taskColumns = sql`
  t.id, t.lane, t.region, t.owner, extract(epoch FROM t.deadline)::float8 * 1000 AS "deadlineMs",
  extract(epoch FROM now() - t.ready_at)::float8 * 1000 AS "waitedMs", t.weight,
  t.avoid_worker_id AS "avoidWorkerId", t.hedge_of IS NOT NULL AS "isHedge"`

/** What the owners in this table have of the fleet, and may have. */
function loadsOf(table: Statement): Statement {
  return sql`
    SELECT o.owner, coalesce(w.weight, 1) AS weight, (
      SELECT count(*)::int FROM tasks t WHERE t.status = 'running' AND t.owner = o.owner
    ) AS running
    FROM (SELECT DISTINCT owner FROM ${table}) AS o
    LEFT JOIN owner_weights w ON w.owner = o.owner`
}

/** When no more than these are ready, the overview holds them all, and nothing else is read: an idle system starts work sooner. */
const fewTasks = 8

/** All ready tasks, with what their owners have in hand. */
interface Few {
  readonly tasks: readonly (ReadyTask & { readonly priority: number })[]
  readonly loads: readonly (OwnerLoad & { readonly owner: string })[]
}

function candidatesOf(few: Few, lanes: readonly Lane[], priority: number): Candidates {
  return {
    tasks: few.tasks.filter((task) => task.priority === priority && lanes.includes(task.lane)),
    loads: new Map(few.loads.map((load) => [load.owner, load])),
    isAll: true,
  }
}

/** The fleet; and for each lane, stepping from priority to priority, one entry of the index for each. */
async function readOverview(
  tx: Reader,
  workerIds: readonly string[],
  lanes: readonly Lane[],
): Promise<ClaimOverview & { readonly few: Few | null }> {
  const [overview] = await tx.query<ClaimOverview & { readonly few: Few | null }>(sql`
    WITH RECURSIVE heads AS (
      SELECT head.*
      FROM unnest(${lanes}::text[]) AS l(lane)
      CROSS JOIN LATERAL (
        SELECT t.lane, t.priority, t.ready_at
        FROM tasks t
        WHERE t.status = 'ready' AND t.lane = l.lane
        ORDER BY t.priority DESC, t.ready_at
        LIMIT 1
      ) AS head
      UNION ALL
      SELECT head.*
      FROM heads h
      CROSS JOIN LATERAL (
        SELECT t.lane, t.priority, t.ready_at
        FROM tasks t
        WHERE t.status = 'ready' AND t.lane = h.lane AND t.priority < h.priority
        ORDER BY t.priority DESC, t.ready_at
        LIMIT 1
      ) AS head
    ),
      fleet AS (
        SELECT id, region, status, session, coalesce(capabilities->'lanes', '[]') AS lanes
        FROM workers
        WHERE status IN ('healthy', 'degraded')
        UNION ALL
        SELECT id, region, status, session, coalesce(capabilities->'lanes', '[]')
        FROM workers
        WHERE id = ANY(${workerIds}::text[]) AND status NOT IN ('healthy', 'degraded')
      ),
      ready_now AS MATERIALIZED (
        SELECT ${taskColumns}, t.priority
        FROM tasks t
        WHERE t.status = 'ready' AND t.lane = ANY(${lanes}::text[])
        LIMIT ${fewTasks + 1}::int
      )
    SELECT
      CASE WHEN (SELECT count(*) FROM ready_now) <= ${fewTasks}::int THEN jsonb_build_object(
        'tasks', (SELECT coalesce(jsonb_agg(s), '[]') FROM ready_now s),
        'loads', (SELECT coalesce(jsonb_agg(l), '[]') FROM (${loadsOf(sql`ready_now`)}) l)
      ) END AS few,
      (SELECT coalesce(jsonb_agg(f), '[]') FROM fleet f) AS fleet,
      (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
          'lane', lane,
          'priority', priority,
          'waitedMs', extract(epoch FROM now() - ready_at)::float8 * 1000
        )), '[]')
        FROM heads
      ) AS heads`)
  return overview!
}

/** Tasks of one owner in one region on one lane, at the priority that is looked at. */
interface Queue extends OwnerLoad {
  readonly lane: Lane
  readonly owner: string
  readonly region: string
}

/**
 * Queues that a claim looks into, by the names of their owners. Where there are more, it also looks at those that waited
 * longest, whoever owns them, so that none is forgotten.
 */
const maxQueues = 128

/**
 * How many tasks of each queue may be read, in powers of eight. Part of the text, because a plan for an unknown limit
 * sorts everything.
 */
const widths = [1, 8, 64, 512].map((tasks) => ({
  tasks,
  limit: { text: String(tasks), values: [] } satisfies Statement,
}))

/** Rows that one look reads at most, of all queues together. */
const maxRows = 4096

async function readCandidates(
  tx: Reader,
  lanes: readonly Lane[],
  priority: number,
  want: number,
): Promise<Candidates> {
  const queues = await readQueues(tx, lanes, priority)
  const possible = widths.filter(({ tasks }) => tasks * queues.length <= maxRows)
  const widest = possible.at(-1)!
  const { tasks: width, limit } = possible.find(({ tasks }) => tasks * queues.length >= want) ??
    widest
  const rows = await tx.query<ReadyTask>(sql`
    ${longestWaits(queues, priority, limit)}
    UNION ALL
    ${earliestDeadlines(lanes, priority, limit)}
    ${queues.length < maxQueues ? nothing : sql`UNION ALL ${oldest(lanes, priority)}`}`)
  return {
    tasks: [...new Map(rows.map((task) => [task.id, task])).values()],
    loads: new Map(queues.map((queue) => [queue.owner, queue])),
    isAll: rows.length < width || width === widest.tasks,
  }
}

/** Steps from owner to owner and region to region of a lane. */
async function readQueues(
  tx: Reader,
  lanes: readonly Lane[],
  priority: number,
): Promise<Queue[]> {
  return await tx.query<Queue>(sql`
    WITH RECURSIVE queues AS (
      SELECT head.*
      FROM unnest(${lanes}::text[]) AS l(lane)
      CROSS JOIN LATERAL (
        SELECT t.lane, t.owner, t.region
        FROM tasks t
        WHERE t.status = 'ready' AND t.lane = l.lane AND t.priority = ${priority}::int
        ORDER BY t.owner, t.region
        LIMIT 1
      ) AS head
      UNION ALL
      SELECT head.*
      FROM queues q
      CROSS JOIN LATERAL (
        SELECT t.lane, t.owner, t.region
        FROM tasks t
        WHERE t.status = 'ready' AND t.lane = q.lane AND t.priority = ${priority}::int
          AND (t.owner, t.region) > (q.owner, q.region)
        ORDER BY t.owner, t.region
        LIMIT 1
      ) AS head
    ),
      seen AS MATERIALIZED (SELECT lane, owner, region FROM queues LIMIT ${maxQueues}::int),
      loads AS MATERIALIZED (${loadsOf(sql`seen`)})
    SELECT seen.lane, seen.owner, seen.region, loads.running, loads.weight
    FROM seen
    JOIN loads ON loads.owner = seen.owner`)
}

function longestWaits(queues: readonly Queue[], priority: number, limit: Statement): Statement {
  return sql`
    SELECT waiting.*
    FROM unnest(
      ${queues.map(({ lane }) => lane)}::text[],
      ${queues.map(({ owner }) => owner)}::text[],
      ${queues.map(({ region }) => region)}::text[]
    ) AS q(lane, owner, region)
    CROSS JOIN LATERAL (
      SELECT ${taskColumns}
      FROM tasks t
      WHERE t.status = 'ready' AND t.lane = q.lane AND t.priority = ${priority}::int
        AND t.owner = q.owner AND t.region = q.region
      ORDER BY t.ready_at
      LIMIT ${limit}
    ) AS waiting`
}

function earliestDeadlines(lanes: readonly Lane[], priority: number, limit: Statement): Statement {
  return sql`
    SELECT pressing.*
    FROM unnest(${lanes}::text[]) AS l(lane)
    CROSS JOIN LATERAL (
      SELECT ${taskColumns}
      FROM tasks t
      WHERE t.status = 'ready' AND t.deadline IS NOT NULL AND t.lane = l.lane AND t.priority = ${priority}::int
      ORDER BY t.deadline
      LIMIT ${limit}
    ) AS pressing`
}

function oldest(lanes: readonly Lane[], priority: number): Statement {
  return sql`
    SELECT oldest.*
    FROM unnest(${lanes}::text[]) AS l(lane)
    CROSS JOIN LATERAL (
      SELECT ${taskColumns}
      FROM tasks t
      WHERE t.status = 'ready' AND t.lane = l.lane AND t.priority = ${priority}::int
      ORDER BY t.ready_at
      LIMIT 64
    ) AS oldest`
}

/** Tasks and their actors; what changed since it was read is seen again under the lock. */
async function lockReady(
  tx: Reader,
  taskIds: readonly string[],
  limit: number,
): Promise<readonly string[]> {
  if (taskIds.length === 0) return []
  const rows = await tx.query<{ id: string }>(sql`
    SELECT t.id
    FROM unnest(${taskIds}::text[]) WITH ORDINALITY AS best(id, place)
    JOIN tasks t ON t.id = best.id
    JOIN actors a ON a.id = best.id
    WHERE t.status || '' = 'ready' -- written so that no index of ready tasks is read instead
    ORDER BY best.place
    LIMIT ${limit}::int
    FOR UPDATE OF a, t SKIP LOCKED`)
  return rows.map((row) => row.id)
}
