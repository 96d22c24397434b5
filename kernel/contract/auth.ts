/** Pillar 1, authentication: the port that sign-in plugins implement, shaped as `auth.proto`. */

export const roles = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof roles)[number]

export interface AuthRequest {
  readonly token: string
  /** `bearer`: API token; `basic`: base64 of `user:password`; `one-time`: the code of a sign-in link. */
  readonly scheme: 'bearer' | 'basic' | 'api-key' | 'one-time'
  readonly clientIp: string
  readonly userAgent: string
}

export interface AuthResponse {
  readonly valid: boolean
  readonly userId: string
  readonly username: string
  readonly email: string
  readonly role: Role
  readonly metadata: Readonly<Record<string, string>>
  /** 0: does not expire. */
  readonly expiresAtUnix: number
}

export interface UserProfile {
  readonly userId: string
  readonly username: string
  readonly email: string
  readonly displayName: string
  readonly role: Role
  readonly createdAtUnix: number
  readonly lastLoginUnix: number
}

/** Answers who someone is. All calls may fail with WE-AUTH-005. */
export interface Authenticator {
  authenticate(request: AuthRequest): Promise<AuthResponse>
  getUserProfile(userId: string): Promise<UserProfile | undefined>
  listUsers(
    page: { page: number; pageSize: number; roleFilter?: Role },
  ): Promise<{ users: UserProfile[]; totalCount: number }>
  logout(request: { userId: string; sessionId?: string; allSessions?: boolean }): Promise<void>
}
