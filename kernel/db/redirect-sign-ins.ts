/** Browsers that were sent to an identity provider and are not back yet. */
import { type Database, sql } from './database.ts'

export interface PendingSignIn {
  /** What the provider must say again, encrypted under a cookie of the browser. */
  readonly sealed: string
  /** Where the person wanted to go. */
  readonly next: string
}

/** Keeps a sign-in for `seconds`. @returns false when `most` of them wait already */
export async function insertRedirectSignIn(
  db: Database,
  { stateHash, sealed, next }: PendingSignIn & { readonly stateHash: string },
  { seconds, most }: { readonly seconds: number; readonly most: number },
): Promise<boolean> {
  const rows = await db.query(sql`
    WITH gone AS (DELETE FROM redirect_sign_ins WHERE expires_at < now())
    INSERT INTO redirect_sign_ins (state_hash, sealed, next, expires_at)
    SELECT ${stateHash}, ${sealed}, ${next}, now() + make_interval(secs => ${seconds}::float8)
    WHERE (SELECT count(*) FROM redirect_sign_ins WHERE expires_at >= now()) < ${most}::int
    RETURNING state_hash`)
  return rows.length === 1
}

/** Takes a sign-in, once: the second who brings the same state finds nothing. */
export async function takeRedirectSignIn(
  db: Database,
  stateHash: string,
): Promise<PendingSignIn | undefined> {
  const [row] = await db.query<PendingSignIn & { isFresh: boolean }>(sql`
    DELETE FROM redirect_sign_ins
    WHERE state_hash = ${stateHash}
    RETURNING sealed, next, expires_at > now() AS "isFresh"`)
  if (row === undefined || !row.isFresh) return undefined
  return { sealed: row.sealed, next: row.next }
}
