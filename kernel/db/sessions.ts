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
  /** The session at the identity provider where it began. */
  readonly providerSession: string | null
  /** Tokens of the identity provider, encrypted under the cookie's value. */
  readonly sealed: string | null
  readonly clientIp: string
  readonly userAgent: string
  readonly createdAt: Date
  /** When the identity provider last said that the session goes on. */
  readonly renewedAt: Date
  readonly expiresAt: Date
}

type OptionalParts = 'providerSession' | 'sealed' | 'clientIp' | 'userAgent'

/** What a session begins with. */
export type NewSession =
  & Omit<Session, 'createdAt' | 'renewedAt' | OptionalParts>
  & Partial<Pick<Session, OptionalParts>>

/** Starts a session. @param session.expiresAt - after this moment of the database clock it no longer counts */
export async function insertSession(db: Database, session: NewSession): Promise<void> {
  const { providerSession = null, sealed = null, clientIp = '', userAgent = '' } = session
  await db.query(sql`
    INSERT INTO sessions (id_hash, user_id, username, role, csrf_token, expires_at, provider_session, sealed, client_ip,
      user_agent)
    VALUES (${session.idHash}, ${session.userId}, ${session.username}, ${session.role}, ${session.csrfToken},
      ${session.expiresAt}, ${providerSession}, ${sealed}, ${clientIp}, ${userAgent})`)
}

/** The session; undefined when there is none or it expired. */
export async function readSession(db: Reader, idHash: string): Promise<Session | undefined> {
  const [row] = await db.query<Session>(sql`
    SELECT ${sessionColumns}
    FROM sessions
    WHERE id_hash = ${idHash} AND expires_at > now()`)
  return row
}

/** Sessions that go on, those that began last first: of one user, or of everybody. */
export async function listSessions(
  db: Reader,
  { userId = null, limit = 500 }: { userId?: string | null; limit?: number } = {},
): Promise<Session[]> {
  return await db.query<Session>(sql`
    SELECT ${sessionColumns}
    FROM sessions
    WHERE expires_at > now() AND (${userId}::text IS NULL OR user_id = ${userId}::text)
    ORDER BY created_at DESC, id_hash
    LIMIT ${limit}`)
}

/**
 * Takes it upon the caller to ask the identity provider, when nobody has for `seconds`. One of many requests wins: a
 * refresh token that is used twice counts as stolen.
 */
export async function claimSessionCheck(
  db: Database,
  idHash: string,
  seconds: number,
): Promise<boolean> {
  const rows = await db.query(sql`
    UPDATE sessions
    SET checked_at = now()
    WHERE id_hash = ${idHash} AND checked_at <= now() - make_interval(secs => ${seconds}::float8)
    RETURNING id_hash`)
  return rows.length === 1
}

/** The identity provider said that the session goes on. */
export async function renewSession(
  db: Database,
  { idHash, role, sealed }: Pick<Session, 'idHash' | 'role' | 'sealed'>,
): Promise<void> {
  await db.query(sql`
    UPDATE sessions
    SET role = ${role}, sealed = ${sealed}, renewed_at = now()
    WHERE id_hash = ${idHash}`)
}

/** Ends one session; nothing happens when it is gone already. @returns whether it was there */
export async function deleteSession(db: Database, idHash: string): Promise<boolean> {
  const rows = await db.query(
    sql`DELETE FROM sessions WHERE id_hash = ${idHash} RETURNING id_hash`,
  )
  return rows.length === 1
}

/** Ends all sessions of a user. @returns how many */
export async function deleteUserSessions(db: Database, userId: string): Promise<number> {
  const rows = await db.query(sql`DELETE FROM sessions WHERE user_id = ${userId} RETURNING id_hash`)
  return rows.length
}

/** Ends the sessions that began with this one of the identity provider. @returns how many */
export async function deleteProviderSessions(
  db: Database,
  providerSession: string,
): Promise<number> {
  const rows = await db.query(
    sql`DELETE FROM sessions WHERE provider_session = ${providerSession} RETURNING id_hash`,
  )
  return rows.length
}

/** Removes sessions that expired. @returns how many */
export async function deleteExpiredSessions(db: Database): Promise<number> {
  const rows = await db.query(sql`DELETE FROM sessions WHERE expires_at <= now() RETURNING id_hash`)
  return rows.length
}

const sessionColumns = sql`id_hash AS "idHash", user_id AS "userId", username, role,
      csrf_token AS "csrfToken", provider_session AS "providerSession", sealed,
      client_ip AS "clientIp", user_agent AS "userAgent", created_at AS "createdAt",
      renewed_at AS "renewedAt", expires_at AS "expiresAt"`
