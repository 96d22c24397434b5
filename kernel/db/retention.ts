/** What may be deleted because its time is over. */
import { type Reader, sql } from './database.ts'

/** Jobs that ended more than `olderThanMs` ago, the oldest first. */
export async function listEndedJobIds(
  db: Reader,
  olderThanMs: number,
  limit: number,
): Promise<string[]> {
  const rows = await db.query<{ id: string }>(sql`
    SELECT id
    FROM jobs
    WHERE status IN ('completed', 'failed', 'cancelled')
      AND finished_at < now() - make_interval(secs => ${olderThanMs / 1000}::float8)
    ORDER BY finished_at
    LIMIT ${limit}`)
  return rows.map((row) => row.id)
}

/** Those of the source URLs that a job which has not ended still needs. */
export async function listUsedSources(
  db: Reader,
  sourceUrls: readonly string[],
): Promise<Set<string>> {
  const rows = await db.query<{ source_url: string }>(sql`
    SELECT DISTINCT source_url
    FROM jobs
    WHERE source_url = ANY(${sourceUrls}::text[])
      AND status NOT IN ('completed', 'failed', 'cancelled')`)
  return new Set(rows.map((row) => row.source_url))
}
