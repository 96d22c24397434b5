/** Users as the file keeps them, and as the port shows them. */
import { type AuthResponse, nobody, type UserProfile } from '../../kernel/contract/auth.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { User, UserData } from './user-file.ts'

/** The answer to right credentials of this user. */
export function responseFrom(user: User | undefined): AuthResponse {
  if (user === undefined) return nobody
  const { id: userId, username, email, role } = user
  return { valid: true, userId, username, email, role, metadata: {}, expiresAtUnix: 0 }
}

/** What others may see of a user. */
export function profileFrom(user: User): UserProfile {
  const { id: userId, username, email, displayName, role, createdAtUnix, lastLoginUnix } = user
  return { userId, username, email, displayName, role, createdAtUnix, lastLoginUnix }
}

/** @throws WE-AUTH-007 */
export function requireUser({ users }: UserData, userId: string): User {
  const user = users.find(({ id }) => id === userId)
  if (user === undefined) throw refusal(`No user has the ID: ${userId}`)
  return user
}

/** True for administrators. */
export function isAdmin({ role }: User): boolean {
  return role === 'admin'
}

/** Upper and lower case are the same. */
export function isNamed({ username }: User, name: string): boolean {
  return username.toLowerCase() === name.toLowerCase()
}

/** A command that cannot be done. */
export function refusal(message: string): WebEncodeError {
  return new WebEncodeError('WE-AUTH-007', message)
}
