/** A sign-in plugin as the sign-in port: the kernel's end. */
import type { Authenticator } from '../../contract/auth.ts'
import type { PluginInstance } from '../../contract/plugin.ts'
import { WebEncodeError } from '../../errors.ts'
import {
  authResponseFrom,
  type AuthResponseMessage,
  userProfileFrom,
  type UserProfileMessage,
} from './auth-messages.ts'

/** The port; every failure has a code. */
export function authFrom(instance: Pick<PluginInstance, 'call'>): Authenticator {
  const call = async <T>(method: string, request: object) =>
    await instance.call(method, request) as T
  return {
    authenticate: async (request) =>
      authResponseFrom(await call<AuthResponseMessage>('Authenticate', request)),
    async getUserProfile(userId) {
      try {
        return userProfileFrom(await call<UserProfileMessage>('GetUserProfile', { userId }))
      } catch (failure) {
        if (failure instanceof WebEncodeError && failure.code === 'WE-SYS-007') return undefined
        throw failure
      }
    },
    async listUsers(page) {
      type Answer = { users: UserProfileMessage[]; totalCount: number }
      const { users, totalCount } = await call<Answer>('ListUsers', page)
      return { users: users.map(userProfileFrom), totalCount }
    },
    logout: async (request) => void await call('Logout', request),
  }
}
