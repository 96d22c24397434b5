/** Bodies that handlers read whole: how large they may be, and how long they may take to come. */
import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { WebEncodeError } from '../errors.ts'
import type { AppEnv } from './deps.ts'

/** A body of the largest size comes in this time over 35 kB/s. Without an end, a few slow ones would keep everybody from signing in. */
const bodyMs = 30_000

/** Limits every body but those that a handler streams. @throws WE-SYS-006 */
export function limitBody(maxSize: number): MiddlewareHandler<AppEnv> {
  const limit = bodyLimit({
    maxSize,
    onError: () => {
      throw new WebEncodeError('WE-SYS-006', `The body is larger than the ${maxSize} bytes allowed`)
    },
  })
  return async (c, next) => {
    if (c.get('rule')?.isStreamed === true) return await next()
    const forgive = c.env?.dropSlowBody?.(bodyMs)
    try {
      return await limit(c, next)
    } finally {
      forgive?.()
    }
  }
}
