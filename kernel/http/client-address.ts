/** Where a request comes from. */
import type { Context, MiddlewareHandler } from 'hono'
import { isInBlock, parseAddress, parseBlock } from '../address.ts'
import type { AppEnv } from './deps.ts'

const loopback = ['127.0.0.0/8', '::1/128'].flatMap((text) => parseBlock(text) ?? [])

/** Sets `clientIp`: the peer, or with a trusted proxy the last address that the proxy added. */
export function clientAddress(trustProxy: boolean): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const forwarded = trustProxy
      ? c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim()
      : undefined
    c.set('clientIp', forwarded ?? peerOf(c))
    await next()
  }
}

/** True for a direct connection from this machine. A local proxy that forwards a stranger's request is none. */
export function isLoopbackClient(c: Context<AppEnv>): boolean {
  if (c.req.header('x-forwarded-for') !== undefined || c.req.header('forwarded') !== undefined) {
    return false
  }
  const address = parseAddress(peerOf(c))
  return address !== undefined && loopback.some((block) => isInBlock(address, block))
}

function peerOf(c: Context<AppEnv>): string {
  return c.env?.clientAddress ?? ''
}
