/** The claim's view of the ready tasks in SQL: every statement reads a bounded part of an index, however many tasks wait. */
import type { EncoderRules } from '../contract/encoder-routing.ts'
import type { Lane } from '../contract/task.ts'
import type { EncoderNeed } from '../plugin/encoder-route.ts'
import type { FleetWorker, OwnerLoad, PriorityHead, ReadyTask } from './claim-order.ts'
import { nothing, type Reader, sql, type Statement } from './database.ts'
import { encoderRules } from './encoder-routing.ts'
import type { EncoderSets } from './encoder-sets.ts'
import type { Candidates, ReadySource } from './pick-ready.ts'

/** What outlives one look at the ready tasks. */
export interface ReadyParts {
  readonly sets: EncoderSets
  /** An admin has a say in who uses which encoder. */
  readonly hasRules: boolean
}

/** The ready tasks as a transaction sees and locks them. */
export function readySourceOver(tx: Reader, { sets, hasRules }: ReadyParts): ReadySource {
  let few: Few | null = null
  return {
    async readOverview(workerIds, lanes) {
      const { fleet, rules, ...overview } = await readOverview(tx, workerIds, lanes)
      few = overview.few
      const found = await sets.read(tx, fleet.map(({ encodersKey }) => encodersKey))
      return {
        heads: overview.heads,
        fleet: fleet.map((worker) => ({ ...worker, encoders: found(worker.encodersKey) })),
        ...(hasRules && { rules }),
      }
    },
    readCandidates: async (heads, want) =>
      few === null ? await readCandidates(tx, heads, want) : candidatesOf(few, heads),
    lock: (taskIds, limit) => lockReady(tx, taskIds, limit),
  }
}

const taskColumns = sql`
  t.id, t.lane, t.video_codec AS "videoCodec", t.region, t.owner, extract(epoch FROM t.deadline)::float8 * 1000 AS "deadlineMs",
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

function candidatesOf(few: Few, heads: readonly PriorityHead[]): Candidates {
  const isOf = (head: PriorityHead, task: Few['tasks'][number]) =>
    head.priority === task.priority && head.lane === task.lane &&
    head.videoCodec === task.videoCodec
  return {
    tasks: few.tasks.filter((task) => heads.some((head) => isOf(head, task))),
    loads: new Map(few.loads.map((load) => [load.owner, load])),
    isAll: true,
  }
}

/** The overview as its statement answers it. */
interface OverviewRow {
  readonly few: Few | null
  readonly heads: readonly PriorityHead[]
  readonly fleet:
    readonly (Omit<FleetWorker, 'encoders'> & { readonly encodersKey: string | null })[]
  readonly rules: EncoderRules
}

/** The fleet and the rules; and for each lane, stepping from encoder to encoder and priority to priority, one entry of the index for each. */
async function readOverview(
  tx: Reader,
  workerIds: readonly string[],
  lanes: readonly Lane[],
): Promise<OverviewRow> {
  const [overview] = await tx.query<OverviewRow>(sql`
    WITH RECURSIVE heads AS (
      SELECT head.*
      FROM unnest(${lanes}::text[]) AS l(lane)
      CROSS JOIN LATERAL (
        SELECT t.lane, t.video_codec, t.priority, t.ready_at
        FROM tasks t
        WHERE t.status = 'ready' AND t.lane = l.lane
        ORDER BY t.video_codec, t.priority, t.ready_at
        LIMIT 1
      ) AS head
      UNION ALL
      SELECT head.*
      FROM heads h
      CROSS JOIN LATERAL (
        SELECT t.lane, t.video_codec, t.priority, t.ready_at
        FROM tasks t
        WHERE t.status = 'ready' AND t.lane = h.lane
          AND (t.video_codec, t.priority) > (h.video_codec, h.priority)
        ORDER BY t.video_codec, t.priority, t.ready_at
        LIMIT 1
      ) AS head
    ),
      fleet AS (
        SELECT ${fleetColumns}
        FROM workers
        WHERE status IN ('healthy', 'degraded')
        UNION ALL
        SELECT ${fleetColumns}
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
          'videoCodec', video_codec,
          'priority', priority,
          'waitedMs', extract(epoch FROM now() - ready_at)::float8 * 1000
        )), '[]')
        FROM heads
      ) AS heads,
      ${encoderRules} AS rules`)
  return overview!
}

const fleetColumns =
  sql`id, region, status, session, coalesce(capabilities->'lanes', '[]') AS lanes,
  CASE WHEN encoders_session = session THEN encoders_key END AS "encodersKey"`

/** Tasks of one owner in one region on one lane that need one encoder, at the priority that is looked at. */
interface Queue extends OwnerLoad, EncoderNeed {
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
  heads: readonly PriorityHead[],
  want: number,
): Promise<Candidates> {
  const queues = await readQueues(tx, heads)
  const possible = widths.filter(({ tasks }) => tasks * queues.length <= maxRows)
  const widest = possible.at(-1)!
  const { tasks: width, limit } = possible.find(({ tasks }) => tasks * queues.length >= want) ??
    widest
  const rows = await tx.query<ReadyTask>(sql`
    ${longestWaits(queues, heads, limit)}
    UNION ALL
    ${earliestDeadlines(heads, limit)}
    ${queues.length < maxQueues ? nothing : sql`UNION ALL ${oldest(heads)}`}`)
  return {
    tasks: [...new Map(rows.map((task) => [task.id, task])).values()],
    loads: new Map(queues.map((queue) => [queue.owner, queue])),
    isAll: rows.length < width || width === widest.tasks,
  }
}

/** The heads as a table of lanes and encoders. */
function tableOf(heads: readonly EncoderNeed[]): Statement {
  return sql`unnest(
    ${heads.map(({ lane }) => lane)}::text[],
    ${heads.map(({ videoCodec }) => videoCodec)}::text[]
  ) AS l(lane, video_codec)`
}

/** The one priority of all these heads. */
function priorityOf(heads: readonly PriorityHead[]): number {
  const [head] = heads
  if (head === undefined) throw new RangeError('There must be a head where there are candidates')
  return head.priority
}

/** Steps from owner to owner and region to region of a lane and encoder. */
async function readQueues(tx: Reader, heads: readonly PriorityHead[]): Promise<Queue[]> {
  const priority = priorityOf(heads)
  return await tx.query<Queue>(sql`
    WITH RECURSIVE queues AS (
      SELECT head.*
      FROM ${tableOf(heads)}
      CROSS JOIN LATERAL (
        SELECT t.lane, t.video_codec, t.owner, t.region
        FROM tasks t
        WHERE t.status = 'ready' AND t.lane = l.lane AND t.video_codec = l.video_codec
          AND t.priority = ${priority}::int
        ORDER BY t.owner, t.region
        LIMIT 1
      ) AS head
      UNION ALL
      SELECT head.*
      FROM queues q
      CROSS JOIN LATERAL (
        SELECT t.lane, t.video_codec, t.owner, t.region
        FROM tasks t
        WHERE t.status = 'ready' AND t.lane = q.lane AND t.video_codec = q.video_codec
          AND t.priority = ${priority}::int AND (t.owner, t.region) > (q.owner, q.region)
        ORDER BY t.owner, t.region
        LIMIT 1
      ) AS head
    ),
      seen AS MATERIALIZED (
        SELECT lane, video_codec, owner, region FROM queues LIMIT ${maxQueues}::int
      ),
      loads AS MATERIALIZED (${loadsOf(sql`seen`)})
    SELECT seen.lane, seen.video_codec AS "videoCodec", seen.owner, seen.region, loads.running, loads.weight
    FROM seen
    JOIN loads ON loads.owner = seen.owner`)
}

function longestWaits(
  queues: readonly Queue[],
  heads: readonly PriorityHead[],
  limit: Statement,
): Statement {
  return sql`
    SELECT waiting.*
    FROM unnest(
      ${queues.map(({ lane }) => lane)}::text[],
      ${queues.map(({ videoCodec }) => videoCodec)}::text[],
      ${queues.map(({ owner }) => owner)}::text[],
      ${queues.map(({ region }) => region)}::text[]
    ) AS q(lane, video_codec, owner, region)
    CROSS JOIN LATERAL (
      SELECT ${taskColumns}
      FROM tasks t
      WHERE t.status = 'ready' AND t.lane = q.lane AND t.video_codec = q.video_codec
        AND t.priority = ${priorityOf(heads)}::int AND t.owner = q.owner AND t.region = q.region
      ORDER BY t.ready_at
      LIMIT ${limit}
    ) AS waiting`
}

function earliestDeadlines(heads: readonly PriorityHead[], limit: Statement): Statement {
  return sql`
    SELECT pressing.*
    FROM ${tableOf(heads)}
    CROSS JOIN LATERAL (
      SELECT ${taskColumns}
      FROM tasks t
      WHERE t.status = 'ready' AND t.deadline IS NOT NULL AND t.lane = l.lane
        AND t.video_codec = l.video_codec AND t.priority = ${priorityOf(heads)}::int
      ORDER BY t.deadline
      LIMIT ${limit}
    ) AS pressing`
}

function oldest(heads: readonly PriorityHead[]): Statement {
  return sql`
    SELECT oldest.*
    FROM ${tableOf(heads)}
    CROSS JOIN LATERAL (
      SELECT ${taskColumns}
      FROM tasks t
      WHERE t.status = 'ready' AND t.lane = l.lane AND t.video_codec = l.video_codec
        AND t.priority = ${priorityOf(heads)}::int
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
