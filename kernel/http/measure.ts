/** Counts and times every request, and logs it. */
import type { MiddlewareHandler } from 'hono'
import type { AppEnv, HttpDeps } from './deps.ts'

/** A WebSocket is not measured: its request lasts as long as somebody watches. */
export function measure({ metrics, clock, log }: HttpDeps): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const startMs = clock.now()
    const { method } = c.req
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
