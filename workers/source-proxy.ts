/** Gives FFmpeg a loopback URL for a source on the network, so that only guarded code ever reaches out. */
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Clock, systemClock } from '../kernel/clock.ts'
import { messageOf, WebEncodeError } from '../kernel/errors.ts'
import type { Log } from '../kernel/log.ts'
import type { Outbound, OutboundResponse } from '../kernel/outbound.ts'
import { openStored } from './storage-http.ts'

/**
 * Milliseconds before each try to go on after a broken connection; the tries start over when one brings something. Our own
 * storage gets longer, also before it first answers: a kernel restarts within seconds, and the job is worth waiting for it.
 */
const resumeDelaysMs = { named: [0, 0, 0], stored: [0, 500, 1_000, 2_000, 4_000, 8_000] }

/** One source that is being proxied. */
export interface ProxiedSource {
  /** `http://127.0.0.1:<port>/<token>/<name>`. Valid until {@link close}. */
  readonly url: string
  /** Bytes that came from the network. */
  bytes(): number
  /** Why the source last could not be read; undefined while it can. */
  failure(): string | undefined
  /** Ends the URL and every transfer through it. */
  close(): void
}

/** What makes a source one of our own storage: it may have a private address, and its URL may be had anew. */
export interface StoredSource {
  /** @throws when there is none now, after it was waited for */
  renew(): Promise<string>
}

export interface SourceProxy {
  /**
   * @param name - file name that ends the URL: demuxers look at its extension
   * @param stored - absent for a URL that a user named: it is guarded
   */
  add(url: string, name: string, stored?: StoredSource): ProxiedSource
  /** Ends every source and the server. */
  close(): Promise<void>
}

export interface SourceProxyOptions {
  /** Fetches what users name. */
  readonly open: Outbound['open']
  readonly log: Log
  /** @default the system's */
  readonly clock?: Clock
  /** Called whenever bytes came. */
  readonly onTransfer?: (direction: 'in', bytes: number) => void
}

interface Source {
  url: string
  readonly open: Outbound['open']
  readonly renew: StoredSource['renew'] | undefined
  readonly stop: AbortController
  bytes: number
  failure: string | undefined
}

/** Starts a server on a free port of 127.0.0.1. Nobody can use it who does not know a token. */
export async function createSourceProxy(options: SourceProxyOptions): Promise<SourceProxy> {
  const { log, clock = systemClock, onTransfer = () => {} } = options
  const sources = new Map<string, Source>()
  const server = createServer((request, response) => {
    const source = sources.get(request.url?.split('/')[1] ?? '')
    if (source === undefined) return void response.writeHead(404).end()
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return void response.writeHead(405, { allow: 'GET, HEAD' }).end()
    }
    answer({ request, response, source, clock, onTransfer }).catch((failure: unknown) => {
      log.debug('a source transfer ended early', { error: failure })
      response.destroy()
    })
  })
  const port = await listen(server)
  return {
    add(url, name, stored) {
      const token = randomBytes(16).toString('base64url')
      const source: Source = {
        url,
        open: stored === undefined ? options.open : openStored,
        renew: stored && (() => stored.renew()),
        stop: new AbortController(),
        bytes: 0,
        failure: undefined,
      }
      sources.set(token, source)
      return {
        url: `http://127.0.0.1:${port}/${token}/${encodeURIComponent(name)}`,
        bytes: () => source.bytes,
        failure: () => source.failure,
        close() {
          sources.delete(token)
          source.stop.abort(new Error('the source was closed'))
        },
      }
    },
    async close() {
      for (const source of sources.values()) source.stop.abort(new Error('the proxy was closed'))
      sources.clear()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly source: Source
  readonly clock: Clock
  readonly onTransfer: (direction: 'in', bytes: number) => void
}

async function answer({ request, response, source, clock, onTransfer }: Exchange): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort(new Error('the reader went away')))
  const signal = AbortSignal.any([gone.signal, source.stop.signal])
  const method = request.method === 'HEAD' ? 'HEAD' : 'GET'
  const range = parseRange(request.headers.range)
  const options = range === undefined
    ? { method, signal } as const
    : { method, signal, range } as const
  const upstream = await openTold(source, options, clock)
  if (upstream instanceof WebEncodeError) {
    response.writeHead(upstream.next === 'retry' ? 502 : 403).end()
    return
  }
  source.failure = upstream.status < 400 ? undefined : `The source answered ${upstream.status}`
  response.writeHead(upstream.status, headersFrom(upstream))
  if (method === 'HEAD' || upstream.status >= 400) {
    upstream.body.destroy()
    response.end()
    return
  }
  await pipeline(Readable.from(bytesOf(upstream, { source, signal, clock, onTransfer })), response)
}

type ReadOptions = NonNullable<Parameters<Outbound['open']>[1]> & { readonly signal: AbortSignal }

/** Opens the source; a failure that is not the reader's own going away is kept for the task. */
async function openTold(
  source: Source,
  options: ReadOptions,
  clock: Clock,
): Promise<OutboundResponse | WebEncodeError> {
  try {
    return await openPatiently(source, options, clock)
  } catch (failure) {
    if (options.signal.aborted || !(failure instanceof WebEncodeError)) throw failure
    source.failure = failure.message
    return failure
  }
}

/** Opens the source. One that is stored is waited for while it is busy or away: every seek of FFmpeg comes by here. */
async function openPatiently(
  source: Source,
  options: ReadOptions,
  clock: Clock,
): Promise<OutboundResponse> {
  for (const delayMs of source.renew === undefined ? [] : resumeDelaysMs.stored) {
    try {
      const response = await openAnywhere(source, options)
      if (response.status < 500 && response.status !== 429) return response
      response.body.destroy()
    } catch (failure) {
      if (options.signal.aborted) throw failure
      if (!(failure instanceof WebEncodeError) || failure.next !== 'retry') throw failure
    }
    await clock.sleep(delayMs, options.signal)
  }
  return await openAnywhere(source, options)
}

/** Opens the source, and a stored one by a new URL when the one that is known fails: it expired, or its server is gone. */
async function openAnywhere(source: Source, options: ReadOptions): Promise<OutboundResponse> {
  if (source.renew === undefined) return await source.open(source.url, options)
  try {
    const response = await source.open(source.url, options)
    if (response.status < 400 || response.status === 416) return response
    response.body.destroy()
  } catch (failure) {
    if (options.signal.aborted) throw failure
  }
  source.url = await source.renew()
  options.signal.throwIfAborted()
  return await source.open(source.url, options)
}

/** `bytes=a-` and `bytes=a-b`, the forms that FFmpeg sends; anything else is read from the start. */
function parseRange(header: string | undefined): { start: number; end?: number } | undefined {
  const match = /^bytes=(\d+)-(\d*)$/.exec(header ?? '')
  if (match === null) return undefined
  const start = Number(match[1])
  return match[2] ? { start, end: Number(match[2]) } : { start }
}

const passedHeaders = [
  'content-type',
  'content-length',
  'content-range',
  'accept-ranges',
  'last-modified',
  'etag',
]

function headersFrom({ headers }: OutboundResponse): Record<string, string> {
  const passed: Record<string, string> = { connection: 'close' }
  for (const name of passedHeaders) {
    const value = headers[name]
    if (typeof value === 'string') passed[name] = value
  }
  return passed
}

type Reading = Pick<Exchange, 'source' | 'clock' | 'onTransfer'> & { readonly signal: AbortSignal }

/** The body; a connection that breaks is continued where it broke, when the source still has the same file. */
async function* bytesOf(first: OutboundResponse, reading: Reading): AsyncGenerator<Uint8Array> {
  const { source, signal, clock, onTransfer } = reading
  const delaysMs = source.renew === undefined ? resumeDelaysMs.named : resumeDelaysMs.stored
  const extent = extentOf(first)
  let upstream: OutboundResponse | undefined = first
  let position = extent?.start ?? 0
  for (let resumes = 0;; resumes++) {
    try {
      upstream ??= await resume(first, { start: position, end: extent?.end ?? 0 }, reading)
      source.failure = undefined
      for await (const chunk of upstream.body as AsyncIterable<Uint8Array>) {
        position += chunk.length
        source.bytes += chunk.length
        onTransfer('in', chunk.length)
        resumes = 0
        yield chunk
      }
      return
    } catch (failure) {
      signal.throwIfAborted()
      source.failure = messageOf(failure)
      if (extent !== undefined && position > extent.end) return
      const delayMs = delaysMs[resumes]
      if (extent === undefined || delayMs === undefined || failure instanceof Changed) throw failure
      upstream = undefined
      if (delayMs > 0) await clock.sleep(delayMs, signal)
    }
  }
}

/** What answers now is not what was being read. */
class Changed extends Error {
  override readonly name = 'Changed'
}

async function resume(
  first: OutboundResponse,
  range: { start: number; end: number },
  { source, signal }: Reading,
): Promise<OutboundResponse> {
  const next = await openAnywhere(source, { range, signal })
  const isSame = next.headers['etag'] === first.headers['etag'] &&
    next.headers['last-modified'] === first.headers['last-modified']
  if (next.status === 206 && extentOf(next)?.start === range.start && isSame) return next
  next.body.destroy()
  const problem = 'The connection to the source broke, and it cannot be continued'
  throw next.status < 400
    ? new Changed(problem)
    : new Error(`${problem}: it answers ${next.status}`)
}

/** The bytes that a response carries, when the source can send parts of the file; undefined otherwise. */
function extentOf(
  { status, headers }: OutboundResponse,
): { start: number; end: number } | undefined {
  if (status === 206) {
    const match = /^bytes (\d+)-(\d+)\//.exec(String(headers['content-range']))
    return match === null ? undefined : { start: Number(match[1]), end: Number(match[2]) }
  }
  const length = Number(headers['content-length'])
  const isResumable = headers['accept-ranges'] === 'bytes' && length > 0
  return isResumable ? { start: 0, end: length - 1 } : undefined
}
