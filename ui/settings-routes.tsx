/** Addresses of one's own API tokens, and of the users and their sessions. */
import { type Context, Hono } from 'hono'
import { type Role, roles } from '../kernel/contract/auth.ts'
import { issueSentence } from '../kernel/contract/issue-words.ts'
import {
  type ApiTokenWish,
  apiTokenWishSchema,
  type NewApiToken,
} from '../kernel/contract/token.ts'
import { type AddedUser, type NewUser, newUserSchema } from '../kernel/contract/user.ts'
import { listApiTokens } from '../kernel/db/api-tokens.ts'
import { deleteSession, type Session } from '../kernel/db/sessions.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import { createApiToken, removeApiToken } from '../kernel/http/api-tokens.ts'
import { noteAudit } from '../kernel/http/audit.ts'
import { csrfToken, currentCaller } from '../kernel/http/auth.ts'
import type { AppEnv } from '../kernel/http/deps.ts'
import { readForm } from '../kernel/http/form.ts'
import { statusOf } from '../kernel/http/problem.ts'
import { endUserSessions, isOwnSession } from '../kernel/http/sessions.ts'
import { addUser, removeUser, setUserRole, takeBackTokens } from '../kernel/http/users.ts'
import type { Assets } from './assets.ts'
import { formatCount } from './components/format.ts'
import type { UiDeps } from './deps.ts'
import { act, redirectWithNotice } from './notice.ts'
import { page } from './page.ts'
import { TokensPage, type TokensView } from './pages/tokens.tsx'
import { loadUsers, type UserForm, UsersPage } from './pages/users.tsx'

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
  const show = async (c: Context<AppEnv>, shown?: { added?: AddedUser; form?: UserForm }) => {
    const isOwn = (session: Session) => isOwnSession(c, session)
    const view = await loadUsers(deps, csrfToken(c), isOwn, shown)
    return await page(c, assets, 'Users', <UsersPage view={view} />)
  }
  return new Hono<AppEnv>()
    .get('/settings/users', (c) => show(c))
    // Not a redirect: the token is shown this once, and kept nowhere.
    .post('/settings/users', async (c) => {
      const typed = await typedUserOf(c)
      try {
        const wish = newUserFrom(typed)
        noteAudit(c, { detail: { username: wish.username, role: wish.role } })
        const added = await addUser(deps, wish)
        noteAudit(c, { resourceId: added.id })
        const shown = await show(c, { added })
        shown.headers.set('Cache-Control', 'no-store')
        return shown
      } catch (failure) {
        if (!isRefusal(failure)) throw failure
        noteAudit(c, { detail: { error_code: failure.code } })
        c.status(422)
        const { username, role } = typed
        const errors = { [failure.path ?? 'username']: failure.message }
        return await show(c, { form: { username, role, errors } })
      }
    })
    .post('/settings/users/role', (c) =>
      act(c, '/settings/users', async () => {
        const role = await roleOf(c)
        noteAudit(c, { resourceId: userOf(c), detail: { role } })
        const { username } = await setUserRole(deps, userOf(c), role)
        return { text: `${username} is ${role} from now on.` }
      }))
    .post('/settings/users/delete', (c) =>
      act(c, '/settings/users', async () => {
        noteAudit(c, { resourceId: userOf(c) })
        await removeUser(deps, userOf(c))
        return { text: 'The user is gone, with their sessions and tokens.' }
      }))
    .post('/settings/users/end-sessions', (c) =>
      act(c, '/settings/users', async () => {
        noteAudit(c, { resourceId: userOf(c) })
        const ended = await endUserSessions(deps, userOf(c))
        return { text: `${formatCount(ended, 'session')} ended.` }
      }))
    .post('/settings/users/take-back-tokens', (c) =>
      act(c, '/settings/users', async () => {
        noteAudit(c, { resourceId: userOf(c) })
        const taken = await takeBackTokens(deps, currentCaller(c), userOf(c))
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
  const { name, role, expires_in_seconds: seconds } = await readForm(c)
  const parsed = apiTokenWishSchema.safeParse({
    name,
    ...(role !== undefined && { role }),
    ...(seconds !== undefined && seconds !== '' && { expires_in_seconds: Number(seconds) }),
  })
  return parsed.data ??
    `Cannot make the token: its ${parsed.error?.issues[0]?.path.join('.')} is not valid`
}

/** Who the form adds, as it was typed. */
async function typedUserOf(c: Context<AppEnv>) {
  const body = await readForm(c)
  const textOf = (name: string) => body[name] ?? ''
  return { username: textOf('username').trim(), role: textOf('role'), password: textOf('password') }
}

/** @throws WE-AUTH-007 when that cannot be */
function newUserFrom({ password, ...rest }: Awaited<ReturnType<typeof typedUserOf>>): NewUser {
  const parsed = newUserSchema.safeParse({ ...rest, ...(password !== '' && { password }) })
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new WebEncodeError('WE-AUTH-007', issue ? issueSentence(issue) : 'It is not valid', {
    path: issue?.path.join('.') ?? 'username',
  })
}

function isRefusal(failure: unknown): failure is WebEncodeError {
  return failure instanceof WebEncodeError && statusOf(failure.code) < 500
}

/** @throws WE-AUTH-007 */
async function roleOf(c: Context<AppEnv>): Promise<Role> {
  const { role } = await readForm(c)
  const known = roles.find((one) => one === role)
  if (known !== undefined) return known
  throw new WebEncodeError('WE-AUTH-007', `A role must be one of ${roles.join(', ')}`, {
    path: 'role',
  })
}

/** @throws WE-AUTH-006 */
function userOf(c: Context<AppEnv>): string {
  const user = c.req.query('user') ?? ''
  if (user !== '' && !user.includes('\0')) return user
  throw new WebEncodeError('WE-AUTH-006', 'No user is named')
}
