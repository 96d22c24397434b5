/** The route of live updates. */
import { Hono } from 'hono'
import { WebEncodeError } from '../../errors.ts'
import { permissionOf } from '../auth.ts'
import { isSameOrigin } from '../csrf.ts'
import type { AppEnv, HttpDeps } from '../deps.ts'
import { upgradeRequired } from '../problem.ts'

/** Seconds after which a refused client may find room. */
const retryAfterSeconds = 10

/** `GET /v1/ws`: a WebSocket of `ws.ts`. What may be watched on it goes by the caller's role. */
export function liveRoutes(deps: HttpDeps) {
  return new Hono<AppEnv>().get(
    '/v1/ws',
    async (c, next) => {
      if (!c.get('isUpgrade')) throw upgradeRequired(c)
      if (!isSameOrigin(c, deps.config)) {
        throw new WebEncodeError('WE-AUTH-003', 'Another site may not open this WebSocket')
      }
      if (deps.live.isFull) {
        throw new WebEncodeError('WE-SYS-004', 'Too many WebSockets are open', {
          retryAfterSeconds,
        })
      }
      await next()
    },
    deps.upgradeWebSocket((c) => {
      const permission = permissionOf(c, deps)
      return (socket) => deps.live.connect(socket, permission)
    }),
  )
}
