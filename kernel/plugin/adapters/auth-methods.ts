/** The sign-in service, served from a sign-in port: the plugin's end. */
import type { Authenticator, AuthRequest } from '../../contract/auth.ts'
import { WebEncodeError } from '../../errors.ts'
import type { ServedMethods } from '../serve.ts'
import {
  authRequestFrom,
  authResponseFrom,
  type ListUsersMessage,
  type LogoutMessage,
  roleFilterFrom,
  userProfileFrom,
} from './auth-messages.ts'

/** The functions of the service. Authorize and RefreshToken are the kernel's own and not served. */
export function authMethods(auth: Authenticator): ServedMethods {
  return {
    Authenticate: async (request: object) => {
      const asked = authRequestFrom(request as { [K in keyof AuthRequest]: string })
      return authResponseFrom(await auth.authenticate(asked))
    },
    GetUserProfile: async (request: object) => {
      const { userId } = request as { userId: string }
      const profile = await auth.getUserProfile(userId)
      if (profile !== undefined) return userProfileFrom(profile)
      throw new WebEncodeError('WE-SYS-007', `There is no user "${userId}"`)
    },
    ListUsers: async (request: object) => {
      const { page, pageSize, roleFilter } = request as ListUsersMessage
      const found = await auth.listUsers({ page, pageSize, ...roleFilterFrom(roleFilter) })
      return { users: found.users.map(userProfileFrom), totalCount: found.totalCount, page }
    },
    Logout: async (request: object) => {
      const { userId, sessionId, allSessions } = request as LogoutMessage
      await auth.logout({ userId, allSessions, ...(sessionId !== '' && { sessionId }) })
      return {}
    },
  }
}
