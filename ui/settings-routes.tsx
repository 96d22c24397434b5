/** Addresses of one's own API tokens, and of the users and their sessions. */
import { type Context, Hono } from 'hono'
import {
  type ApiTokenWish,
  apiTokenWishSchema,
  type NewApiToken,
} from '../kernel/contract/token.ts'
import { deleteUserApiTokens, listApiTokens } from '../kernel/db/api-tokens.ts'
import { deleteSession } from '../kernel/db/sessions.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import { createApiToken, removeApiToken } from '../kernel/http/api-tokens.ts'
import { csrfToken, currentCaller } from '../kernel/http/auth.ts'
import type { AppEnv } from '../kernel/http/deps.ts'
import { endUserSessions, isOwnSession } from '../kernel/http/sessions.ts'
import type { Assets } from './assets.ts'
import { formatCount } from './components/format.ts'
import type { UiDeps } from './deps.ts'
import { act, redirectWithNotice } from './notice.ts'
import { page } from './page.ts'
import { TokensPage, type TokensView } from './pages/tokens.tsx'
import { loadUsers, UsersPage } from './pages/users.tsx'

/** Routes below `/settings`. */
export function settingsRoutes(deps: UiDeps, assets: Assets) {
  return new Hono<AppEnv>()
    .route('/', tokenPageRoutes(deps, assets))
    .route('/', userPageRoutes(deps, assets))
}

function tokenPageRoutes(deps: UiDeps, assets: Assets) {
  return new Hono<AppEnv>()
    .get(
      '/settings/tokens',
      async (c) => page(c, assets, 'API tokens', <TokensPage view={await tokensView(deps, c)} />),
    )
    // Not a redirect: the token is shown this once, and kept nowhere.
    .post('/settings/tokens', async (c) => {
      const wish = await wishOf(c)
      if (typeof wish === 'string') {
        return redirectWithNotice(c, '/settings/tokens', { tone: 'danger', text: wish })
      }
      const made = await createApiToken(deps, currentCaller(c), wish)
      const view = await tokensView(deps, c, made)
      const shown = await page(c, assets, 'API tokens', <TokensPage view={view} />)
      shown.headers.set('Cache-Control', 'no-store')
      return shown
    })
    .post('/settings/tokens/:id/delete', (c) =>
      act(c, '/settings/tokens', async () => {
        await removeApiToken(deps, currentCaller(c), c.req.param('id'))
        return { text: 'The token is refused from now on.' }
      }))
}

function userPageRoutes(deps: UiDeps, assets: Assets) {
  const { db, log } = deps
  return new Hono<AppEnv>()
    .get('/settings/users', async (c) => {
      const view = await loadUsers(deps, csrfToken(c), (session) => isOwnSession(c, session))
      return page(c, assets, 'Users', <UsersPage view={view} />)
    })
    .post('/settings/users/end-sessions', (c) =>
      act(c, '/settings/users', async () => {
        const ended = await endUserSessions(deps, userOf(c))
        return { text: `${formatCount(ended, 'session')} ended.` }
      }))
    .post('/settings/users/take-back-tokens', (c) =>
      act(c, '/settings/users', async () => {
        const userId = userOf(c)
        const taken = await deleteUserApiTokens(db, userId)
        log.info('API tokens of a user taken back', {
          user_id: userId,
          count: taken,
          by: currentCaller(c).userId,
        })
        return { text: `${formatCount(taken, 'token')} taken back.` }
      }))
    .post('/settings/sessions/:id/end', (c) =>
      act(c, '/settings/users', async () => {
        if (!await deleteSession(db, c.req.param('id'))) {
          throw new WebEncodeError('WE-AUTH-006', 'This session has ended already')
        }
        log.info('a session was ended', { by: currentCaller(c).userId })
        return { text: 'The session ended.' }
      }))
}

async function tokensView(
  { db, clock }: UiDeps,
  c: Context<AppEnv>,
  made?: NewApiToken,
): Promise<TokensView> {
  const { userId, role: ownRole } = currentCaller(c)
  const tokens = await listApiTokens(db, userId)
  return { tokens, made, ownRole, csrfToken: csrfToken(c), now: clock.now() }
}

/** What the form asks for; a sentence when that cannot be. */
async function wishOf(c: Context<AppEnv>): Promise<ApiTokenWish | string> {
  const { name, role, expires_in_seconds: seconds } = await c.req.parseBody()
  const parsed = apiTokenWishSchema.safeParse({
    name,
    ...(role !== undefined && { role }),
    ...(seconds !== undefined && seconds !== '' && { expires_in_seconds: Number(seconds) }),
  })
  return parsed.data ??
    `Cannot make the token: its ${parsed.error?.issues[0]?.path.join('.')} is not valid`
}

/** @throws WE-AUTH-006 */
function userOf(c: Context<AppEnv>): string {
  const user = c.req.query('user') ?? ''
  if (user !== '' && !user.includes('\0')) return user
  throw new WebEncodeError('WE-AUTH-006', 'No user is named')
}
