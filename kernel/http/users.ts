/** Who may sign in: everybody as a list, and what admins do with users, whether by API or by page. */
import type { Role, UserProfile } from '../contract/auth.ts'
import type { AddedUser, ListedUser, NewUser, UserView } from '../contract/user.ts'
import { deleteUserApiTokens } from '../db/api-tokens.ts'
import { forgetUser, type KnownUserCounts, listKnownUsers } from '../db/known-users.ts'
import { WebEncodeError } from '../errors.ts'
import type { Caller } from '../gateway.ts'
import type { HttpDeps } from './deps.ts'
import { endUserSessions } from './sessions.ts'

export type UserDeps = Pick<HttpDeps, 'db' | 'auth' | 'keptUsers' | 'log'>

/** Of those who signed in once, and of those who may but never did. */
const mostListed = 1000

/** Everybody who ever signed in, and who may but never did. By name. The role of now is right, else that of the last time. */
export async function listUsers(
  { db, auth, keptUsers }: Pick<UserDeps, 'db' | 'auth' | 'keptUsers'>,
): Promise<ListedUser[]> {
  const everybody = { page: 1, pageSize: mostListed }
  const [known, listed, kept] = await Promise.all([
    listKnownUsers(db, mostListed),
    auth.listUsers(everybody),
    keptUsers.listUsers(everybody),
  ])
  const now = new Map(listed.users.map((user) => [user.userId, user]))
  const seen = new Set(known.map(({ userId }) => userId))
  const own = new Set(kept.users.map(({ userId }) => userId))
  const strangers = listed.users.filter(({ userId }) => !seen.has(userId))
  return [
    ...known.map((user) => listedFrom(user, now.get(user.userId)?.role)),
    ...strangers.map((user) => listedFrom(user)),
  ]
    .map((user) => ({ ...user, is_kept_here: own.has(user.id) }))
    .sort((a, b) => a.username.localeCompare(b.username) || (a.id < b.id ? -1 : 1))
}

/** Adds a user to those that this server keeps. @throws WE-AUTH-007 */
export async function addUser(
  { keptUsers }: Pick<UserDeps, 'keptUsers'>,
  wish: NewUser,
): Promise<AddedUser> {
  const { user, token } = await keptUsers.addUser(wish)
  return { ...viewFrom(user), token }
}

/** Gives a user that this server keeps another role. @throws WE-AUTH-006, WE-AUTH-007 */
export async function setUserRole(
  deps: Pick<UserDeps, 'auth' | 'keptUsers'>,
  userId: string,
  role: Role,
): Promise<UserView> {
  await mustBeKept(deps, userId)
  return viewFrom(await deps.keptUsers.setRole(userId, role))
}

/** Deletes a user that this server keeps, with their sessions and tokens. @throws WE-AUTH-006, WE-AUTH-007 */
export async function removeUser(deps: UserDeps, userId: string): Promise<void> {
  const { db, keptUsers } = deps
  await mustBeKept(deps, userId)
  // First the user: whatever is left behind when this process dies is refused from here on.
  await keptUsers.removeUser(userId)
  await endUserSessions(deps, userId)
  await deleteUserApiTokens(db, userId)
  await forgetUser(db, userId)
}

/** Takes all API tokens back that a user made. @returns how many */
export async function takeBackTokens(
  { db, log }: Pick<UserDeps, 'db' | 'log'>,
  { userId: by, correlationId }: Caller,
  userId: string,
): Promise<number> {
  const count = await deleteUserApiTokens(db, userId)
  log.info('API tokens of a user taken back', {
    user_id: userId,
    count,
    by,
    correlation_id: correlationId,
  })
  return count
}

async function mustBeKept(
  { auth, keptUsers }: Pick<UserDeps, 'auth' | 'keptUsers'>,
  userId: string,
): Promise<void> {
  if (await keptUsers.getUserProfile(userId) !== undefined) return
  const other = await auth.getUserProfile(userId)
  if (other === undefined) throw new WebEncodeError('WE-AUTH-006', `There is no user "${userId}"`)
  throw new WebEncodeError(
    'WE-AUTH-007',
    `Cannot change "${userId}": the user must be kept by this server, and belongs to where they sign in`,
  )
}

function viewFrom({ userId, username, email, role }: UserProfile): UserView {
  return { id: userId, username, email, role }
}

function listedFrom(
  user: KnownUserCounts | UserProfile,
  role = user.role,
): Omit<ListedUser, 'is_kept_here'> {
  const { userId: id, username, email } = user
  const isKnown = 'sessions' in user
  return {
    id,
    username,
    email,
    role,
    sessions: isKnown ? user.sessions : 0,
    tokens: isKnown ? user.tokens : 0,
    last_login_at: isKnown ? user.lastLoginAt.toISOString() : null,
  }
}
