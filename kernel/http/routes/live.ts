/** The route of live updates. */
import { Hono } from 'hono'
import { WebEncodeError } from '../../errors.ts'
import { currentCaller, permissionOf } from '../auth.ts'
import { isSameOrigin } from '../csrf.ts'
import type { AppEnv, HttpDeps } from '../deps.ts'
import { upgradeRequired } from '../problem.ts'
import type { LiveHub } from '../ws.ts'

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
      checkRoom(deps.live, currentCaller(c).userId)
      await next()
    },
    deps.upgradeWebSocket((c) => {
      const permission = permissionOf(c, deps)
      return (socket) => deps.live.connect(socket, permission)
    }),
  )
}

/** @throws WE-SYS-004 when there are too many WebSockets, WE-SYS-005 when there are too many of this user */
function checkRoom(live: LiveHub, userId: string): void {
  const lack = live.lacksRoom(userId)
  if (lack === 'all') {
    throw new WebEncodeError('WE-SYS-004', 'Too many WebSockets are open', { retryAfterSeconds })
  }
  if (lack === 'user') {
    const sentence = 'Cannot open another WebSocket: ' +
      `one user may have ${live.maxConnectionsOfUser} of them, and has as many`
    throw new WebEncodeError('WE-SYS-005', sentence, { retryAfterSeconds })
  }
}
