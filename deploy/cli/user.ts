/** `webencode user …` and `webencode link`: who may sign in, at a server or to the box of this data folder. */
import { type Role, roles, type UserProfile } from '../../kernel/contract/auth.ts'
import { readConfig } from '../../kernel/config.ts'
import type { NewUser, UserView } from '../../kernel/contract/user.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { createLog } from '../../kernel/log.ts'
import type { BasicAuth } from '../../plugins/auth-basic/auth.ts'
import { openAuth } from '../box/auth.ts'
import type { Client } from './client.ts'
import { clientOf, type Target } from './target.ts'

/** What is shown of a user. */
export type ShownUser = Pick<UserView, 'id' | 'username' | 'role'>

/** Where users are looked after. All functions here throw WE-SYS-001 for a name or a role that there is not. */
export interface UserDesk {
  list(): Promise<readonly ShownUser[]>
  /** @returns with an API token, shown this once */
  add(user: NewUser): Promise<ShownUser & { readonly token: string }>
  setRole(username: string, role: Role): Promise<ShownUser>
  remove(username: string): Promise<void>
}

/** The server's, which writes its audit, where one is named; else the file in the data folder, whose changes a running server sees. */
export function openUserDesk(target: Target): UserDesk {
  return target.server === undefined
    ? fileDesk(openUsers(target.env))
    : serverDesk(clientOf(target))
}

/** @throws WE-SYS-001 */
export function parseRole(role: string): Role {
  const found = roles.find((one) => one === role)
  if (found !== undefined) return found
  const problem = `--role must be one of ${roles.join(', ')}, found "${role}"`
  throw new WebEncodeError('WE-SYS-001', problem)
}

/** A new one-time sign-in link for a user of the data folder. */
export async function createLink(env: Target['env'], username: string): Promise<string> {
  const config = readConfig(env)
  const auth = openUsers(env)
  const { id } = await named(fileDesk(auth), username)
  const base = config.publicUrl ?? `http://${config.kernelHost}:${config.kernelPort}`
  return `${base}/auth/link?code=${await auth.createOneTimeCode(id)}`
}

function fileDesk(auth: BasicAuth): UserDesk {
  const desk: UserDesk = {
    async list() {
      const { users } = await auth.listUsers({ page: 1, pageSize: 1000 })
      return users.map(shownFrom)
    },
    async add(wish) {
      const { user, token } = await auth.addUser(wish)
      return { ...shownFrom(user), token }
    },
    setRole: async (username, role) =>
      shownFrom(await auth.setRole((await named(desk, username)).id, role)),
    remove: async (username) => await auth.removeUser((await named(desk, username)).id),
  }
  return desk
}

function serverDesk(client: Client): UserDesk {
  const desk: UserDesk = {
    async list() {
      const kept = (await client.users()).filter((user) => user.is_kept_here)
      return kept.map(({ id, username, role }) => ({ id, username, role }))
    },
    async add(wish) {
      const { id, username, role, token } = await client.addUser(wish)
      return { id, username, role, token }
    },
    async setRole(name, wanted) {
      const { id, username, role } = await client.setUserRole((await named(desk, name)).id, wanted)
      return { id, username, role }
    },
    remove: async (username) => await client.removeUser((await named(desk, username)).id),
  }
  return desk
}

function openUsers(env: Target['env']): BasicAuth {
  return openAuth(readConfig(env), createLog('error'))
}

function shownFrom({ userId, username, role }: UserProfile): ShownUser {
  return { id: userId, username, role }
}

async function named(desk: UserDesk, username: string): Promise<ShownUser> {
  const user = (await desk.list()).find((one) => one.username === username)
  if (user !== undefined) return user
  throw new WebEncodeError('WE-SYS-001', `There is no user "${username}"`)
}
