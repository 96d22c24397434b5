/** Users whom a proxy in front of us has signed in; only listed proxies are believed. */
import { BlockList, isIP } from 'node:net'
import { z } from 'zod'
import { authorizeRole, highestRole } from '../../kernel/contract/access.ts'
import {
  type Authenticator,
  type AuthResponse,
  nobody,
  type Role,
} from '../../kernel/contract/auth.ts'
import { WebEncodeError } from '../../kernel/errors.ts'

export interface ProxyOptions {
  /** Addresses and CIDR blocks. */
  readonly trustedProxies: readonly string[]
  /** Roles by group; the highest wins. Upper and lower case are the same. */
  readonly roles: Readonly<Record<string, Role>>
  /** Of users without such a group; absent: they are refused. */
  readonly defaultRole?: Role
}

const idPrefix = 'proxy:'
const saidSchema = z.strictObject({
  user: z.string().regex(/^[^\p{Cc}:]{1,200}$/u),
  groups: z.array(z.string()).max(1000),
})

/**
 * Believes what listed proxies say. Who is not asked about with every request is not known.
 * @throws WE-PLG-003 for an address that is none
 */
export function createProxyAuth(
  { trustedProxies, roles, defaultRole }: ProxyOptions,
): Authenticator {
  const proxies = blockListFrom(trustedProxies)
  const rolesByGroup = new Map(
    Object.entries(roles).map(([group, role]) => [group.toLowerCase(), role]),
  )

  function userFrom(token: string): AuthResponse {
    const said = saidSchema.safeParse(jsonFrom(token)).data
    if (said === undefined) return nobody
    const found = said.groups.map((group) => rolesByGroup.get(group.toLowerCase()))
    const role = highestRole(found.filter((one) => one !== undefined)) ?? defaultRole
    if (role === undefined) return nobody
    return { ...nobody, valid: true, userId: idPrefix + said.user, username: said.user, role }
  }

  return {
    authenticate({ token, scheme, clientIp }) {
      const isTrusted = scheme === 'upstream' && isListed(proxies, clientIp)
      return Promise.resolve(isTrusted ? userFrom(token) : nobody)
    },
    authorize: (request) => Promise.resolve(authorizeRole(undefined, request)),
    getUserProfile: () => Promise.resolve(undefined),
    listUsers: () => Promise.resolve({ users: [], totalCount: 0 }),
    refreshToken: () => Promise.resolve(nobody),
    logout: () => Promise.resolve(),
  }
}

function blockListFrom(entries: readonly string[]): BlockList {
  const list = new BlockList()
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/')
    const family = isIP(address)
    const isBlock = bits === undefined || /^\d{1,3}$/.test(bits) && Number(bits) <= widest(family)
    if (family === 0 || !isBlock) {
      throw new WebEncodeError('WE-PLG-003', `Not an address or CIDR block of a proxy: ${entry}`, {
        path: 'trustedProxies',
      })
    }
    list.addSubnet(address, Number(bits ?? widest(family)), family === 4 ? 'ipv4' : 'ipv6')
  }
  return list
}

/** A server that listens on IPv6 sees IPv4 peers as `::ffff:a.b.c.d`. */
function isListed(proxies: BlockList, peer: string): boolean {
  const address = peer.replace(/^::ffff:(?=\d+\.)/i, '')
  const family = isIP(address)
  return family !== 0 && proxies.check(address, family === 4 ? 'ipv4' : 'ipv6')
}

function widest(family: number): number {
  return family === 4 ? 32 : 128
}

function jsonFrom(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString('utf8'))
  } catch {
    return undefined // not JSON: the same answer as for JSON that says nothing
  }
}
