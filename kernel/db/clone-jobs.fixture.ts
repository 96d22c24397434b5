/** Many jobs out of one: copies the rows of a job that was really lived, for benchmarks and tests of large tables. */
import { type Database, sql, type Statement } from './database.ts'

export interface CloneOptions {
  readonly count: number
  /** Number of the first copy: a second call goes on where the one before ended. @default 1 */
  readonly first?: number
  /** Also its actors with their logs and inboxes, so that the engine can go on with the copies. */
  readonly withActors: boolean
  /** Seconds between the copies, into the past, the first one being the youngest. @default 1 */
  readonly everySeconds?: number
}

/** Copies made in one statement. */
const atOnce = 5000
const readModels = ['jobs', 'tasks'] as const
const actorTables = ['actors', 'event_log', 'inbox'] as const

/**
 * Copies a job `count` times under ids of its own: every row of its tables, with the id replaced wherever it stands, in
 * snapshots too. Times are moved into the past by whole copies. The planner's statistics are refreshed at the end.
 * @returns the ids, the youngest first
 */
export async function cloneJobs(
  db: Database,
  jobId: string,
  { count, first = 1, withActors, everySeconds = 1 }: CloneOptions,
): Promise<string[]> {
  const ids: string[] = []
  for (let from = first; from < first + count; from += atOnce) {
    const copies = Math.min(atOnce, first + count - from)
    for (const table of readModels) await db.query(copyOf(table, jobId, from, copies, everySeconds))
    if (withActors) {
      for (const table of actorTables) {
        await db.query(copyOf(table, jobId, from, copies, everySeconds))
      }
    }
    for (let i = 0; i < copies; i++) ids.push(cloneId(jobId, from + i))
  }
  // One by one: a statement may take a minute, and this is more than one for all of them.
  for (const table of [...readModels, ...actorTables]) await db.execute(`VACUUM ANALYZE ${table}`)
  return ids
}

/** The id of the `n`th copy: the id of the job with its end replaced. */
function cloneId(jobId: string, n: number): string {
  return `${jobId.slice(0, -8)}${n.toString(16).padStart(8, '0')}`
}

type Table = (typeof readModels)[number] | (typeof actorTables)[number]

/**
 * Whole rows through JSON, so that a column that a migration adds is copied too. The record is made in FROM: `(f()).*`
 * would call `f` once for each column.
 */
function copyOf(
  table: Table,
  jobId: string,
  from: number,
  copies: number,
  everySeconds: number,
): Statement {
  return sql`
    INSERT INTO ${name(table)}
    SELECT copy.*
    FROM (
      SELECT to_jsonb(t)::text AS row, (
        SELECT coalesce(jsonb_object_agg(key, value), '{}')
        FROM jsonb_each(to_jsonb(t))
        WHERE key = ANY(${shiftedColumns}::text[]) AND value <> 'null'
      ) AS times
      FROM ${name(table)} t
      WHERE ${ofJob(table, jobId)}
    ) original
    CROSS JOIN generate_series(${from}::int, ${from + copies - 1}::int) n
    CROSS JOIN LATERAL (
      SELECT coalesce(jsonb_object_agg(
        key, (value #>> '{}')::timestamptz - n * ${everySeconds}::float8 * interval '1 second'
      ), '{}') AS times
      FROM jsonb_each(original.times)
    ) shifted
    CROSS JOIN LATERAL jsonb_populate_record(
      NULL::${name(table)},
      replace(original.row, ${jobId}, left(${jobId}, -8) || lpad(to_hex(n), 8, '0'))::jsonb || shifted.times
    ) copy`
}

const shiftedColumns = ['created_at', 'updated_at', 'started_at', 'finished_at', 'at']

function ofJob(table: Table, jobId: string): Statement {
  const key = {
    jobs: 'id',
    tasks: 'job_id',
    actors: 'id',
    event_log: 'actor_id',
    inbox: 'actor_id',
  }
  const column = name(key[table])
  // The tasks of a job carry its id at the beginning of theirs.
  return sql`${column} = ${jobId} OR ${column} LIKE ${`${jobId}.%`}`
}

/** A table or column of the lists above. */
function name(text: string): Statement {
  return { text, values: [] }
}
