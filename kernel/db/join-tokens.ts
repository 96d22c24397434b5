/** One-time join tokens: made by admins, used by one worker each, kept as hashes. */
import type { JoinTokenView } from '../contract/worker.ts'
import { type Database, type Reader, sql, type Writer } from './database.ts'

/** Who wants to join with a token. */
export interface TokenUse {
  readonly tokenHash: string
  readonly workerId: string
  readonly session: string
}

/** Why a token does not let a worker in. */
export type TokenProblem = 'unknown' | 'expired' | 'used'

/** Expired tokens are shown for this long. */
const keepDays = 7

/** Keeps a new token for `seconds` of the database clock, and forgets those that expired a week ago. */
export async function insertJoinToken(
  db: Database,
  token: { id: string; tokenHash: string; createdBy: string; seconds: number },
): Promise<JoinTokenView> {
  const [row] = await db.query<TokenRecord>(sql`
    WITH gone AS (DELETE FROM join_tokens WHERE expires_at < now() - make_interval(days => ${keepDays}::int))
    INSERT INTO join_tokens (id, token_hash, created_by, expires_at)
    VALUES (${token.id}, ${token.tokenHash}, ${token.createdBy}, now() + make_interval(secs => ${token.seconds}::float8))
    RETURNING ${tokenColumns}`)
  if (row === undefined) {
    throw new TypeError('insertJoinToken: an INSERT with RETURNING answers a row')
  }
  return tokenViewFrom(row)
}

/** All tokens, the newest first. */
export async function listJoinTokens(db: Reader): Promise<JoinTokenView[]> {
  const rows = await db.query<TokenRecord>(
    sql`SELECT ${tokenColumns} FROM join_tokens ORDER BY created_at DESC, id`,
  )
  return rows.map(tokenViewFrom)
}

/** Takes a token back; who joined with it stays. @returns false when there is none */
export async function deleteJoinToken(db: Database, id: string): Promise<boolean> {
  const rows = await db.query(sql`DELETE FROM join_tokens WHERE id = ${id} RETURNING id`)
  return rows.length === 1
}

/**
 * Uses a token up. The same process may use it again: the answer to its first question may have been lost.
 * @returns why not; undefined when the worker may join
 */
export async function useJoinToken(
  tx: Writer,
  { tokenHash, workerId, session }: TokenUse,
): Promise<TokenProblem | undefined> {
  const used = await tx.query(sql`
    UPDATE join_tokens
    SET used_at = coalesce(used_at, now()), used_by = ${workerId}, used_session = ${session}
    WHERE token_hash = ${tokenHash} AND expires_at > now()
      AND (used_at IS NULL OR (used_by = ${workerId} AND used_session = ${session}))
    RETURNING id`)
  if (used.length === 1) return undefined
  const [found] = await tx.query<{ isUsed: boolean }>(sql`
    SELECT used_at IS NOT NULL AS "isUsed" FROM join_tokens WHERE token_hash = ${tokenHash}`)
  if (found === undefined) return 'unknown'
  return found.isUsed ? 'used' : 'expired'
}

interface TokenRecord extends Pick<JoinTokenView, 'id' | 'created_by' | 'used_by'> {
  readonly created_at: Date
  readonly expires_at: Date
  readonly used_at: Date | null
}

const tokenColumns = sql`id, created_by, created_at, expires_at, used_at, used_by`

function tokenViewFrom({ created_at, expires_at, used_at, ...row }: TokenRecord): JoinTokenView {
  return {
    ...row,
    created_at: created_at.toISOString(),
    expires_at: expires_at.toISOString(),
    used_at: used_at?.toISOString() ?? null,
  }
}
