/** Tokens of identity providers that are refused before they expire, and the notices that said so. */
import { type Database, type Reader, sql } from './database.ts'

/** Revocations are kept this long: longer than any access token should live. */
const keepDays = 30

/** Whose tokens are refused: all of a user, or those of one session at the provider. */
export type RevokedSubject = `user:${string}` | `session:${string}`

/** Refuses the tokens of `subject` that were issued until now. */
export async function revokeTokens(db: Database, subject: RevokedSubject): Promise<void> {
  await db.query(sql`
    INSERT INTO token_revocations (subject, before)
    VALUES (${subject}, now())
    ON CONFLICT (subject) DO UPDATE
    SET before = greatest(token_revocations.before, excluded.before)`)
}

/** Whether a token of one of `subjects`, issued at this second, is refused. A session that ended never comes back. */
export async function isRevoked(
  db: Reader,
  subjects: readonly RevokedSubject[],
  issuedAtUnix: number,
): Promise<boolean> {
  const rows = await db.query(sql`
    SELECT subject
    FROM token_revocations
    WHERE subject = ANY(${subjects}::text[])
      AND (subject LIKE 'session:%' OR before >= to_timestamp(${issuedAtUnix}::float8))
    LIMIT 1`)
  return rows.length > 0
}

/** Takes a logout notice. @returns false when it was taken before */
export async function takeLogoutNotice(
  db: Database,
  id: string,
  expiresAtUnix: number,
): Promise<boolean> {
  const rows = await db.query(sql`
    WITH gone AS (DELETE FROM logout_notices WHERE expires_at < now())
    INSERT INTO logout_notices (id, expires_at)
    VALUES (${id}, to_timestamp(${expiresAtUnix}::float8))
    ON CONFLICT (id) DO NOTHING
    RETURNING id`)
  return rows.length === 1
}

/** Forgets revocations whose tokens have all expired. */
export async function deleteOldRevocations(db: Database): Promise<void> {
  await db.query(sql`
    DELETE FROM token_revocations WHERE before < now() - make_interval(days => ${keepDays}::int)`)
}
