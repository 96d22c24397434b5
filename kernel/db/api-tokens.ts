/** API tokens that people made for their programs, kept as hashes. */
import type { Role } from '../contract/auth.ts'
import type { ApiTokenView } from '../contract/token.ts'
import { type Database, type Reader, sql } from './database.ts'

/** A token that was shown just now. */
export interface ShownToken {
  readonly id: string
  readonly userId: string
  readonly username: string
  /** At most this; less when their user has less. */
  readonly role: Role
  readonly isExpired: boolean
}

/** Tokens of one user. */
export const mostTokens = 100

/** Keeps a new token. @returns undefined when its user has {@link mostTokens} already */
export async function insertApiToken(
  db: Database,
  token: {
    id: string
    tokenHash: string
    userId: string
    username: string
    name: string
    role: Role
    /** 0: does not expire. */
    seconds: number
  },
): Promise<ApiTokenView | undefined> {
  const [row] = await db.query<TokenRecord>(sql`
    INSERT INTO api_tokens (id, token_hash, user_id, username, name, role, expires_at)
    SELECT ${token.id}, ${token.tokenHash}, ${token.userId}, ${token.username}, ${token.name}, ${token.role},
      CASE WHEN ${token.seconds}::float8 > 0 THEN now() + make_interval(secs => ${token.seconds}::float8) END
    WHERE (SELECT count(*) FROM api_tokens WHERE user_id = ${token.userId}) < ${mostTokens}::int
    RETURNING ${tokenColumns}`)
  return row && tokenViewFrom(row)
}

/** The tokens of a user, the newest first. */
export async function listApiTokens(db: Reader, userId: string): Promise<ApiTokenView[]> {
  const rows = await db.query<TokenRecord>(sql`
    SELECT ${tokenColumns}
    FROM api_tokens
    WHERE user_id = ${userId}
    ORDER BY created_at DESC, id`)
  return rows.map(tokenViewFrom)
}

/** Whose token this is. Notes once a minute that it is in use. */
export async function useApiToken(
  db: Database,
  tokenHash: string,
): Promise<ShownToken | undefined> {
  const [row] = await db.query<ShownToken & { isNoted: boolean }>(sql`
    SELECT id, user_id AS "userId", username, role, coalesce(expires_at <= now(), false) AS "isExpired",
      coalesce(last_used_at > now() - interval '1 minute', false) AS "isNoted"
    FROM api_tokens
    WHERE token_hash = ${tokenHash}`)
  if (row === undefined) return undefined
  const { isNoted, ...token } = row
  if (!isNoted && !token.isExpired) {
    await db.query(sql`UPDATE api_tokens SET last_used_at = now() WHERE id = ${token.id}`)
  }
  return token
}

/** Takes one of a user's tokens back. @returns false when there is none */
export async function deleteApiToken(
  db: Database,
  userId: string,
  id: string,
): Promise<boolean> {
  const rows = await db.query(
    sql`DELETE FROM api_tokens WHERE id = ${id} AND user_id = ${userId} RETURNING id`,
  )
  return rows.length === 1
}

/** Takes all tokens of a user back. @returns how many */
export async function deleteUserApiTokens(db: Database, userId: string): Promise<number> {
  const rows = await db.query(sql`DELETE FROM api_tokens WHERE user_id = ${userId} RETURNING id`)
  return rows.length
}

interface TokenRecord extends Pick<ApiTokenView, 'id' | 'name' | 'role'> {
  readonly created_at: Date
  readonly expires_at: Date | null
  readonly last_used_at: Date | null
}

const tokenColumns = sql`id, name, role, created_at, expires_at, last_used_at`

function tokenViewFrom(
  { created_at, expires_at, last_used_at, ...row }: TokenRecord,
): ApiTokenView {
  return {
    ...row,
    created_at: created_at.toISOString(),
    expires_at: expires_at?.toISOString() ?? null,
    last_used_at: last_used_at?.toISOString() ?? null,
  }
}
