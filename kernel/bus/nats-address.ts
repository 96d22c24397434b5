/** Where NATS is and who we are there: the address, its credentials kept apart, and how long to wait between attempts. */

export type Credentials =
  | { readonly user: string; readonly password: string }
  | { readonly token: string }

export interface NatsAddress {
  /** Without credentials: may be logged. */
  readonly servers: readonly string[]
  readonly credentials: Credentials | undefined
}

/**
 * Reads the address of a server, or of several of one cluster between commas: `ws://` or `wss://`, with
 * `user:password@` or `token@` before a host unless credentials are `given` apart.
 * @throws TypeError that does not repeat the address: it may hold a password
 */
export function parseNatsAddress(address: string, given?: Credentials): NatsAddress {
  const urls = address.split(',').map((each) => parseServer(each.trim()))
  return {
    servers: urls.map(({ protocol, host, pathname }) =>
      `${protocol}//${host}${pathname === '/' ? '' : pathname}`
    ),
    credentials: given ?? urls.map(credentialsOf).find((each) => each !== undefined),
  }
}

/** Where the answers to a user come: below a token of its own, which the permissions of the server can name. */
export function inboxPrefixOf(credentials: Credentials | undefined): string {
  const user = credentials !== undefined && 'user' in credentials ? credentials.user : ''
  return /^[\w-]+$/.test(user) ? `_INBOX_${user}` : '_INBOX'
}

/** Whether what is sent to `server` can be read on the way. */
export function isExposed(server: string): boolean {
  const { protocol, hostname } = new URL(server)
  return protocol === 'ws:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
}

const shortestDelayMs = 100
const longestDelayMs = 5_000

/**
 * Milliseconds between two attempts to connect: half of the time gone since the connection was lost, at least
 * 0.1 s and at most 5 s, of which up to half is taken off at random so that a fleet does not come back in step.
 * @param random - from 0 to 1
 */
export function reconnectDelayMs(goneMs: number, random: number): number {
  const delayMs = Math.min(Math.max(goneMs / 2, shortestDelayMs), longestDelayMs)
  return Math.round(delayMs * (1 - random / 2))
}

function parseServer(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && /^wss?:$/.test(url.protocol) && url.hostname !== '') return url
  throw new TypeError('The address of NATS must be ws://host:port or wss://host:port')
}

function credentialsOf({ username, password }: URL): Credentials | undefined {
  if (username === '') return undefined
  if (password === '') return { token: decodeURIComponent(username) }
  return { user: decodeURIComponent(username), password: decodeURIComponent(password) }
}
