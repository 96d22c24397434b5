/** The id of a request: it goes into the answer, the log, and as correlation id down to the FFmpeg process. */
import type { Context, MiddlewareHandler } from 'hono'
import { createRequestId } from '../ids.ts'
import type { AppEnv } from './deps.ts'

const saneId = /^[A-Za-z0-9._:-]{1,100}$/

/** Takes `X-Request-Id` when it is 1 to 100 letters, digits and `. _ : -`, and makes one otherwise. */
export function requestId(): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const given = c.req.header('x-request-id')
    const id = given !== undefined && saneId.test(given) ? given : createRequestId()
    c.set('requestId', id)
    // Noted now: after the handshake, Deno lets nobody read the request any more.
    c.set('isUpgrade', isHandshake(c))
    await next()
    if (!c.get('isUpgrade')) c.header('X-Request-Id', id)
  }
}

/** Other protocols may be offered with any request, and nobody takes them up. */
function isHandshake(c: Context<AppEnv>): boolean {
  return c.req.method === 'GET' && c.req.header('upgrade')?.toLowerCase() === 'websocket'
}
