/** Gives FFmpeg a loopback URL for a source on the network, so that only guarded code ever reaches out. */
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { messageOf, WebEncodeError } from '../kernel/errors.ts'
import type { Log } from '../kernel/log.ts'
import type { Outbound, OutboundResponse } from '../kernel/outbound.ts'

/** Tries to go on after a broken connection that brought nothing. */
const maxResumes = 3

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

export interface SourceProxy {
  /** @param name - file name that ends the URL: demuxers look at its extension */
  add(url: string, name: string): ProxiedSource
  /** Ends every source and the server. */
  close(): Promise<void>
}

export interface SourceProxyOptions {
  readonly open: Outbound['open']
  readonly log: Log
}

interface Source {
  readonly url: string
  readonly stop: AbortController
  bytes: number
  failure: string | undefined
}

/** Starts a server on a free port of 127.0.0.1. Nobody can use it who does not know a token. */
export async function createSourceProxy({ open, log }: SourceProxyOptions): Promise<SourceProxy> {
  const sources = new Map<string, Source>()
  const server = createServer((request, response) => {
    const source = sources.get(request.url?.split('/')[1] ?? '')
    if (source === undefined) return void response.writeHead(404).end()
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return void response.writeHead(405, { allow: 'GET, HEAD' }).end()
    }
    answer({ request, response, source, open }).catch((failure: unknown) => {
      log.debug('a source transfer ended early', { error: failure })
      response.destroy()
    })
  })
  const port = await listen(server)
  return {
    add(url, name) {
      const token = randomBytes(16).toString('base64url')
      const source: Source = { url, stop: new AbortController(), bytes: 0, failure: undefined }
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
  readonly open: Outbound['open']
}

async function answer({ request, response, source, open }: Exchange): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort(new Error('the reader went away')))
  const signal = AbortSignal.any([gone.signal, source.stop.signal])
  const method = request.method === 'HEAD' ? 'HEAD' : 'GET'
  const range = parseRange(request.headers.range)
  const options = range === undefined
    ? { method, signal } as const
    : { method, signal, range } as const
  const upstream = await openTold(open, source, options)
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
  await pipeline(Readable.from(bytesOf(upstream, { open, source, signal })), response)
}

/** Opens the source; a failure that is not the reader's own going away is kept for the task. */
async function openTold(
  open: Outbound['open'],
  source: Source,
  options: NonNullable<Parameters<Outbound['open']>[1]>,
): Promise<OutboundResponse | WebEncodeError> {
  try {
    return await open(source.url, options)
  } catch (failure) {
    if (options.signal?.aborted || !(failure instanceof WebEncodeError)) throw failure
    source.failure = failure.message
    return failure
  }
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

interface Reading {
  readonly open: Outbound['open']
  readonly source: Source
  readonly signal: AbortSignal
}

/** The body; a connection that breaks is continued where it broke, when the source still has the same file. */
async function* bytesOf(first: OutboundResponse, reading: Reading): AsyncGenerator<Uint8Array> {
  const { source, signal } = reading
  const extent = extentOf(first)
  let upstream = first
  let position = extent?.start ?? 0
  for (let resumes = 0;; resumes++) {
    try {
      for await (const chunk of upstream.body as AsyncIterable<Uint8Array>) {
        position += chunk.length
        source.bytes += chunk.length
        resumes = 0
        yield chunk
      }
      return
    } catch (failure) {
      signal.throwIfAborted()
      source.failure = messageOf(failure)
      if (extent !== undefined && position > extent.end) return
      if (extent === undefined || resumes >= maxResumes) throw failure
      upstream = await resume(first, { start: position, end: extent.end }, reading)
      source.failure = undefined
    }
  }
}

async function resume(
  first: OutboundResponse,
  range: { start: number; end: number },
  { open, source, signal }: Reading,
): Promise<OutboundResponse> {
  const next = await open(source.url, { range, signal })
  const isSame = next.headers['etag'] === first.headers['etag'] &&
    next.headers['last-modified'] === first.headers['last-modified']
  if (next.status === 206 && extentOf(next)?.start === range.start && isSame) return next
  next.body.destroy()
  throw new Error('The connection to the source broke, and it cannot be continued')
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
