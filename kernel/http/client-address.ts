/** Where a request comes from. */
import type { Context, MiddlewareHandler } from 'hono'
import { type AddressBlock, isInBlock, parseAddress, parseBlock } from '../address.ts'
import type { AppEnv, HttpConfig } from './deps.ts'

const loopback = ['127.0.0.0/8', '::1/128'].flatMap((text) => parseBlock(text) ?? [])

/** Sets `clientIp`: the peer; behind proxies that we trust, the last address that one of them added. */
export function clientAddress(
  { trustProxy, trustedProxies }: Pick<HttpConfig, 'trustProxy' | 'trustedProxies'>,
): MiddlewareHandler<AppEnv> {
  const isTrusted = proxyTest(trustedProxies)
  return async (c, next) => {
    const peer = peerOf(c)
    const hops = trustProxy || isTrusted(peer)
      ? c.req.header('x-forwarded-for')?.split(',').map((hop) => hop.trim()) ?? []
      : []
    const client = hops.findLast((hop) => !isTrusted(hop)) ?? hops[0] ?? peer
    c.set('clientIp', parseAddress(client) === undefined ? peer : client)
    await next()
  }
}

/** Tells whether an address is one of these proxies. @param proxies - addresses and CIDR blocks */
export function proxyTest(proxies: readonly string[]): (address: string) => boolean {
  const blocks = proxies.flatMap((text) => blockFrom(text) ?? [])
  return (text) => {
    const address = parseAddress(text)
    return address !== undefined && blocks.some((block) => isInBlock(address, block))
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

/** The other end of the connection; empty when unknown. */
export function peerOf(c: Context<AppEnv>): string {
  return c.env?.clientAddress ?? ''
}

/** A single address is the block of itself. */
function blockFrom(text: string): AddressBlock | undefined {
  const bytes = parseAddress(text)
  return bytes === undefined ? parseBlock(text) : { bytes, bits: bytes.length * 8 }
}
