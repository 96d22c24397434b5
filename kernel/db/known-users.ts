/** Everybody who ever signed in, as they were the last time. */
import type { Role } from '../contract/auth.ts'
import { type Database, type Reader, sql } from './database.ts'

export interface KnownUser {
  readonly userId: string
  readonly username: string
  readonly email: string
  readonly role: Role
  readonly firstSeenAt: Date
  readonly lastLoginAt: Date
}

/** Somebody who may have sessions and tokens. */
export interface KnownUserCounts extends KnownUser {
  readonly sessions: number
  readonly tokens: number
}

/** Notes that somebody signed in, and who they are now. */
export async function rememberUser(
  db: Database,
  { userId, username, email, role }: Pick<KnownUser, 'userId' | 'username' | 'email' | 'role'>,
): Promise<void> {
  await db.query(sql`
    INSERT INTO known_users (user_id, username, email, role)
    VALUES (${userId}, ${username}, ${email}, ${role})
    ON CONFLICT (user_id) DO UPDATE
    SET username = excluded.username, email = excluded.email, role = excluded.role, last_login_at = now()`)
}

/** Notes that somebody came with a token: it tells the role of now, and often less of a name than signing in did. */
export async function rememberCaller(
  db: Database,
  { userId, username, email, role }: Pick<KnownUser, 'userId' | 'username' | 'email' | 'role'>,
): Promise<void> {
  await db.query(sql`
    INSERT INTO known_users (user_id, username, email, role)
    VALUES (${userId}, ${username}, ${email}, ${role})
    ON CONFLICT (user_id) DO UPDATE
    SET role = excluded.role, last_login_at = now()`)
}

export async function readKnownUser(db: Reader, userId: string): Promise<KnownUser | undefined> {
  const [row] = await db.query<KnownUser>(sql`
    SELECT ${userColumns} FROM known_users WHERE user_id = ${userId}`)
  return row
}

/** The known users by name, with what they have open. */
export async function listKnownUsers(db: Reader, limit: number): Promise<KnownUserCounts[]> {
  return await db.query<KnownUserCounts>(sql`
    SELECT ${userColumns},
      (SELECT count(*)::int FROM sessions s WHERE s.user_id = u.user_id AND s.expires_at > now()) AS sessions,
      (SELECT count(*)::int FROM api_tokens t
        WHERE t.user_id = u.user_id AND (t.expires_at IS NULL OR t.expires_at > now())) AS tokens
    FROM known_users u
    ORDER BY username, user_id
    LIMIT ${limit}`)
}

/** Forgets a user who was deleted. */
export async function forgetUser(db: Database, userId: string): Promise<void> {
  await db.query(sql`DELETE FROM known_users WHERE user_id = ${userId}`)
}

const userColumns = sql`user_id AS "userId", username, email, role,
      first_seen_at AS "firstSeenAt", last_login_at AS "lastLoginAt"`
