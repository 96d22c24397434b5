/** Routes of signing in at an identity provider: the way there, the way back, and its word that a session has ended. */
import { createHash, randomBytes } from 'node:crypto'
import { type Context, Hono } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { z } from 'zod'
import type { RedirectSecrets, RedirectSignIn } from '../../contract/auth.ts'
import { insertRedirectSignIn, takeRedirectSignIn } from '../../db/redirect-sign-ins.ts'
import { deleteProviderSessions, deleteUserSessions } from '../../db/sessions.ts'
import { revokeTokens, takeLogoutNotice } from '../../db/token-revocations.ts'
import { WebEncodeError } from '../../errors.ts'
import { noteAudit } from '../audit.ts'
import type { AppEnv, HttpDeps } from '../deps.ts'
import { readForm } from '../form.ts'
import { localPath, ownUrl } from '../local-path.ts'
import { seal, unseal } from '../seal.ts'
import { isSecure, startSession } from '../sessions.ts'

const purpose = 'sign-in secrets'
/** How long people may take at the provider. */
const waitSeconds = 10 * 60
/** Sign-ins under way; strangers can begin them. */
const mostWaiting = 10_000
const callbackPath = '/auth/oidc/callback'

const secretsSchema = z.strictObject({
  state: z.string(),
  nonce: z.string(),
  codeVerifier: z.string(),
})

/** Routes below `/auth/oidc`. */
export function redirectSignInRoutes(deps: HttpDeps) {
  const { db, log } = deps
  return new Hono<AppEnv>()
    .get('/auth/oidc/start', async (c) => {
      const { url, secrets } = await providerOf(deps).start({
        redirectUri: ownUrl(c, deps, callbackPath),
      })
      await keepSecrets(c, deps, secrets, localPath(c.req.query('next')))
      return c.redirect(url, 302)
    })
    .get(callbackPath, async (c) => {
      const provider = providerOf(deps)
      const pending = await takeSecrets(c, deps)
      const callbackUrl = ownUrl(c, deps, callbackPath) + new URL(c.req.url).search
      const user = pending && await provider.finish({ callbackUrl, secrets: pending.secrets })
      const clientIp = c.get('clientIp')
      if (pending === undefined || !user?.valid) {
        log.warn('sign-in refused', { kind: 'provider', client_ip: clientIp })
        noteAudit(c, {
          action: 'auth.sign_in_failed',
          outcome: 'refused',
          detail: { kind: 'provider' },
        })
        return c.redirect('/login?error=provider', 303)
      }
      await startSession(c, deps, user)
      const actor = { id: user.userId, name: user.username, role: user.role }
      noteAudit(c, { actor, detail: { kind: 'provider' } })
      log.info('signed in', { kind: 'provider', user_id: user.userId, client_ip: clientIp })
      return c.redirect(pending.next, 303)
    })
    // What to answer is fixed by OpenID Connect Back-Channel Logout 1.0, 2.8.
    .post('/auth/oidc/backchannel-logout', async (c) => {
      const { logout_token: token } = await readForm(c)
      const notice = token !== undefined
        ? await providerOf(deps).readLogoutNotice(token)
        : undefined
      c.header('Cache-Control', 'no-store')
      if (notice === undefined) return c.json({ error: 'invalid_request' }, 400)
      const { noticeId, expiresAtUnix, userId, sessionId } = notice
      if (await takeLogoutNotice(db, noticeId, expiresAtUnix)) {
        const ended = await endProviderSession(deps, { userId, sessionId })
        log.info('the identity provider ended a session', { user_id: userId, sessions: ended })
      }
      return c.body(null, 200)
    })
}

/** Ends one session when the provider names it, else all of the user. @returns how many */
async function endProviderSession(
  { db }: HttpDeps,
  { userId, sessionId }: { userId?: string | undefined; sessionId?: string | undefined },
): Promise<number> {
  if (sessionId !== undefined) {
    await revokeTokens(db, `session:${sessionId}`)
    return await deleteProviderSessions(db, sessionId)
  }
  if (userId === undefined) return 0
  await revokeTokens(db, `user:${userId}`)
  return await deleteUserSessions(db, userId)
}

/** In the database, so that the browser may come back to another kernel; readable with the cookie of that browser only. */
async function keepSecrets(
  c: Context<AppEnv>,
  deps: HttpDeps,
  secrets: RedirectSecrets,
  next: string,
): Promise<void> {
  const cookie = randomBytes(32).toString('base64url')
  const sealed = seal(cookie, purpose, JSON.stringify(secrets))
  const pending = { stateHash: hashOf(secrets.state), sealed, next }
  const limits = { seconds: waitSeconds, most: mostWaiting }
  if (!await insertRedirectSignIn(deps.db, pending, limits)) {
    throw new WebEncodeError('WE-SYS-004', 'Too many sign-ins are under way', {
      retryAfterSeconds: 60,
    })
  }
  setCookie(c, cookieNameOf(secrets.state), cookie, {
    path: '/auth/oidc',
    httpOnly: true,
    sameSite: 'Lax',
    secure: isSecure(c, deps),
    maxAge: waitSeconds,
  })
}

/** What was kept under the state that came back; undefined the second time, and for another browser. */
async function takeSecrets(
  c: Context<AppEnv>,
  { db }: HttpDeps,
): Promise<{ secrets: RedirectSecrets; next: string } | undefined> {
  const state = c.req.query('state')
  const cookie = state === undefined ? undefined : getCookie(c, cookieNameOf(state))
  if (state === undefined || cookie === undefined) return undefined
  deleteCookie(c, cookieNameOf(state), { path: '/auth/oidc' })
  const pending = await takeRedirectSignIn(db, hashOf(state))
  const text = pending && unseal(cookie, purpose, pending.sealed)
  if (pending === undefined || text === undefined) return undefined
  return { secrets: secretsSchema.parse(JSON.parse(text)), next: pending.next }
}

/**
 * The cookie proves that the browser that comes back is the one that was sent. Each sign-in has its own, so that two tabs
 * of one browser do not take each other's.
 */
function cookieNameOf(state: string): string {
  return `webencode_sign_in_${hashOf(state).slice(0, 12)}`
}

/** @throws WE-SYS-007 where no provider is configured */
function providerOf({ redirectSignIn }: HttpDeps): RedirectSignIn {
  if (redirectSignIn !== undefined) return redirectSignIn
  throw new WebEncodeError('WE-SYS-007', 'No identity provider is configured')
}

function hashOf(state: string): string {
  return createHash('sha256').update(state).digest('hex')
}
