/** Routes of signing in and out with a browser: one-time links, user name and password, sign out. */
import { type Context, Hono } from 'hono'
import { html } from 'hono/html'
import type { AuthRequest } from '../../contract/auth.ts'
import { WebEncodeError } from '../../errors.ts'
import { noteAudit } from '../audit.ts'
import { isSameOrigin } from '../csrf.ts'
import type { AppEnv, HttpDeps } from '../deps.ts'
import { endSession, startSession } from '../sessions.ts'

/** Routes below `/auth`. The form of user name and password is a page of the UI, `/login`. */
export function signInRoutes(deps: HttpDeps) {
  return new Hono<AppEnv>()
    // Opening a link signs nobody in: chat programs open links to preview them. Pressing the button does.
    .get('/auth/link', (c) => c.html(linkPage(c.req.query('code') ?? '')))
    .post('/auth/link', async (c) => {
      const { code } = await formOf(c)
      return await signIn(c, { token: code ?? '', scheme: 'one-time' }, 'link')
    })
    .post('/auth/login', async (c) => {
      const { username = '', password = '', next } = await formOf(c)
      const token = Buffer.from(`${username}:${password}`).toString('base64')
      noteAudit(c, { actor: { id: null, name: username, role: null } })
      return await signIn(c, { token, scheme: 'basic' }, 'password', next)
    })
    .post('/auth/logout', async (c) => {
      await endSession(c, deps)
      return c.redirect('/login', 303)
    })

  async function signIn(
    c: Context<AppEnv>,
    credentials: Pick<AuthRequest, 'token' | 'scheme'>,
    kind: 'link' | 'password',
    next?: string,
  ): Promise<Response> {
    if (!isSameOrigin(c, deps.config)) {
      throw new WebEncodeError('WE-AUTH-003', 'Another site may not sign you in')
    }
    const clientIp = c.get('clientIp')
    const userAgent = c.req.header('user-agent') ?? ''
    const user = await deps.auth.authenticate({ ...credentials, clientIp, userAgent })
    if (!user.valid) {
      noteAudit(c, { action: 'auth.sign_in_failed', outcome: 'refused', detail: { kind } })
      deps.log.warn('sign-in refused', { kind, client_ip: clientIp })
      return refuse(c, kind)
    }
    await startSession(c, deps, user)
    const actor = { id: user.userId, name: user.username, role: user.role }
    noteAudit(c, { actor, detail: { kind } })
    deps.log.info('signed in', { kind, user_id: user.userId, client_ip: clientIp })
    return c.redirect(localPath(next), 303)
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

async function formOf(c: Context<AppEnv>): Promise<Partial<Record<string, string>>> {
  const body = await c.req.parseBody()
  return Object.fromEntries(
    Object.entries(body).filter((field): field is [string, string] => typeof field[1] === 'string'),
  )
}

/** A path of this server; anything that could lead elsewhere becomes the front page. */
function localPath(next: string | undefined): string {
  return next !== undefined && /^\/(?![/\\])[^\p{Cc}\\]*$/u.test(next) ? next : '/'
}

function linkPage(code: string) {
  return html`<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Sign in · WebEncode</title>
    <link rel="stylesheet" href="/assets/app.css">
  </head>
  <body class="grid min-h-screen place-items-center p-6">
    <main class="card p-8 text-center">
      <h1 class="mb-4 text-xl font-semibold">WebEncode</h1>
      <form method="post" action="/auth/link">
        <input type="hidden" name="code" value="${code}">
        <button class="btn" type="submit" autofocus>Sign in</button>
      </form>
    </main>
  </body>
</html>`
}
