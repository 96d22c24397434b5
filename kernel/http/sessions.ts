/** Sign-in sessions of browsers: a random cookie, of which only the hash is kept. */
import { createHash, randomBytes } from 'node:crypto'
import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { AuthResponse } from '../contract/auth.ts'
import { deleteSession, insertSession, readSession } from '../db/sessions.ts'
import { WebEncodeError } from '../errors.ts'
import type { AppEnv, HttpDeps, Identity } from './deps.ts'

export const sessionCookie = 'webencode_session'

type SessionDeps = Pick<HttpDeps, 'db' | 'auth' | 'clock' | 'config'>

/** Signs a user in: makes the session and sets its cookie. */
export async function startSession(
  c: Context<AppEnv>,
  deps: SessionDeps,
  user: AuthResponse,
): Promise<void> {
  const value = randomBytes(32).toString('base64url')
  const maxAge = deps.config.sessionHours * 3600
  await insertSession(deps.db, {
    idHash: hashOf(value),
    userId: user.userId,
    username: user.username,
    role: user.role,
    csrfToken: randomBytes(24).toString('base64url'),
    expiresAt: new Date(deps.clock.now() + maxAge * 1000),
  })
  setCookie(c, sessionCookie, value, {
    path: '/',
    httpOnly: true,
    sameSite: 'Lax',
    secure: isSecure(c, deps),
    maxAge,
  })
}

/** Signs the browser out. */
export async function endSession(c: Context<AppEnv>, deps: SessionDeps): Promise<void> {
  const value = sessionOf(c)
  if (value !== undefined) await deleteSession(deps.db, hashOf(value))
  deleteCookie(c, sessionCookie, { path: '/' })
}

/** The value of the session's cookie. */
export function sessionOf(c: Context<AppEnv>): string | undefined {
  return getCookie(c, sessionCookie)
}

/** Who a cookie's value stands for, with the role they have now. @throws WE-AUTH-002 when the session ended or its user is gone */
export async function identifySession(
  value: string,
  correlationId: string,
  deps: SessionDeps,
): Promise<Identity> {
  const session = await readSession(deps.db, hashOf(value))
  const user = session && await deps.auth.getUserProfile(session.userId)
  if (session === undefined || user === undefined) {
    throw new WebEncodeError('WE-AUTH-002', 'Your session has ended; sign in again')
  }
  const { userId, username, role } = user
  const caller = { userId, username, role, correlationId }
  return { caller, via: 'session', csrfToken: session.csrfToken }
}

function isSecure(c: Context<AppEnv>, { config }: SessionDeps): boolean {
  if (config.publicUrl !== null) return config.publicUrl.startsWith('https:')
  const forwarded = config.trustProxy ? c.req.header('x-forwarded-proto') : undefined
  return (forwarded ?? new URL(c.req.url).protocol.slice(0, -1)) === 'https'
}

function hashOf(value: string): string {
  return createHash('sha256').update(value).digest('hex')
}
