/** The ways to sign in that the configuration names, in their order, as one. What is not named is not loaded. */
import { readFile } from 'node:fs/promises'
import type { Clock } from '../../kernel/clock.ts'
import type { Config } from '../../kernel/config.ts'
import type { passwordWays } from '../../kernel/config-sign-in.ts'
import type { Database } from '../../kernel/db/database.ts'
import type { PluginMesh } from '../../kernel/contract/plugin-mesh.ts'
import { defined } from '../../kernel/contract/defined.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { createAuthenticators, type SignInProvider } from '../../kernel/http/authenticators.ts'
import type { HttpDeps } from '../../kernel/http/deps.ts'
import type { Log } from '../../kernel/log.ts'
import { createMeshSignIn, meshUserPrefix } from '../../kernel/plugin/mesh-sign-in.ts'
import type { BasicAuth } from '../../plugins/auth-basic/auth.ts'
import { createProxyAuth } from '../../plugins/auth-basic/proxy.ts'
import type { OidcAuth } from '../../plugins/auth-oidc/auth.ts'

/** What the ways are made of. */
export interface SignInParts {
  readonly config: Config
  readonly log: Log
  readonly db: Database
  readonly clock: Clock
  /** Those of the data folder. */
  readonly users: BasicAuth
  /** Sign-in plugins; absent without `PLUGIN_DIR`. */
  readonly mesh?: PluginMesh | undefined
}

type Way = (typeof passwordWays)[number]

/** @throws WE-SYS-001 when a setting is missing; WE-PLG-003 when one cannot work */
export async function openSignIn(
  parts: SignInParts,
): Promise<Pick<HttpDeps, 'auth' | 'redirectSignIn'>> {
  const { config, log, db, clock } = parts
  const ways: Partial<Record<Way, SignInProvider>> = {
    users: { name: 'users', auth: parts.users, idPrefix: '', knowsUsers: true, isCached: false },
    ...await htpasswdFrom(parts),
    ...await ldapFrom(parts),
  }
  const oidc = await oidcFrom(parts)
  const order = new Set<Way>([...config.signInOrder, 'users', 'htpasswd', 'ldap'])
  const providers = [
    ...[...order].map((way) => ways[way]),
    oidc && remembered('oidc', oidc),
    proxyFrom(parts),
    parts.mesh && pluginsFrom(parts.mesh),
  ].filter((provider) => provider !== undefined)
  if (providers.length > 1) log.info('ways to sign in', { ways: providers.map(({ name }) => name) })
  return {
    auth: createAuthenticators({ providers, db, clock, log }),
    ...(oidc !== undefined && { redirectSignIn: oidc }),
  }
}

async function htpasswdFrom(
  { config, log }: SignInParts,
): Promise<{ htpasswd?: SignInProvider }> {
  const { htpasswd: file, htpasswdRoles: roles, defaultRole } = config
  if (file === undefined) return {}
  const { createHtpasswdAuth } = await import('../../plugins/auth-basic/htpasswd.ts')
  const auth = createHtpasswdAuth({ file, roles, log, ...defined({ defaultRole }) })
  return {
    htpasswd: { name: 'htpasswd', auth, idPrefix: 'htpasswd:', knowsUsers: true, isCached: false },
  }
}

async function ldapFrom({ config, log, clock }: SignInParts): Promise<{ ldap?: SignInProvider }> {
  const { ldapUrl: url, ldapCa } = config
  if (url === undefined) return {}
  const { createLdapAuth } = await import('../../plugins/auth-ldap/auth.ts')
  const ca = ldapCa === undefined ? undefined : await readCa(ldapCa)
  const auth = createLdapAuth({
    url,
    startTls: config.ldapStartTls === 'yes',
    userBase: needed(config.ldapUserBase, 'WEBENCODE_LDAP_USER_BASE', 'WEBENCODE_LDAP_URL'),
    userFilter: config.ldapUserFilter,
    idAttribute: config.ldapIdAttribute,
    usernameAttribute: config.ldapUsernameAttribute,
    roles: config.roles,
    clock,
    log,
    ...defined({
      ca,
      bindDn: config.ldapBindDn,
      bindPassword: config.ldapBindPassword,
      groupBase: config.ldapGroupBase,
      defaultRole: config.defaultRole,
    }),
  })
  return { ldap: { name: 'ldap', auth, idPrefix: 'ldap:', knowsUsers: true, isCached: true } }
}

async function oidcFrom({ config, log, clock }: SignInParts): Promise<OidcAuth | undefined> {
  const { oidcIssuer: issuer } = config
  if (issuer === undefined) return undefined
  const { createOidcAuth } = await import('../../plugins/auth-oidc/auth.ts')
  return createOidcAuth({
    issuer,
    clientId: needed(config.oidcClientId, 'WEBENCODE_OIDC_CLIENT_ID', 'WEBENCODE_OIDC_ISSUER'),
    scopes: config.oidcScopes,
    rolesClaim: config.oidcRolesClaim,
    roles: config.roles,
    clock,
    log,
    ...defined({
      clientSecret: config.oidcClientSecret,
      label: config.oidcLabel,
      audience: config.oidcAudience,
      defaultRole: config.defaultRole,
    }),
  })
}

function proxyFrom({ config }: SignInParts): SignInProvider | undefined {
  const { proxySignIn, trustedProxies, roles, defaultRole } = config
  if (proxySignIn === 'no') return undefined
  if (trustedProxies.length === 0) {
    needed(undefined, 'WEBENCODE_TRUSTED_PROXIES', 'WEBENCODE_PROXY_SIGN_IN')
  }
  return remembered(
    'proxy',
    createProxyAuth({ trustedProxies, roles, ...defined({ defaultRole }) }),
  )
}

/** Asked last: what is built in knows its own, and answers faster. */
function pluginsFrom(mesh: PluginMesh): SignInProvider {
  const auth = createMeshSignIn(mesh)
  return { name: 'plugins', auth, idPrefix: meshUserPrefix, knowsUsers: true, isCached: true }
}

/** One that cannot be asked who its users are. */
function remembered(name: string, auth: SignInProvider['auth']): SignInProvider {
  return { name, auth, idPrefix: `${name}:`, knowsUsers: false, isCached: true }
}

async function readCa(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new WebEncodeError('WE-SYS-001', `Cannot read the file of WEBENCODE_LDAP_CA: ${path}`, {
      path: 'WEBENCODE_LDAP_CA',
      next: 'stop',
      cause,
    })
  }
}

/** @throws WE-SYS-001 */
function needed<T>(value: T | undefined, name: string, because: string): T {
  if (value !== undefined) return value
  throw new WebEncodeError('WE-SYS-001', `${name} must be set when ${because} is`, {
    path: name,
    next: 'stop',
  })
}
