/** Wrong passwords in a row, by account and by address: whoever has too many is locked out for a while, on every kernel. */
import { type Database, type Reader, sql } from './database.ts'

/** After `free` failures each further one locks for `firstSeconds`, twice as long each time, up to `mostSeconds`. */
export interface LockRule {
  readonly free: number
  readonly firstSeconds: number
  readonly mostSeconds: number
}

/** Failures older than this are forgotten. */
const memorySeconds = 3600

/** Seconds until the last of these locks opens; 0 when none is locked. */
export async function readLockSeconds(db: Reader, subjects: readonly string[]): Promise<number> {
  const [row] = await db.query<{ seconds: number }>(sql`
    SELECT coalesce(ceil(extract(epoch FROM max(locked_until) - now())), 0)::int AS seconds
    FROM sign_in_failures
    WHERE subject = ANY(${subjects}::text[]) AND locked_until > now()`)
  return row?.seconds ?? 0
}

/** Counts a failure, and locks when there were too many. */
export async function noteSignInFailure(
  db: Database,
  subject: string,
  { free, firstSeconds, mostSeconds }: LockRule,
): Promise<void> {
  // Beyond thirty doublings the longest lock is reached whatever the rule, and a power would overflow.
  await db.query(sql`
    INSERT INTO sign_in_failures AS f (subject, failures)
    VALUES (${subject}, 1)
    ON CONFLICT (subject) DO UPDATE
    SET failures = CASE WHEN f.last_at < now() - make_interval(secs => ${memorySeconds}::float8) THEN 1
          ELSE f.failures + 1 END,
      last_at = now(),
      locked_until = CASE
        WHEN f.last_at < now() - make_interval(secs => ${memorySeconds}::float8) OR f.failures + 1 < ${free}::int THEN NULL
        ELSE now() + make_interval(secs => least(${mostSeconds}::float8,
          ${firstSeconds}::float8 * power(2, least(30, f.failures + 1 - ${free}::int)))) END`)
}

/** A right password: what was wrong before is forgiven. */
export async function forgetSignInFailures(db: Database, subject: string): Promise<void> {
  await db.query(sql`DELETE FROM sign_in_failures WHERE subject = ${subject}`)
}

/** Forgets failures that count no more. */
export async function deleteOldSignInFailures(db: Database): Promise<void> {
  await db.query(sql`
    DELETE FROM sign_in_failures
    WHERE last_at < now() - make_interval(secs => ${memorySeconds}::float8)
      AND (locked_until IS NULL OR locked_until < now())`)
}
