/** Requests to the URLs that our own storage signed: at any address, without redirects. */
import { createReadStream } from 'node:fs'
import { type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { messageOf } from '../kernel/errors.ts'
import { createOutbound, type Outbound } from '../kernel/outbound.ts'

/** A connection on which nothing moves for this long is given up. */
const idleMs = 30_000
/** The slowest disk that may be waited for when a storage checks what it got. */
const slowestCheckBytesPerMs = 20_000
/** How much of a refusal is read, in characters: its code stands at the beginning. */
const maxTextLength = 2000

/** Opens a URL of the storage for reading. As {@link Outbound.open}, but private addresses are as good as others. */
export const openStored: Outbound['open'] = createOutbound({
  allowedHosts: ['0.0.0.0/0', '::/0'],
  maxRedirects: 0,
  responseTimeoutMs: 15_000,
  idleTimeoutMs: idleMs / 2,
}).open

/** A part of a local file: bytes `start` to `end`, both included. */
export interface FilePart {
  readonly file: string
  readonly start: number
  readonly end: number
}

export interface PutRequest {
  readonly headers: Readonly<Record<string, string>>
  /** @default no bytes */
  readonly part?: FilePart
  /** Size of the object: checking it may take the storage a while. */
  readonly sizeBytes: number
  readonly signal: AbortSignal
  /** Called with the number of bytes whenever some were sent. */
  readonly onSent: (bytes: number) => void
}

export interface PutAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The beginning of what a refusal says; empty for other answers. */
  readonly text: string
}

/**
 * Sends a part of a file. An answer that comes before all was sent ends the sending.
 * @throws the system's error when the connection breaks or stalls, or the file cannot be read; the signal's reason
 */
export async function putStored(url: string, options: PutRequest): Promise<PutAnswer> {
  const { headers, part, sizeBytes, signal, onSent } = options
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<PutAnswer>()
  const request = (url.startsWith('https:') ? requestHttps : requestHttp)(url, {
    method: 'PUT',
    headers: { ...headers, 'content-length': part === undefined ? 0 : part.end + 1 - part.start },
    signal,
    timeout: idleMs + sizeBytes / slowestCheckBytesPerMs,
  })
  const bytes = part && createReadStream(part.file, { start: part.start, end: part.end })
  bytes?.on('end', () => {
    if (part !== undefined && bytes.bytesRead <= part.end - part.start) {
      request.destroy(new Error(`${part.file} became shorter while it was sent`))
    }
  })
  request.on('timeout', () => request.destroy(new Error('The storage is silent')))
  request.on('error', reject)
  request.on('response', (response) => resolve(answerFrom(response)))
  bytes?.on('error', (failure) => request.destroy(failure))
  bytes?.on('data', (chunk) => onSent(chunk.length))
  if (bytes === undefined) request.end()
  else bytes.pipe(request)
  try {
    return await promise
  } catch (failure) {
    signal.throwIfAborted()
    throw failure
  } finally {
    bytes?.destroy()
    if (!request.writableEnded) request.destroy()
  }
}

async function answerFrom(response: IncomingMessage): Promise<PutAnswer> {
  const { statusCode: status = 0, headers } = response
  if (status >= 400) return { status, headers, text: await beginningOf(response) }
  response.resume()
  return { status, headers, text: '' }
}

/** The status says enough when the text cannot be read. */
async function beginningOf(response: IncomingMessage): Promise<string> {
  let text = ''
  try {
    for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
      text += chunk
      if (text.length >= maxTextLength) break
    }
  } catch (failure) {
    return `${text}${messageOf(failure)}`.slice(0, maxTextLength)
  }
  return text.slice(0, maxTextLength)
}
