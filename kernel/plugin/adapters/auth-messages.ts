/** The messages of `auth.proto` and the shapes of the sign-in port, each made from the other. Used by both ends. */
import {
  authActions,
  type AuthRequest,
  type AuthResponse,
  type AuthZRequest,
  type Role,
  roles,
  type UserProfile,
} from '../../contract/auth.ts'
import { WebEncodeError } from '../../errors.ts'

/** A message as it is decoded. */
export type AuthResponseMessage = Omit<AuthResponse, 'role'> & { readonly role: string }
export type UserProfileMessage = Omit<UserProfile, 'role'> & { readonly role: string }

export interface ListUsersMessage {
  readonly page: number
  readonly pageSize: number
  readonly roleFilter: string
}

export interface LogoutMessage {
  readonly userId: string
  readonly sessionId: string
  readonly allSessions: boolean
}

const schemes = ['bearer', 'basic', 'api-key', 'one-time', 'upstream'] as const

/** @throws WE-AUTH-001 for a scheme that nobody knows */
export function authRequestFrom(message: { [K in keyof AuthRequest]: string }): AuthRequest {
  const scheme = schemes.find((known) => known === message.scheme)
  if (scheme === undefined) {
    throw new WebEncodeError(
      'WE-AUTH-001',
      `Cannot sign in: there is no scheme "${message.scheme}"`,
    )
  }
  const { token, clientIp, userAgent } = message
  return { token, scheme, clientIp, userAgent }
}

/** An answer that is not valid names nobody, whatever else it says. @throws WE-AUTH-005 for a role that nobody knows */
export function authResponseFrom(message: AuthResponseMessage): AuthResponse {
  const { valid, userId, username, email, metadata, expiresAtUnix } = message
  const { accessToken = '', refreshToken = '' } = message
  if (!valid) {
    return {
      valid,
      userId: '',
      username: '',
      email: '',
      role: 'viewer',
      metadata: {},
      expiresAtUnix: 0,
    }
  }
  const role = roleFrom(message.role)
  return {
    valid,
    userId,
    username,
    email,
    role,
    metadata: { ...metadata },
    expiresAtUnix,
    ...(accessToken !== '' && { accessToken }),
    ...(refreshToken !== '' && { refreshToken }),
  }
}

export interface AuthZMessage {
  readonly userId: string
  readonly action: string
  readonly resourceType: string
  /** Empty: any of them. */
  readonly resourceId: string
}

/** @throws WE-AUTH-003 for an action that nobody knows */
export function authZRequestFrom(message: AuthZMessage): AuthZRequest {
  const { userId, resourceType, resourceId } = message
  const action = authActions.find((known) => known === message.action)
  if (action === undefined) {
    const problem = `Cannot authorize: there is no action "${message.action}"`
    throw new WebEncodeError('WE-AUTH-003', problem)
  }
  return { userId, action, resourceType, ...(resourceId !== '' && { resourceId }) }
}

/** @throws WE-AUTH-005 for a role that nobody knows */
export function userProfileFrom(message: UserProfileMessage): UserProfile {
  const { userId, username, email, displayName, createdAtUnix, lastLoginUnix } = message
  const role = roleFrom(message.role)
  return { userId, username, email, displayName, role, createdAtUnix, lastLoginUnix }
}

/** A role that is not ours grants nothing. */
function roleFrom(text: string): Role {
  const role = roles.find((known) => known === text)
  if (role !== undefined) return role
  throw new WebEncodeError(
    'WE-AUTH-005',
    `Cannot take the plugin's answer: a role must be one of ${roles.join(', ')}, found "${text}"`,
  )
}

/** The filter of a list; absent when it is empty. */
export function roleFilterFrom(text: string): { roleFilter?: Role } {
  return text === '' ? {} : { roleFilter: roleFrom(text) }
}
