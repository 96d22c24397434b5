/** Settings of the OpenID Connect sign-in: which provider, as which client, and what its claims mean. */
import type { Clock } from '../../kernel/clock.ts'
import type { Role } from '../../kernel/contract/auth.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'

export interface OidcOptions {
  /** The issuer as the provider names itself, e.g. `https://keycloak.example.com/realms/video`. */
  readonly issuer: string
  readonly clientId: string
  /** Absent: a public client, which PKCE alone protects. */
  readonly clientSecret?: string
  /** For the button: `Sign in with …`. @default the host of the issuer */
  readonly label?: string
  /** @default `openid profile email` */
  readonly scopes?: string
  /** Where roles are in the claims: a name, or a path with dots such as `realm_access.roles`. @default `groups` */
  readonly rolesClaim?: string
  /** Roles by what the claim holds; the highest wins. @default `viewer`, `operator` and `admin` mean themselves */
  readonly roles?: Readonly<Record<string, Role>>
  /** Of people whose claims mean no role; absent: they are refused. */
  readonly defaultRole?: Role
  /** Whom bearer tokens must be for. @default the client id */
  readonly audience?: string
  /** Seconds that the clocks of provider and server may be apart. @default 30 */
  readonly clockToleranceSeconds?: number
  /** Milliseconds for one request to the provider. @default 5000 */
  readonly timeoutMs?: number
  /** Milliseconds after which an unknown key may ask the provider for its keys again. @default 10_000 */
  readonly keysCooldownMs?: number
  readonly clock: Clock
  readonly log: Log
}

/** The options with their defaults. */
export type OidcSettings =
  & Required<Omit<OidcOptions, 'clientSecret' | 'defaultRole'>>
  & Pick<OidcOptions, 'clientSecret' | 'defaultRole'>

/** The settings that the options mean. @throws WE-PLG-003 for one that cannot work */
export function settingsFrom(options: OidcOptions): OidcSettings {
  const issuer = URL.parse(options.issuer)
  if (issuer === null || !isSafe(issuer)) {
    throw new WebEncodeError(
      'WE-PLG-003',
      'Cannot use the OIDC settings: the issuer must be a URL that starts with https://',
      { path: 'issuer' },
    )
  }
  return {
    label: issuer.host,
    scopes: 'openid profile email',
    rolesClaim: 'groups',
    roles: { viewer: 'viewer', operator: 'operator', admin: 'admin' },
    audience: options.clientId,
    clockToleranceSeconds: 30,
    timeoutMs: 5000,
    keysCooldownMs: 10_000,
    ...options,
  }
}

/** In clear only to this machine, for tests. */
function isSafe({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' ||
    protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname)
}
