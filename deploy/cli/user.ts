/** `webencode user …` and `webencode link`: who may sign in to the box of this data folder. */
import { type Role, roles, type UserProfile } from '../../kernel/contract/auth.ts'
import { readConfig } from '../../kernel/config.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { createLog } from '../../kernel/log.ts'
import type { BasicAuth } from '../../plugins/auth-basic/auth.ts'
import { openAuth } from '../box/auth.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Adds a user. @returns its API token, shown this once @throws WE-SYS-001 for an unknown role or a name that is taken */
export async function addUser(env: Environment, username: string, role: string, password?: string) {
  const auth = openUsers(env)
  const { user, token } = await auth.addUser({
    username,
    role: parseRole(role),
    ...(password === undefined ? {} : { password }),
  })
  return { id: user.userId, username: user.username, role: user.role, token }
}

export async function removeUser(env: Environment, username: string): Promise<void> {
  const auth = openUsers(env)
  await auth.removeUser((await findUser(auth, username)).userId)
}

export async function listUsers(env: Environment) {
  const auth = openUsers(env)
  const { users } = await auth.listUsers({ page: 1, pageSize: 1000 })
  return users.map(({ userId, username, role }) => ({ id: userId, username, role }))
}

/** A new one-time sign-in link for a user. */
export async function createLink(env: Environment, username: string): Promise<string> {
  const config = readConfig(env)
  const auth = openUsers(env)
  const user = await findUser(auth, username)
  const base = config.publicUrl ?? `http://${config.kernelHost}:${config.kernelPort}`
  return `${base}/auth/link?code=${await auth.createOneTimeCode(user.userId)}`
}

function parseRole(role: string): Role {
  const found = roles.find((one) => one === role)
  if (found === undefined) {
    throw new WebEncodeError(
      'WE-SYS-001',
      `--role must be one of ${roles.join(', ')}, found "${role}"`,
    )
  }
  return found
}

function openUsers(env: Environment): BasicAuth {
  return openAuth(readConfig(env), createLog('error'))
}

async function findUser(auth: BasicAuth, username: string): Promise<UserProfile> {
  const { users } = await auth.listUsers({ page: 1, pageSize: 1000 })
  const user = users.find((one) => one.username === username)
  if (user !== undefined) return user
  throw new WebEncodeError('WE-SYS-001', `There is no user "${username}"`)
}
