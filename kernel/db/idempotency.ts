/** Idempotency keys: which job a user's key stands for. */
import { type Database, type Reader, sql, type Writer } from './database.ts'

/** What a key stands for. */
export interface IdempotencyEntry {
  /** Hash of the request that came with the key first; another request with the same key is a mistake. */
  readonly requestHash: string
  readonly jobId: string
}

/** What the user's key stands for; undefined when it is new. */
export async function readIdempotencyKey(
  db: Reader,
  userId: string,
  key: string,
): Promise<IdempotencyEntry | undefined> {
  const [row] = await db.query<IdempotencyEntry>(sql`
    SELECT request_hash AS "requestHash", job_id AS "jobId"
    FROM idempotency_keys
    WHERE user_id = ${userId} AND key = ${key}`)
  return row
}

/**
 * Claims the key for a job, unless it stands for one already.
 * @returns what the key stands for now: `entry`, or what was there before
 */
export async function insertIdempotencyKey(
  tx: Writer | Database,
  userId: string,
  key: string,
  entry: IdempotencyEntry,
): Promise<IdempotencyEntry> {
  // The empty update makes a conflicting row visible to RETURNING, also when another transaction has just inserted it.
  const [row] = await tx.query<IdempotencyEntry>(sql`
    INSERT INTO idempotency_keys (user_id, key, request_hash, job_id)
    VALUES (${userId}, ${key}, ${entry.requestHash}, ${entry.jobId})
    ON CONFLICT (user_id, key) DO UPDATE SET key = excluded.key
    RETURNING request_hash AS "requestHash", job_id AS "jobId"`)
  return row ?? entry
}

/** Removes keys older than `olderThanMs`. @returns how many */
export async function pruneIdempotencyKeys(db: Database, olderThanMs: number): Promise<number> {
  const rows = await db.query(sql`
    DELETE FROM idempotency_keys
    WHERE at < now() - make_interval(secs => ${olderThanMs / 1000}::float8)
    RETURNING key`)
  return rows.length
}
