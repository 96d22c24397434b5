/** Routes of signing in and out with a browser: one-time links, user name and password, sign out here and at the provider. */
import { type Context, Hono } from 'hono'
import type { AuthRequest } from '../../contract/auth.ts'
import { WebEncodeError } from '../../errors.ts'
import { noteAudit } from '../audit.ts'
import { checkOrigin } from '../csrf.ts'
import type { AppEnv, HttpDeps } from '../deps.ts'
import { readForm } from '../form.ts'
import { localPath, ownUrl } from '../local-path.ts'
import { noteFailure, noteSuccess, refuseLocked } from '../lock-out.ts'
import { endSession, startSession } from '../sessions.ts'
import { leavePage, linkPage } from '../sign-in-pages.ts'

/** Routes below `/auth`. The form of user name and password is a page of the UI, `/login`. */
export function signInRoutes(deps: HttpDeps) {
  return new Hono<AppEnv>()
    // Opening a link signs nobody in: chat programs open links to preview them. Pressing the button does.
    .get('/auth/link', (c) => c.html(linkPage(c.req.query('code') ?? '')))
    .post('/auth/link', async (c) => {
      const { code } = await readForm(c)
      return await signIn(c, { token: code ?? '', scheme: 'one-time' }, 'link')
    })
    .post('/auth/login', async (c) => {
      const { username = '', password = '', next } = await readForm(c)
      const token = Buffer.from(`${username}:${password}`).toString('base64')
      noteAudit(c, { actor: { id: null, name: username, role: null } })
      return await signIn(c, { token, scheme: 'basic', username }, 'password', next)
    })
    .post('/auth/logout', async (c) => {
      const { idToken } = await endSession(c, deps)
      const url = idToken === undefined ? undefined : await providerLogoutUrl(c, idToken)
      return url === undefined ? c.redirect('/login', 303) : c.html(leavePage(url))
    })

  async function signIn(
    c: Context<AppEnv>,
    { username, ...credentials }: Pick<AuthRequest, 'token' | 'scheme'> & {
      readonly username?: string
    },
    kind: 'link' | 'password',
    next?: string,
  ): Promise<Response> {
    checkOrigin(c, deps.config)
    const clientIp = c.get('clientIp')
    const attempt = { clientIp, ...(username !== undefined && { username }) }
    await refuseLocked(deps.db, attempt)
    const userAgent = c.req.header('user-agent') ?? ''
    const user = await deps.auth.authenticate({ ...credentials, clientIp, userAgent })
    if (!user.valid) {
      noteAudit(c, { action: 'auth.sign_in_failed', outcome: 'refused', detail: { kind } })
      deps.log.warn('sign-in refused', { kind, client_ip: clientIp })
      await noteFailure(deps.db, attempt)
      return refuse(c, kind)
    }
    await noteSuccess(deps.db, attempt)
    await startSession(c, deps, user)
    const actor = { id: user.userId, name: user.username, role: user.role }
    noteAudit(c, { actor, detail: { kind } })
    deps.log.info('signed in', { kind, user_id: user.userId, client_ip: clientIp })
    return c.redirect(localPath(next), 303)
  }

  /** Where the session at the identity provider ends; the own one has ended already, whatever the provider does. */
  async function providerLogoutUrl(
    c: Context<AppEnv>,
    idToken: string,
  ): Promise<string | undefined> {
    try {
      return await deps.redirectSignIn?.logoutUrl({ idToken, returnUrl: ownUrl(c, deps, '/login') })
    } catch (error) {
      deps.log.warn('cannot end the session at the identity provider', { error })
      return undefined
    }
  }
}

/** A browser goes back to the form, which says why; a program gets the failure. */
function refuse(c: Context<AppEnv>, kind: 'link' | 'password'): Response {
  if (c.req.header('accept')?.includes('text/html')) return c.redirect(`/login?error=${kind}`, 303)
  throw new WebEncodeError(
    'WE-AUTH-001',
    kind === 'link'
      ? 'The sign-in link has expired or was used before'
      : 'The user name or the password is wrong',
  )
}
