/** The route of live updates. */
import { Hono } from 'hono'
import type { WSContext } from 'hono/ws'
import { WebEncodeError } from '../../errors.ts'
import { recheckOf } from '../auth.ts'
import { isSameOrigin } from '../csrf.ts'
import type { AppEnv, HttpDeps } from '../deps.ts'
import type { LiveConnection, LiveSocket } from '../ws.ts'

const open = 1

/** `GET /v1/ws`: a WebSocket of `ws.ts`. Everyone who may open it may watch every topic. */
export function liveRoutes(deps: HttpDeps) {
  return new Hono<AppEnv>().get(
    '/v1/ws',
    async (c, next) => {
      if (!c.get('isUpgrade')) throw new WebEncodeError('WE-JOB-001', 'This address is a WebSocket')
      if (!isSameOrigin(c, deps.config)) {
        throw new WebEncodeError('WE-AUTH-003', 'Another site may not open this WebSocket')
      }
      await next()
    },
    deps.upgradeWebSocket((c) => {
      const isStillAllowed = recheckOf(c, deps)
      let connection: LiveConnection | undefined
      const end = () => connection?.close()
      return {
        onOpen(_event, ws) {
          connection = deps.live.connect(socketFrom(ws), isStillAllowed)
        },
        onMessage: (event) => connection?.receive(event.data),
        onClose: end,
        onError: end,
      }
    }),
  )
}

function socketFrom(ws: WSContext): LiveSocket {
  return {
    send(text) {
      if (ws.readyState === open) ws.send(text)
    },
    close(code, reason) {
      if (ws.readyState === open) ws.close(code, reason)
    },
    get bufferedAmount() {
      const amount: unknown = Reflect.get(Object(ws.raw), 'bufferedAmount')
      return typeof amount === 'number' ? amount : 0
    },
  }
}
