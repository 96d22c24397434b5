/** Answers the requests that signed URLs lead to: whole objects, byte ranges and uploads. */
import { type ByteRange, contentRangeOf, parseByteRange } from '../../kernel/contract/byte-range.ts'
import { attachmentOf } from '../../kernel/contract/disposition.ts'
import { isTagNamed } from '../../kernel/contract/entity-tag.ts'
import type { ObjectMetadata, StorageProvider } from '../../kernel/contract/storage.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { type ContentRange, parseContentRange } from './content-range.ts'
import { givenDigest } from './digest.ts'
import { deny } from './failure.ts'
import { type OpenObject, openObject, streamOf } from './files.ts'
import { locate } from './keys.ts'
import type { ResumableUploads, UploadState } from './resumable.ts'
import { type Grant, libraryBucket, parseGrant } from './signature.ts'

export interface ServeOptions {
  /** Directory of the buckets. */
  readonly root: string
  /** Path of the server below which buckets lie, e.g. `/v1/objects`. */
  readonly publicPath: string
  readonly signingKey: Uint8Array
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly upload: StorageProvider['upload']
  readonly resumable: ResumableUploads
  /** The real path of a file below a media directory. @throws WE-STO-001, WE-STO-002 */
  readonly locateMedia: (path: string) => Promise<string>
}

/**
 * Answers GET, HEAD and PUT of a signed URL.
 * @throws WE-STO-001 missing, WE-STO-002 not signed for this, WE-STO-003 full, WE-STO-004 not what was announced,
 * WE-STO-005 a piece outside of its object, WE-STO-006 not the digest that it names, WE-SYS-007 not an object's URL
 */
export async function serveObject(request: Request, options: ServeOptions): Promise<Response> {
  const { method } = request
  if (method !== 'GET' && method !== 'HEAD' && method !== 'PUT') {
    return new Response(null, { status: 405, headers: { allow: 'GET, HEAD, PUT' } })
  }
  const url = new URL(request.url)
  const target = {
    ...targetOf(url.pathname, options.publicPath),
    method: method === 'PUT' ? 'PUT' as const : 'GET' as const,
    query: url.searchParams,
  }
  const grant = parseGrant(target, options.signingKey, options.now() / 1000)
  return method === 'PUT'
    ? await receive(request, grant, options)
    : await send(request, grant, options)
}

function targetOf(pathname: string, publicPath: string): { bucket: string; key: string } {
  const isBelow = pathname.startsWith(`${publicPath}/`)
  const [bucket = '', ...segments] = pathname.slice(publicPath.length + 1).split('/')
  try {
    if (isBelow) return { bucket, key: segments.map(decodeURIComponent).join('/') }
  } catch (cause) {
    throw new WebEncodeError('WE-SYS-007', 'The address is not validly encoded', { cause })
  }
  throw new WebEncodeError('WE-SYS-007', `No object has the address ${pathname}`)
}

async function send(request: Request, grant: Grant, options: ServeOptions): Promise<Response> {
  const { bucket, key } = grant
  const path = bucket === libraryBucket
    ? await options.locateMedia(`/${key}`)
    : (await locate(options.root, bucket, key)).path
  const object = await openObject(path, key)
  const { metadata } = object
  const headers = headersOf(metadata, grant)
  const refuse = async (status: number) => {
    await object.file.close()
    return new Response(null, { status, headers })
  }
  if (isTagNamed(request.headers.get('if-none-match'), metadata.etag)) return await refuse(304)
  const range = isRangeCurrent(request, metadata)
    ? parseByteRange(request.headers.get('range'), metadata.size)
    : 'whole'
  if (range === 'unsatisfiable') {
    headers.set('content-range', contentRangeOf(range, metadata.size))
    return await refuse(416)
  }
  return await sendBytes(request, object, headers, range)
}

async function sendBytes(
  request: Request,
  { file, metadata: { size } }: OpenObject,
  headers: Headers,
  range: ByteRange | 'whole',
): Promise<Response> {
  const { start, end } = range === 'whole' ? { start: 0, end: size - 1 } : range
  headers.set('content-length', String(end - start + 1))
  if (range !== 'whole') headers.set('content-range', contentRangeOf(range, size))
  const hasBody = request.method === 'GET' && end >= start
  if (!hasBody) await file.close()
  const body = hasBody ? streamOf(file, start, end) : null
  return new Response(body, { status: range === 'whole' ? 200 : 206, headers })
}

function headersOf(metadata: ObjectMetadata, grant: Grant): Headers {
  return new Headers({
    'content-type': metadata.contentType,
    'content-disposition': grant.downloadName === undefined
      ? 'inline'
      : attachmentOf(grant.downloadName),
    'accept-ranges': 'bytes',
    etag: metadata.etag,
    'last-modified': new Date(metadata.lastModified * 1000).toUTCString(),
    // May be kept, by the asker alone, but is asked for again each time.
    'cache-control': 'private, no-cache',
    'x-content-type-options': 'nosniff',
  })
}

/** A range of a file that was replaced would be mixed with bytes of the old one: then everything is sent. */
function isRangeCurrent(request: Request, { etag, lastModified }: ObjectMetadata): boolean {
  const condition = request.headers.get('if-range')
  if (condition === null || condition === etag) return true
  return Date.parse(condition) === lastModified * 1000
}

async function receive(request: Request, grant: Grant, options: ServeOptions): Promise<Response> {
  const { bucket, key, contentType } = grant
  const action = `PUT object "${key}"`
  if (contentType !== undefined && request.headers.get('content-type') !== contentType) {
    deny(action, `its content type must be ${contentType}`)
  }
  const sha256 = givenDigest(request.headers.get('repr-digest'), action)
  const range = parseContentRange(request.headers.get('content-range'), action)
  // Pieces belong to one object by its digest or its URL, and are not decided by who came first.
  const ifAbsent = request.headers.get('if-none-match')?.trim() === '*'
  if (range !== undefined) return await receivePiece({ request, grant, range, sha256 }, options)
  const declared = request.headers.get('content-length')
  const chunks = wholeBody(bodyOf(request), declared, action)
  const target = { bucket, path: key, signal: request.signal, ifAbsent, ...(sha256 && { sha256 }) }
  try {
    const summary = await options.upload(target, chunks)
    return Response.json(summary, { status: 201, headers: { etag: summary.etag } })
  } catch (failure) {
    const isTaken = failure instanceof WebEncodeError && failure.code === 'WE-STO-007'
    if (isTaken) return new Response(null, { status: 412 })
    throw failure
  }
}

interface PieceRequest {
  readonly request: Request
  readonly grant: Grant
  readonly range: ContentRange
  readonly sha256: string | undefined
}

/** As Google's resumable uploads: 308 with a `Range` of what is there, until the object is whole. */
async function receivePiece(
  { request, grant, range: { total, piece }, sha256 }: PieceRequest,
  { root, resumable }: ServeOptions,
): Promise<Response> {
  const { bucket, key, contentType = null, expiresAt } = grant
  const upload = {
    place: await locate(root, bucket, key),
    action: `PUT object "${key}"`,
    total,
    sha256,
    identity: [bucket, key, contentType, total, sha256 ?? expiresAt],
  }
  const state = await resumable.receive(upload, piece && { ...piece, body: bodyOf(request) })
  return answerFor(state, key)
}

function answerFor(state: UploadState, key: string): Response {
  if (state.status === 'whole') {
    const summary = { url: `fs://${key}`, ...state.written }
    return Response.json(summary, { status: 201, headers: { etag: summary.etag } })
  }
  const headers = state.size === 0 ? {} : { range: `bytes=0-${state.size - 1}` }
  return new Response(null, { status: 308, headers })
}

function bodyOf(request: Request): ReadableStream<Uint8Array> {
  return request.body ?? new Blob([]).stream()
}

/**
 * The body, the next bytes of which are asked for while these are stored; a connection that broke before the declared length is
 * an error, not a shorter object.
 */
async function* wholeBody(
  body: ReadableStream<Uint8Array>,
  declared: string | null,
  action: string,
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  let received = 0
  try {
    for (let reading = reader.read();;) {
      const { done, value } = await reading
      if (done) break
      received += value.length
      reading = reader.read()
      // Whoever stops here does not wait for it.
      reading.catch(() => {})
      yield value
    }
  } finally {
    await reader.cancel()
  }
  if (declared === null || received === Number(declared)) return
  throw new WebEncodeError(
    'WE-STO-004',
    `Cannot ${action}: ${received} of ${declared} bytes arrived`,
  )
}
