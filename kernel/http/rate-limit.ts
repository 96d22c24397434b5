/** How often one client may do what costs something: token buckets by client address. */
import type { MiddlewareHandler } from 'hono'
import { networkOf } from '../address.ts'
import type { Clock } from '../clock.ts'
import { WebEncodeError } from '../errors.ts'
import type { AppEnv, HttpConfig } from './deps.ts'

/** A bucket that refills steadily up to `burst`. */
export interface RateLimit {
  readonly perSecond: number
  readonly burst: number
  /** Clients that are remembered; the one seen longest ago is forgotten first. @default 10_000 */
  readonly maxClients?: number
}

/** Counts takes by client. */
export interface RateLimiter {
  /** Takes one. @returns 0 when it was there, else the seconds until it will be */
  take(client: string): number
}

const signInPaths = new Set(['/auth/login', '/auth/link'])
/** Each makes a row: a company behind one address may come at once, a flood may not. */
const redirectPath = '/auth/oidc/start'
const redirects: RateLimit = { perSecond: 1, burst: 60 }

/** Creates a limiter; every client starts with a full bucket. */
export function createRateLimiter(
  clock: Clock,
  { perSecond, burst, maxClients = 10_000 }: RateLimit,
): RateLimiter {
  const buckets = new Map<string, { tokens: number; atMs: number }>()
  return {
    take(client) {
      const now = clock.now()
      const known = buckets.get(client) ?? { tokens: burst, atMs: now }
      const refilled = known.tokens + Math.max(0, now - known.atMs) / 1000 * perSecond
      const tokens = Math.min(burst, refilled)
      const isThere = tokens >= 1
      buckets.delete(client)
      buckets.set(client, { tokens: isThere ? tokens - 1 : tokens, atMs: now })
      forgetOldest(buckets, maxClients)
      return isThere ? 0 : (1 - tokens) / perSecond
    },
  }
}

/** Limits sign-in attempts tightly and other POST requests generously. @throws WE-SYS-005 */
export function rateLimit(clock: Clock, config: HttpConfig): MiddlewareHandler<AppEnv> {
  const { signInsPerMinute, postsPerSecond } = config
  const signIns = createRateLimiter(clock, {
    perSecond: signInsPerMinute / 60,
    burst: signInsPerMinute,
  })
  const starts = createRateLimiter(clock, redirects)
  const posts = createRateLimiter(clock, { perSecond: postsPerSecond, burst: postsPerSecond * 10 })
  const limiterOf = (method: string, path: string) => {
    if (path === redirectPath) return starts
    if (method !== 'POST') return undefined
    return signInPaths.has(path) ? signIns : posts
  }
  return async (c, next) => {
    const limiter = limiterOf(c.req.method, c.req.path)
    if (limiter !== undefined) {
      const waitSeconds = limiter.take(networkOf(c.get('clientIp')))
      if (waitSeconds > 0) throw tooMany(waitSeconds)
    }
    await next()
  }
}

function tooMany(waitSeconds: number): WebEncodeError {
  const retryAfterSeconds = Math.ceil(waitSeconds)
  return new WebEncodeError(
    'WE-SYS-005',
    `Too many requests from this address; try again in ${retryAfterSeconds} s`,
    { retryAfterSeconds },
  )
}

function forgetOldest(buckets: Map<string, unknown>, maxClients: number): void {
  for (const client of buckets.keys()) {
    if (buckets.size <= maxClients) return
    buckets.delete(client)
  }
}
