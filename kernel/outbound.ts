/** Requests to addresses that users name: which URLs may be fetched, and fetching them without being led astray. */
import { lookup as resolve } from 'node:dns/promises'
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isInBlock, isPublicAddress, parseAddress, parseBlock } from './address.ts'
import { messageOf, type NextStep, WebEncodeError } from './errors.ts'

/** Options of {@link createOutbound}. Times are in milliseconds. */
export interface OutboundOptions {
  /** Host names (`nas.local`, `*.example.com`), addresses or blocks (`192.168.1.0/24`) that may be reached although private. */
  readonly allowedHosts?: readonly string[]
  /** Every address of a host name. @default the resolver of the system */
  readonly lookup?: (hostname: string) => Promise<readonly string[]>
  /** Limit of a name lookup, and of connecting and sending the request until headers come. @default 15_000 */
  readonly responseTimeoutMs?: number
  /** A body that is read and brings nothing for this long (at most twice) fails. @default 60_000 */
  readonly idleTimeoutMs?: number
  /** Redirects that are followed, each checked. @default 5 */
  readonly maxRedirects?: number
}

/** One request. */
export interface OpenOptions {
  /** @default 'GET' */
  readonly method?: 'GET' | 'HEAD'
  /** Bytes, both ends included; without `end` to the last byte. */
  readonly range?: { readonly start: number; readonly end?: number }
  readonly signal?: AbortSignal
}

/** An answer, whatever its status except a redirect. The body must be read or destroyed. */
export interface OutboundResponse {
  /** The URL that answered, after redirects. */
  readonly url: string
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: IncomingMessage
}

/** Fetches for users. Every failure is WE-JOB-002: `next` is `retry` when the network is to blame. */
export interface Outbound {
  /** Checks scheme, credentials and every resolved address. @throws WE-JOB-002 when the URL may not be fetched */
  check(url: string): Promise<void>
  /** Fetches from the address that was checked, following a few redirects, each checked. @throws WE-JOB-002 */
  open(url: string, options?: OpenOptions): Promise<OutboundResponse>
}

const redirectStatuses = new Set([301, 302, 303, 307, 308])

/** A URL with the addresses it may be fetched from. */
interface Target {
  readonly url: URL
  readonly addresses: readonly string[]
}

/** Creates the guard of outgoing requests. It keeps no state between calls. */
export function createOutbound(options: OutboundOptions = {}): Outbound {
  const isAllowed = allowListFrom(options.allowedHosts ?? [])
  const lookup = options.lookup ?? systemLookup
  const responseTimeoutMs = options.responseTimeoutMs ?? 15_000
  const idleTimeoutMs = options.idleTimeoutMs ?? 60_000
  const maxRedirects = options.maxRedirects ?? 5

  async function examine(text: string): Promise<Target> {
    const url = parseUserUrl(text)
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const addresses = parseAddress(host) === undefined
      ? await resolveWithin(responseTimeoutMs, lookup, host)
      : [host]
    if (addresses.length === 0) throw refusal(`The host ${host} has no address`, 'retry')
    const forbidden = addresses.find((address) => !isAllowed(host, address))
    if (forbidden !== undefined) {
      throw refusal(
        `Cannot fetch ${shown(url)}: ${
          forbidden === host ? host : `${host} (${forbidden})`
        } is not a public address, and it is not in the list of allowed hosts`,
      )
    }
    return { url, addresses }
  }

  async function open(text: string, request: OpenOptions = {}): Promise<OutboundResponse> {
    let next = text
    for (let hop = 0; hop <= maxRedirects; hop++) {
      const target = await examine(next)
      const body = await fetchAny(target, request, responseTimeoutMs)
      const status = body.statusCode ?? 0
      const location = body.headers.location
      if (!redirectStatuses.has(status) || location === undefined) {
        failWhenSilent(body, idleTimeoutMs)
        return { url: target.url.href, status, headers: body.headers, body }
      }
      body.destroy()
      next = redirectFrom(location, target.url)
    }
    throw refusal(`Cannot fetch ${shown(new URL(text))}: more than ${maxRedirects} redirects`)
  }

  return { check: async (url) => void (await examine(url)), open }
}

function parseUserUrl(text: string): URL {
  const url = URL.parse(text)
  if (url === null) throw refusal('The source URL is not a valid URL')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw refusal(`The scheme ${url.protocol} cannot be fetched: it must be http or https`)
  }
  if (url.username !== '' || url.password !== '') {
    throw refusal('The source URL must not contain a user name or password; use a signed URL')
  }
  return url
}

function redirectFrom(location: string, base: URL): string {
  const url = URL.parse(location, base)
  if (url === null) throw refusal(`${shown(base)} redirects to an invalid address`)
  return url.href
}

/** Tries the checked addresses in order until one answers. */
async function fetchAny(
  target: Target,
  options: OpenOptions,
  timeoutMs: number,
): Promise<IncomingMessage> {
  let failure: unknown
  for (const address of target.addresses.slice(0, 4)) {
    options.signal?.throwIfAborted()
    try {
      return await fetchFrom(target.url, address, options, timeoutMs)
    } catch (error) {
      failure = error
    }
  }
  options.signal?.throwIfAborted()
  throw refusal(`Cannot fetch ${shown(target.url)}: ${messageOf(failure)}`, 'retry', failure)
}

/** Connects to `address` itself, so that no second lookup can answer otherwise than the checked one. */
function fetchFrom(
  url: URL,
  address: string,
  options: OpenOptions,
  timeoutMs: number,
): Promise<IncomingMessage> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const isSecure = url.protocol === 'https:'
  return new Promise((resolveResponse, reject) => {
    const request = (isSecure ? requestHttps : requestHttp)({
      host: address,
      port: url.port === '' ? (isSecure ? 443 : 80) : Number(url.port),
      path: url.pathname + url.search,
      method: options.method ?? 'GET',
      headers: headersOf(url, options),
      ...(isSecure && parseAddress(host) === undefined ? { servername: host } : {}),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    })
    const late = setTimeout(
      () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)),
      timeoutMs,
    )
    request.once('response', (response) => {
      clearTimeout(late)
      resolveResponse(response)
    })
    request.on('error', (error) => {
      clearTimeout(late)
      reject(error)
    })
    request.end()
  })
}

/** Ends a body whose source is silent while somebody waits. A slow reader is no silence: then bytes lie in the buffer. */
function failWhenSilent(body: IncomingMessage, idleMs: number): void {
  let seen = -1
  const timer = setInterval(() => {
    const received = body.socket.bytesRead
    if (received === seen && body.readableLength === 0) {
      body.destroy(new Error(`The source sent nothing for ${idleMs} ms`))
    }
    seen = received
  }, idleMs)
  timer.unref()
  body.once('close', () => clearInterval(timer))
}

function headersOf(url: URL, options: OpenOptions): Record<string, string> {
  const range = options.range
  return {
    host: url.host,
    'user-agent': 'WebEncode',
    accept: '*/*',
    // Byte positions are those of the file, so no coding may lie between.
    'accept-encoding': 'identity',
    ...(range === undefined ? {} : { range: `bytes=${range.start}-${range.end ?? ''}` }),
  }
}

/** The test of one address of a host: public, or named by the list. @throws TypeError for an entry that is no host or block */
function allowListFrom(entries: readonly string[]): (host: string, address: string) => boolean {
  const blocks = entries.filter((entry) => entry.includes('/')).map((entry) => {
    const block = parseBlock(entry)
    if (block === undefined) throw new TypeError(`Not a host or an address block: ${entry}`)
    return block
  })
  const names = entries.filter((entry) => !entry.includes('/')).map((entry) => entry.toLowerCase())
  return (host, address) => {
    const bytes = parseAddress(address)
    if (bytes === undefined) return false
    return isPublicAddress(bytes) || blocks.some((block) => isInBlock(bytes, block)) ||
      names.some((name) => name.startsWith('*.') ? host.endsWith(name.slice(1)) : host === name)
  }
}

async function systemLookup(hostname: string): Promise<readonly string[]> {
  const answers = await resolve(hostname, { all: true })
  return answers.map((answer) => answer.address)
}

async function resolveWithin(
  timeoutMs: number,
  lookup: (hostname: string) => Promise<readonly string[]>,
  host: string,
): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    return await Promise.race([lookup(host), late])
  } catch (error) {
    throw refusal(`Cannot resolve the host ${host}: ${messageOf(error)}`, 'retry', error)
  } finally {
    clearTimeout(timer)
  }
}

/** The URL as it may be told and logged: without its query, which may be signed. */
function shown(url: URL): string {
  return url.origin + url.pathname
}

function refusal(message: string, next: NextStep = 'stop', cause?: unknown): WebEncodeError {
  return new WebEncodeError('WE-JOB-002', message, {
    path: 'source_url',
    next,
    ...(cause === undefined ? {} : { cause }),
  })
}
