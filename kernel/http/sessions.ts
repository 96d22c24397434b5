/** Sign-in sessions of browsers: a random cookie, of which only the hash is kept. */
import { createHash, randomBytes } from 'node:crypto'
import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { RedirectedUser } from '../contract/auth.ts'
import { rememberUser } from '../db/known-users.ts'
import {
  deleteSession,
  deleteUserSessions,
  insertSession,
  readSession,
  type Session,
} from '../db/sessions.ts'
import { revokeTokens } from '../db/token-revocations.ts'
import { WebEncodeError } from '../errors.ts'
import { peerOf, proxyTest } from './client-address.ts'
import type { AppEnv, HttpDeps, Identity } from './deps.ts'
import { keepRenewed, openTokens, sealTokens } from './session-renewal.ts'

const sessionCookie = 'webencode_session'

type SessionDeps = Pick<HttpDeps, 'db' | 'auth' | 'clock' | 'config' | 'log'>

const longestUserAgent = 200

/** Signs a user in: makes the session and sets its cookie. A session that the browser had before ends. */
export async function startSession(
  c: Context<AppEnv>,
  deps: SessionDeps,
  user: RedirectedUser,
): Promise<void> {
  const { db, config, clock } = deps
  const before = sessionOf(c)
  if (before !== undefined) await deleteSession(db, hashOf(before))
  const value = randomBytes(32).toString('base64url')
  const maxAge = config.sessionHours * 3600
  await rememberUser(db, user)
  await insertSession(db, {
    idHash: hashOf(value),
    userId: user.userId,
    username: user.username,
    role: user.role,
    csrfToken: randomBytes(24).toString('base64url'),
    expiresAt: new Date(clock.now() + maxAge * 1000),
    providerSession: user.metadata['sid'] ?? null,
    sealed: sealTokens(value, user),
    clientIp: c.get('clientIp'),
    userAgent: (c.req.header('user-agent') ?? '').slice(0, longestUserAgent),
  })
  setCookie(c, sessionCookie, value, {
    path: '/',
    httpOnly: true,
    sameSite: 'Lax',
    secure: isSecure(c, deps),
    maxAge,
  })
}

/** Signs the browser out. @returns the ID token of the identity provider, when the session began there */
export async function endSession(
  c: Context<AppEnv>,
  { db }: SessionDeps,
): Promise<{ idToken?: string }> {
  const value = sessionOf(c)
  deleteCookie(c, sessionCookie, { path: '/' })
  if (value === undefined) return {}
  const session = await readSession(db, hashOf(value))
  await deleteSession(db, hashOf(value))
  const { idToken } = openTokens(value, session?.sealed ?? null)
  return idToken === undefined ? {} : { idToken }
}

/** Ends every session of a user, and refuses the identity provider's tokens that they have. @returns how many sessions */
export async function endUserSessions(
  { db, auth, log }: Pick<HttpDeps, 'db' | 'auth' | 'log'>,
  userId: string,
): Promise<number> {
  const ended = await deleteUserSessions(db, userId)
  await revokeTokens(db, `user:${userId}`)
  await auth.logout({ userId, allSessions: true })
  log.info('all sessions of a user ended', { user_id: userId, sessions: ended })
  return ended
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
  const found = await readSession(deps.db, hashOf(value))
  const session = found && await keepRenewed(deps, value, found)
  if (session === undefined) throw ended()
  const user = await deps.auth.getUserProfile(session.userId)
  if (user === undefined) throw ended()
  const { userId, username } = user
  // The provider's word at the last renewal; a token of the same user may say less of them.
  const role = session.sealed === null ? user.role : session.role
  const caller = { userId, username, role, correlationId }
  return { caller, via: 'session', csrfToken: session.csrfToken }
}

/** Whether cookies may be kept from connections in clear. */
export function isSecure(c: Context<AppEnv>, { config }: Pick<HttpDeps, 'config'>): boolean {
  if (config.publicUrl !== null) return config.publicUrl.startsWith('https:')
  const isBelieved = config.trustProxy || proxyTest(config.trustedProxies)(peerOf(c))
  const forwarded = isBelieved ? c.req.header('x-forwarded-proto') : undefined
  return (forwarded ?? new URL(c.req.url).protocol.slice(0, -1)) === 'https'
}

/** Which of these sessions is the request's own. */
export function isOwnSession(c: Context<AppEnv>, { idHash }: Session): boolean {
  const value = sessionOf(c)
  return value !== undefined && hashOf(value) === idHash
}

function ended(): WebEncodeError {
  return new WebEncodeError('WE-AUTH-002', 'Your session has ended; sign in again')
}

function hashOf(value: string): string {
  return createHash('sha256').update(value).digest('hex')
}
