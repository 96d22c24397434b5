/** Who is calling, and whether they may: the guard before every route. */
import type { Context, MiddlewareHandler } from 'hono'
import { matchedRoutes } from 'hono/route'
import { roleCovers } from '../contract/access.ts'
import type { Role } from '../contract/auth.ts'
import { useApiToken } from '../db/api-tokens.ts'
import { isRevoked, type RevokedSubject } from '../db/token-revocations.ts'
import { WebEncodeError } from '../errors.ts'
import type { Caller } from '../gateway.ts'
import type { Permission } from './admissions.ts'
import { isLoopbackClient } from './client-address.ts'
import { apiTokenPrefix, hashOfToken } from './api-tokens.ts'
import { checkCsrf, checkOrigin } from './csrf.ts'
import type { AppEnv, HttpDeps, Identity } from './deps.ts'
import { type Rule, ruleFinder } from './permissions.ts'
import { identifyProxied, type ProxiedUser, proxiedUserOf } from './proxy-sign-in.ts'
import { identifySession, sessionOf } from './sessions.ts'

const signedOutCodes: ReadonlySet<string> = new Set(['WE-AUTH-001', 'WE-AUTH-002'])
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/** The signed-in caller of a guarded route. @throws WE-AUTH-001 on a public one */
export function currentCaller(c: Context<AppEnv>): Caller {
  return currentIdentity(c).caller
}

/** The caller and how they proved it. @throws WE-AUTH-001 on a public route */
export function currentIdentity(c: Context<AppEnv>): Identity {
  const identity = c.get('identity')
  if (identity === undefined) throw unauthorized()
  return identity
}

/** The token that forms carry in `_csrf`; empty for callers that need none. */
export function csrfToken(c: Context<AppEnv>): string {
  return c.get('identity')?.csrfToken ?? ''
}

/** Looks up the rule of the route that will answer; later middleware reads it from `rule`. */
export function findRule(rules: readonly Rule[]): MiddlewareHandler<AppEnv> {
  const find = ruleFinder(rules)
  return async (c, next) => {
    const route = matchedRoutes(c).find((candidate) => candidate.method !== 'ALL')
    const rule = route === undefined ? undefined : find(route.method, route.path)
    if (route !== undefined && rule === undefined) {
      throw new WebEncodeError('WE-AUTH-003', `${route.method} ${route.path} has no access rule`)
    }
    c.set('rule', rule)
    await next()
  }
}

/** Lets a request through when its rule allows its caller. @throws WE-AUTH-001, -002, -003 */
export function guard(deps: HttpDeps): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const rule = c.get('rule')
    if (rule !== undefined && !isOpen(c, rule)) {
      const identity = await identify(credentialsOf(c, deps), deps)
      // Before the refusal, so that the audit and the error page know whom it met.
      c.set('identity', identity)
      allow(identity.caller.role, rule)
      if (!safeMethods.has(c.req.method)) await checkIntent(c, identity, deps)
    }
    await next()
  }
}

/**
 * Asks again, later, whether the request would still be let through. The answer fails when that cannot be found out.
 * The request itself is not read again: a WebSocket's is gone by then.
 */
export function permissionOf(c: Context<AppEnv>, deps: HttpDeps): Permission {
  const credentials = credentialsOf(c, deps)
  const { authorization = '', session = '', clientIp, proxied } = credentials
  const { role, userId } = currentCaller(c)
  return {
    key: [authorization, session, clientIp, proxied?.token ?? '', role].join('\n'),
    userId,
    role,
    async isValid() {
      try {
        const { caller } = await identify(credentials, deps)
        return roleCovers(caller.role, role)
      } catch (error) {
        if (error instanceof WebEncodeError && signedOutCodes.has(error.code)) return false
        throw error
      }
    },
  }
}

function isOpen(c: Context<AppEnv>, rule: Rule): boolean {
  if (rule.access === 'public') return true
  return rule.access === 'viewer-or-loopback' && isLoopbackClient(c)
}

/** What browsers send by themselves must have been meant. */
async function checkIntent(c: Context<AppEnv>, identity: Identity, deps: HttpDeps): Promise<void> {
  if (identity.via === 'session') await checkCsrf(c, identity)
  if (identity.via === 'proxy') checkOrigin(c, deps.config)
}

/** What a request brings to show who it is. */
interface Credentials {
  readonly authorization: string | undefined
  readonly session: string | undefined
  readonly proxied: ProxiedUser | undefined
  readonly clientIp: string
  readonly userAgent: string
  readonly correlationId: string
}

function credentialsOf(c: Context<AppEnv>, { config }: HttpDeps): Credentials {
  return {
    authorization: c.req.header('authorization'),
    session: sessionOf(c),
    proxied: proxiedUserOf(c, config),
    clientIp: c.get('clientIp'),
    userAgent: c.req.header('user-agent') ?? '',
    correlationId: c.get('requestId'),
  }
}

/** @throws WE-AUTH-001 without credentials, WE-AUTH-002 with expired ones */
async function identify(credentials: Credentials, deps: HttpDeps): Promise<Identity> {
  const { authorization, session, proxied, correlationId } = credentials
  if (authorization !== undefined) return await identifyToken(authorization, credentials, deps)
  if (proxied !== undefined) return await identifyProxied(proxied, credentials, deps)
  if (session !== undefined) return await identifySession(session, correlationId, deps)
  throw unauthorized()
}

async function identifyToken(
  authorization: string,
  { clientIp, userAgent, correlationId }: Credentials,
  deps: HttpDeps,
): Promise<Identity> {
  const token = /^Bearer +([^\s]{1,4096})$/i.exec(authorization)?.[1]
  if (token === undefined) throw unauthorized()
  if (token.startsWith(apiTokenPrefix)) return await identifyApiToken(token, correlationId, deps)
  const answer = await deps.auth.authenticate({ token, scheme: 'bearer', clientIp, userAgent })
  if (!answer.valid) {
    const isExpired = answer.expiresAtUnix > 0 && answer.expiresAtUnix * 1000 <= deps.clock.now()
    if (isExpired) throw new WebEncodeError('WE-AUTH-002', 'The bearer token has expired')
    throw new WebEncodeError('WE-AUTH-001', 'The bearer token is not valid')
  }
  const { userId, username, role, metadata } = answer
  await refuseRevoked(userId, metadata, deps)
  return { caller: { userId, username, role, correlationId }, via: 'token', csrfToken: '' }
}

/** A token of the database: with its own role, or that of its user when they have less by now. */
async function identifyApiToken(
  token: string,
  correlationId: string,
  { db, auth }: HttpDeps,
): Promise<Identity> {
  const found = await useApiToken(db, hashOfToken(token))
  if (found?.isExpired) throw new WebEncodeError('WE-AUTH-002', 'The API token has expired')
  const user = found && await auth.getUserProfile(found.userId)
  if (found === undefined || user === undefined) {
    throw new WebEncodeError('WE-AUTH-001', 'The API token is not valid')
  }
  const role = roleCovers(user.role, found.role) ? found.role : user.role
  const { userId, username } = user
  return { caller: { userId, username, role, correlationId }, via: 'token', csrfToken: '' }
}

/** A signed token says nothing of what happened after it was issued; the database does. @throws WE-AUTH-001 */
async function refuseRevoked(
  userId: string,
  { sid, issuedAt }: Readonly<Record<string, string>>,
  { db }: HttpDeps,
): Promise<void> {
  if (issuedAt === undefined) return
  const subjects: RevokedSubject[] = [`user:${userId}`]
  if (sid !== undefined) subjects.push(`session:${sid}`)
  if (!await isRevoked(db, subjects, Number(issuedAt))) return
  throw new WebEncodeError('WE-AUTH-001', 'The bearer token was revoked; sign in again')
}

function allow(role: Role, rule: Rule): void {
  const needed = rule.access === 'admin' || rule.access === 'operator' ? rule.access : 'viewer'
  if (roleCovers(role, needed)) return
  throw new WebEncodeError(
    'WE-AUTH-003',
    `Cannot ${rule.action}: it needs the role ${needed}, and yours is ${role}`,
  )
}

function unauthorized(): WebEncodeError {
  return new WebEncodeError(
    'WE-AUTH-001',
    'Sign in, or send the header "Authorization: Bearer <token>"',
  )
}
