/** Users of one box: passwords, API tokens and one-time sign-in codes, kept in one file. */
import { authorizeRole } from '../../kernel/contract/access.ts'
import { type Authenticator, nobody } from '../../kernel/contract/auth.ts'
import { userPageFrom } from '../../kernel/contract/user-page.ts'
import type { Log } from '../../kernel/log.ts'
import { type Administration, createAdministration } from './administration.ts'
import { createSignIn } from './sign-in.ts'
import { openUserFile } from './user-file.ts'
import { profileFrom } from './users.ts'

export interface BasicAuthOptions {
  /** Path of the JSON file; made with mode 0600 when the first user is added. */
  readonly file: string
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly log: Log
  /** A bearer token that acts as the first administrator, beside those in the file. */
  readonly adminToken?: string
}

/** The sign-in plugin and the commands of its administrators. */
export type BasicAuth = Authenticator & Administration

/** Opens the users of one file. Changes by other processes are seen with the next call. */
export function createBasicAuth({ file: path, now, log, adminToken }: BasicAuthOptions): BasicAuth {
  const file = openUserFile(path)
  const nowUnix = () => Math.floor(now() / 1000)
  return {
    ...createAdministration(file, nowUnix, log),
    authenticate: createSignIn(file, nowUnix, adminToken),
    async authorize(request) {
      const user = (await file.read()).users.find(({ id }) => id === request.userId)
      return authorizeRole(user?.role, request)
    },
    async getUserProfile(userId) {
      const user = (await file.read()).users.find(({ id }) => id === userId)
      return user && profileFrom(user)
    },
    async listUsers(wanted) {
      const { users, totalCount } = userPageFrom((await file.read()).users, wanted)
      return { users: users.map(profileFrom), totalCount }
    },
    // Its tokens last until they expire, and sessions are the kernel's; there is nothing here to renew or to end.
    refreshToken: () => Promise.resolve(nobody),
    logout: () => Promise.resolve(),
  }
}
