/** Sends an object of the storage, or a range of it. */
import type { Context } from 'hono'
import { contentRangeOf, parseByteRange } from '../contract/byte-range.ts'
import { attachmentOf } from '../contract/disposition.ts'
import { isTagNamed } from '../contract/entity-tag.ts'
import type { StorageProvider } from '../contract/storage.ts'
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
  if (isTagNamed(c.req.header('if-none-match'), headers.ETag)) return c.body(null, 304, headers)
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
  const position = { 'Content-Range': contentRangeOf(range, size) }
  return c.newResponse(body, 206, { ...headers, ...length, ...position })
}

function headersOf({ contentType, etag, saveAs }: Download) {
  return {
    'Content-Type': contentType,
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'private, no-cache',
    ETag: `"${etag}"`,
    'Content-Disposition': saveAs === undefined ? 'inline' : attachmentOf(saveAs),
  }
}
