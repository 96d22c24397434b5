/** Sends an object of the storage, or a range of it. */
import type { Context } from 'hono'
import type { StorageProvider } from '../contract/storage.ts'
import { parseByteRange } from './byte-range.ts'
import type { AppEnv } from './deps.ts'
import { rangeNotSatisfiable } from './problem.ts'

/** What is sent, and as what. */
export interface Download {
  readonly bucket: string
  readonly key: string
  readonly sizeBytes: number
  readonly contentType: string
  /** Changes when the bytes do; without quotes. */
  readonly etag: string
  /** Name to save it as; absent: shown in the browser. */
  readonly saveAs?: string
}

/** Answers GET and HEAD, with `Range`, `If-Range` and `If-None-Match`. @throws WE-STO-001, WE-STO-005 */
export async function sendDownload(
  c: Context<AppEnv>,
  storage: StorageProvider,
  download: Download,
): Promise<Response> {
  const { sizeBytes: size } = download
  const headers = headersOf(download)
  if (isKnown(c.req.header('if-none-match'), headers.ETag)) return c.body(null, 304, headers)
  const isCurrent = (c.req.header('if-range') ?? headers.ETag) === headers.ETag
  const range = parseByteRange(isCurrent ? c.req.header('range') : undefined, size)
  if (range === 'unsatisfiable') throw rangeNotSatisfiable(c, size)
  const { start, end } = range === 'whole' ? { start: 0, end: size - 1 } : range
  const length = { 'Content-Length': String(end - start + 1) }
  const body = c.req.method === 'HEAD' || size === 0 ? null : (await storage.download({
    bucket: download.bucket,
    path: download.key,
    ...(range === 'whole' ? {} : { range }),
  })).body
  if (range === 'whole') return c.newResponse(body, 200, { ...headers, ...length })
  const position = { 'Content-Range': `bytes ${start}-${end}/${size}` }
  return c.newResponse(body, 206, { ...headers, ...length, ...position })
}

/** The list of `If-None-Match`, whose comparison is weak (RFC 9110, section 13.1.2). */
function isKnown(tags: string | undefined, etag: string): boolean {
  const named = tags?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? []
  return named.includes('*') || named.includes(etag)
}

function headersOf({ contentType, etag, saveAs }: Download) {
  return {
    'Content-Type': contentType,
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'private, no-cache',
    ETag: `"${etag}"`,
    'Content-Disposition': saveAs === undefined ? 'inline' : dispositionOf(saveAs),
  }
}

/** RFC 6266: an ASCII name for old clients, the real one encoded. */
function dispositionOf(name: string): string {
  const plain = name.replaceAll(/[^\w .()-]/g, '_')
  const encoded = encodeURIComponent(name.toWellFormed()).replaceAll(/['()*]/g, percentEncode)
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`
}

function percentEncode(mark: string): string {
  return `%${mark.charCodeAt(0).toString(16).toUpperCase()}`
}
