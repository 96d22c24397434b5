/** People whom a proxy in front of us has signed in: believed from listed proxies only. */
import type { Context } from 'hono'
import type { UpstreamUser } from '../contract/auth.ts'
import { WebEncodeError } from '../errors.ts'
import { peerOf, proxyTest } from './client-address.ts'
import type { AppEnv, HttpConfig, HttpDeps, Identity } from './deps.ts'

/** What a proxy said, and which. */
export interface ProxiedUser {
  /** For the authenticator. */
  readonly token: string
  readonly proxy: string
}

const tests = new WeakMap<HttpConfig, (address: string) => boolean>()
const longestHeader = 4096

/** The user of `Remote-User`; undefined without one, and from any address that is not a listed proxy. */
export function proxiedUserOf(c: Context<AppEnv>, config: HttpConfig): ProxiedUser | undefined {
  if (!config.proxySignIn) return undefined
  const user = c.req.header('remote-user')?.trim() ?? ''
  const groups = c.req.header('remote-groups') ?? ''
  const proxy = peerOf(c)
  if (user === '' || user.length + groups.length > longestHeader) return undefined
  if (!isTrusted(config, proxy)) return undefined
  const said: UpstreamUser = { user, groups: groups.split(',').map((one) => one.trim()) }
  return { token: Buffer.from(JSON.stringify(said)).toString('base64url'), proxy }
}

/** Who that is here. @throws WE-AUTH-001 when they have no role */
export async function identifyProxied(
  { token, proxy }: ProxiedUser,
  { userAgent, correlationId }: { readonly userAgent: string; readonly correlationId: string },
  { auth }: HttpDeps,
): Promise<Identity> {
  const answer = await auth.authenticate({ token, scheme: 'upstream', clientIp: proxy, userAgent })
  if (!answer.valid) {
    throw new WebEncodeError('WE-AUTH-001', 'The proxy signed you in, but you have no role here')
  }
  const { userId, username, role } = answer
  return { caller: { userId, username, role, correlationId }, via: 'proxy', csrfToken: '' }
}

function isTrusted(config: HttpConfig, address: string): boolean {
  const test = tests.get(config) ?? proxyTest(config.trustedProxies)
  tests.set(config, test)
  return test(address)
}
