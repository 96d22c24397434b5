/** Counts and times every request, and logs it. */
import type { MiddlewareHandler } from 'hono'
import type { AppEnv, HttpDeps } from './deps.ts'

const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** A WebSocket is not measured: its request lasts as long as somebody watches. */
export function measure({ metrics, clock, log }: HttpDeps): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const startMs = clock.now()
    const method = methodOf(c.req.method)
    await next()
    if (c.get('isUpgrade')) return
    const { status } = c.res
    const seconds = (clock.now() - startMs) / 1000
    metrics.httpRequest({ method, route: c.get('rule')?.path ?? 'none', status, seconds })
    log.debug('answered', {
      correlation_id: c.get('requestId'),
      method,
      path: c.req.path,
      status,
      seconds,
      user_id: c.get('identity')?.caller.userId,
    })
  }
}

/** Deno takes any word for a method; a metric must not keep them all. */
function methodOf(method: string): string {
  return knownMethods.has(method) ? method : 'other'
}
