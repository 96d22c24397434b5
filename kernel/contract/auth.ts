/** Pillar 1, authentication: the port that sign-in plugins implement, shaped as `auth.proto`. */

export const roles = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof roles)[number]

export interface AuthRequest {
  readonly token: string
  /**
   * `bearer` and `api-key`: a token; `basic`: base64 of `user:password`; `one-time`: the code of a sign-in link;
   * `upstream`: base64url of the JSON of an {@link UpstreamUser}, and `clientIp` is the proxy that said so.
   */
  readonly scheme: 'bearer' | 'basic' | 'api-key' | 'one-time' | 'upstream'
  readonly clientIp: string
  readonly userAgent: string
}

/** Whom a proxy in front of us has signed in. */
export interface UpstreamUser {
  readonly user: string
  readonly groups: readonly string[]
}

export interface AuthResponse {
  readonly valid: boolean
  readonly userId: string
  readonly username: string
  readonly email: string
  readonly role: Role
  /** `sid`: the session at the identity provider; `issuedAt`: seconds since the epoch at which a token was issued. */
  readonly metadata: Readonly<Record<string, string>>
  /** 0: does not expire. */
  readonly expiresAtUnix: number
  /** A new one, when the call made one. */
  readonly accessToken?: string
  /** For `refreshToken`, when the provider gave one. */
  readonly refreshToken?: string
}

/** The answer to whoever cannot show who they are. */
export const nobody: AuthResponse = {
  valid: false,
  userId: '',
  username: '',
  email: '',
  role: 'viewer',
  metadata: {},
  expiresAtUnix: 0,
}

/** What somebody does to something. */
export const authActions = ['create', 'read', 'update', 'delete', 'execute'] as const
export type AuthAction = (typeof authActions)[number]

export interface AuthZRequest {
  readonly userId: string
  readonly action: AuthAction
  /** A resource of `access.ts`, e.g. `job`. */
  readonly resourceType: string
  readonly resourceId?: string
}

export interface AuthZResponse {
  readonly allowed: boolean
  /** Why not, in a sentence; empty when it is allowed. */
  readonly reason: string
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

/** Answers who someone is, and what they may do. All calls may fail with WE-AUTH-005. */
export interface Authenticator {
  authenticate(request: AuthRequest): Promise<AuthResponse>
  authorize(request: AuthZRequest): Promise<AuthZResponse>
  getUserProfile(userId: string): Promise<UserProfile | undefined>
  listUsers(
    page: { page: number; pageSize: number; roleFilter?: Role },
  ): Promise<{ users: UserProfile[]; totalCount: number }>
  /** A new access token for a refresh token; not valid when the provider takes it no more. */
  refreshToken(request: { refreshToken: string }): Promise<AuthResponse>
  logout(request: { userId: string; sessionId?: string; allSessions?: boolean }): Promise<void>
}

/** What the provider of a {@link RedirectSignIn} must see again when the browser comes back. */
export interface RedirectSecrets {
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
}

/** Who came back from another site, and what ends or renews their session there. */
export interface RedirectedUser extends AuthResponse {
  /** Shown to the provider at sign-out. */
  readonly idToken?: string
}

/** What a provider says of a session that ended there: of one session, or of all of a user. */
export interface LogoutNotice {
  readonly userId?: string
  readonly sessionId?: string
  /** Seconds since the epoch at which the notice was issued. */
  readonly issuedAtUnix: number
  /** A notice is taken once. */
  readonly noticeId: string
  /** After this moment the notice is refused by its age, so that its id may be forgotten. */
  readonly expiresAtUnix: number
}

/** Sign-in at another site, to which the browser is sent and from which it comes back. All calls may fail with WE-AUTH-005. */
export interface RedirectSignIn {
  /** For the button: `Sign in with …`. */
  readonly label: string
  /** Where the browser goes, and what is kept until it is back. */
  start(request: { redirectUri: string }): Promise<{ url: string; secrets: RedirectSecrets }>
  /** @returns not valid when the provider refused, or when this is not the answer to `secrets` */
  finish(request: { callbackUrl: string; secrets: RedirectSecrets }): Promise<RedirectedUser>
  /** Where the browser goes to end its session there too; undefined when the provider has no such place. */
  logoutUrl(request: { idToken?: string; returnUrl: string }): Promise<string | undefined>
  /** What a logout token says; undefined when it is not a valid one. */
  readLogoutNotice(token: string): Promise<LogoutNotice | undefined>
}
