/** Sign-in sessions: rows keyed by a hash of the cookie. */
import type { Role } from '../contract/auth.ts'
import { type Database, type Reader, sql } from './database.ts'

export interface Session {
  /** Hash of the cookie's value; the value itself is never stored. */
  readonly idHash: string
  readonly userId: string
  readonly username: string
  readonly role: Role
  readonly csrfToken: string
  readonly createdAt: Date
  readonly expiresAt: Date
}

/** Starts a session. @param session.expiresAt - after this moment of the database clock it no longer counts */
export async function insertSession(
  db: Database,
  session: Omit<Session, 'createdAt'>,
): Promise<void> {
  await db.query(sql`
    INSERT INTO sessions (id_hash, user_id, username, role, csrf_token, expires_at)
    VALUES (${session.idHash}, ${session.userId}, ${session.username}, ${session.role}, ${session.csrfToken}, ${session.expiresAt})`)
}

/** The session; undefined when there is none or it expired. */
export async function readSession(db: Reader, idHash: string): Promise<Session | undefined> {
  const [row] = await db.query<Session>(sql`
    SELECT id_hash AS "idHash", user_id AS "userId", username, role, csrf_token AS "csrfToken",
      created_at AS "createdAt", expires_at AS "expiresAt"
    FROM sessions
    WHERE id_hash = ${idHash} AND expires_at > now()`)
  return row
}

/** Ends one session; nothing happens when it is gone already. */
export async function deleteSession(db: Database, idHash: string): Promise<void> {
  await db.query(sql`DELETE FROM sessions WHERE id_hash = ${idHash}`)
}

/** Ends all sessions of a user. @returns how many */
export async function deleteUserSessions(db: Database, userId: string): Promise<number> {
  const rows = await db.query(sql`DELETE FROM sessions WHERE user_id = ${userId} RETURNING id_hash`)
  return rows.length
}

/** Removes sessions that expired. @returns how many */
export async function deleteExpiredSessions(db: Database): Promise<number> {
  const rows = await db.query(sql`DELETE FROM sessions WHERE expires_at <= now() RETURNING id_hash`)
  return rows.length
}
