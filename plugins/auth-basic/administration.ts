/** What administrators do with users. Wrong input is WE-AUTH-007. */
import { randomUUID } from 'node:crypto'
import {
  type NewUser,
  passwordLength,
  type UserKeeper,
  usernamePattern,
} from '../../kernel/contract/user.ts'
import type { Log } from '../../kernel/log.ts'
import { hashPassword } from './password.ts'
import { createSecret, hashOf } from './secret.ts'
import type { User, UserData, UserFile } from './user-file.ts'
import { isAdmin, isNamed, profileFrom, refusal, requireUser } from './users.ts'

/** The commands of administrators. */
export interface Administration extends Omit<UserKeeper, 'getUserProfile' | 'listUsers'> {
  /** Makes the user `admin` when there is no administrator, and a sign-in code for the first one. `token` only when made. */
  ensureAdmin(): Promise<{ created: boolean; oneTimeCode: string; token?: string }>
  /** A code that signs this user in once, within 15 minutes. */
  createOneTimeCode(userId: string): Promise<string>
  /** Another API token. @param expiresAtUnix - 0: does not expire */
  createToken(userId: string, expiresAtUnix?: number): Promise<string>
  setPassword(userId: string, password: string): Promise<void>
}

const codeSeconds = 15 * 60
/** The file is read and written whole. */
const mostUsers = 1000

/** Commands on one file of users. */
export function createAdministration(
  file: UserFile,
  nowUnix: () => number,
  log: Log,
): Administration {
  async function addUser({ username, role, password }: NewUser) {
    checkUsername(username)
    const passwordHash = password === undefined ? undefined : await hashChecked(password)
    const { user, token } = newUserFrom({ username, role, passwordHash }, nowUnix())
    await file.change(({ users }) => {
      if (users.some((other) => isNamed(other, username))) {
        throw refusal(`Cannot add the user ${username}: the name is taken`)
      }
      if (users.length >= mostUsers) {
        throw refusal(
          `Cannot add the user ${username}: there may be ${mostUsers}, and there are ${users.length}`,
        )
      }
      users.push(user)
    })
    log.info('user added', { user_id: user.id, role })
    return { user: profileFrom(user), token }
  }

  async function createOneTimeCode(userId: string): Promise<string> {
    const code = createSecret('')
    await file.change((data) => {
      requireUser(data, userId)
      data.codes = data.codes.filter(({ expiresAtUnix }) => expiresAtUnix > nowUnix())
      data.codes.push({ hash: hashOf(code), userId, expiresAtUnix: nowUnix() + codeSeconds })
    })
    return code
  }

  return {
    addUser,
    createOneTimeCode,
    async ensureAdmin() {
      const known = (await file.read()).users.find(isAdmin)
      if (known !== undefined) {
        return { created: false, oneTimeCode: await createOneTimeCode(known.id) }
      }
      const { user, token } = newUserFrom({ username: 'admin', role: 'admin' }, nowUnix())
      // Seen again under the lock: several kernels may start at once on an empty folder.
      const admin = await file.change(({ users }) => {
        const first = users.find(isAdmin)
        if (first === undefined) users.push(user)
        return first ?? user
      })
      const oneTimeCode = await createOneTimeCode(admin.id)
      if (admin !== user) return { created: false, oneTimeCode }
      log.info('user added', { user_id: user.id, role: user.role })
      return { created: true, oneTimeCode, token }
    },
    async createToken(userId, expiresAtUnix = 0) {
      const token = createSecret('we_')
      await file.change((data) => {
        const { tokens } = requireUser(data, userId)
        tokens.push({ hash: hashOf(token), createdAtUnix: nowUnix(), expiresAtUnix })
      })
      return token
    },
    ...createChanges(file, log),
  }
}

/** What changes a user, or makes an end of one. */
function createChanges(
  file: UserFile,
  log: Log,
): Pick<Administration, 'setRole' | 'removeUser' | 'setPassword'> {
  return {
    async setRole(userId, role) {
      const changed = await file.change((data) => {
        const user = requireUser(data, userId)
        if (role !== 'admin') mustNotBeLastAdmin(data, user, 'change the role of')
        user.role = role
        return profileFrom(user)
      })
      log.info('role of a user changed', { user_id: userId, role })
      return changed
    },
    async removeUser(userId) {
      await file.change((data) => {
        const user = requireUser(data, userId)
        mustNotBeLastAdmin(data, user, 'remove')
        data.users = data.users.filter((other) => other !== user)
        data.codes = data.codes.filter((code) => code.userId !== userId)
      })
      log.info('user removed', { user_id: userId })
    },
    async setPassword(userId, password) {
      const hash = await hashChecked(password)
      await file.change((data) => {
        requireUser(data, userId).password = hash
      })
    },
  }
}

/** A user with a first API token, which is shown only now. */
function newUserFrom(
  { username, role, passwordHash }: Pick<NewUser, 'username' | 'role'> & {
    readonly passwordHash?: string | undefined
  },
  createdAtUnix: number,
): { readonly user: User; readonly token: string } {
  const token = createSecret('we_')
  const user: User = {
    id: randomUUID(),
    username,
    email: '',
    displayName: username,
    role,
    ...(passwordHash === undefined ? {} : { password: passwordHash }),
    tokens: [{ hash: hashOf(token), createdAtUnix, expiresAtUnix: 0 }],
    createdAtUnix,
    lastLoginUnix: 0,
  }
  return { user, token }
}

/** @throws WE-AUTH-007 */
function mustNotBeLastAdmin({ users }: UserData, user: User, what: string): void {
  if (!isAdmin(user) || users.filter(isAdmin).length > 1) return
  throw refusal(`Cannot ${what} ${user.username}: there must be an administrator`)
}

function checkUsername(username: string): void {
  if (usernamePattern.test(username)) return
  throw refusal(
    `Cannot add the user ${
      JSON.stringify(username)
    }: a name has 1 to 64 letters, digits or . _ @ -`,
  )
}

async function hashChecked(password: string): Promise<string> {
  const { min, max } = passwordLength
  if (password.length < min || password.length > max) {
    throw refusal(`A password has ${min} to ${max} characters, and this one has ${password.length}`)
  }
  return await hashPassword(password)
}
