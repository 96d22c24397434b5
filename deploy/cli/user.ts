/** `webencode user …` and `webencode link`: who may sign in, at a server or to the box of this data folder. */
import { type Role, roles, type UserProfile } from '../../kernel/contract/auth.ts'
import { readConfig } from '../../kernel/config.ts'
import type { NewUser, UserView } from '../../kernel/contract/user.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { createLog } from '../../kernel/log.ts'
import type { BasicAuth } from '../../plugins/auth-basic/auth.ts'
import { noteForAudit } from '../box/audit-notes.ts'
import { openAuth } from '../box/auth.ts'
import { dataPathsOf } from '../box/paths.ts'
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

/** The server's, which writes its audit, where one is named; else the file in the data folder, whose changes a running server sees, and the next one writes into its audit. */
export function openUserDesk(target: Target): UserDesk {
  return target.server === undefined
    ? notedDesk(fileDesk(openUsers(target.env)), notesOf(target.env))
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
  await noteForAudit(notesOf(env), 'user.create_link', id)
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

/** What nobody can look up later does not look like a success: the note is written before the answer. */
function notedDesk(desk: UserDesk, directory: string): UserDesk {
  return {
    list: () => desk.list(),
    async add(wish) {
      const added = await desk.add(wish)
      const { username, role } = added
      await noteForAudit(directory, 'user.create', added.id, { username, role })
      return added
    },
    async setRole(username, role) {
      const changed = await desk.setRole(username, role)
      await noteForAudit(directory, 'user.set_role', changed.id, { username, role })
      return changed
    },
    async remove(username) {
      const { id } = await named(desk, username)
      await desk.remove(username)
      await noteForAudit(directory, 'user.delete', id, { username })
    },
  }
}

function notesOf(env: Target['env']): string {
  return dataPathsOf(readConfig(env).dataDirectory).auditNotes
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
