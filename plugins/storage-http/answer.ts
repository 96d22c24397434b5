/** What a web server answered: which bytes of which object they are. */
import { contentTypeOf } from '../../kernel/contract/content-types.ts'
import type { ObjectMetadata } from '../../kernel/contract/storage.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { OpenOptions, OutboundResponse } from '../../kernel/outbound.ts'
import { statusFailure } from './failure.ts'

/** An object that is being sent. The body must be read or destroyed. */
export interface Answer {
  readonly body: OutboundResponse['body']
  readonly headers: OutboundResponse['headers']
  /** Of the whole object, in bytes; undefined when the server does not say. */
  readonly size: number | undefined
  /** Which byte of the object the body begins with. */
  readonly start: number
  /** The address without its query, for people. */
  readonly place: string
}

/** Bytes that are asked for, both ends included. */
export type Range = NonNullable<OpenOptions['range']>

/**
 * Reads the head. A server need not know ranges: then all comes, from the first byte on.
 * @throws WE-STO-001 without an object, WE-STO-002, WE-STO-004, WE-STO-005 when the object is shorter than the range's start
 */
export function answerFrom(response: OutboundResponse, range: Range | undefined): Answer {
  const { url, status, headers, body } = response
  const { origin, pathname } = new URL(url)
  const answer = { body, headers, place: origin + pathname }
  try {
    if (status === 200) return { ...answer, start: 0, size: lengthOf(headers['content-length']) }
    const sent = contentRange(headers['content-range'])
    // No range lies in an empty file, not even that of its first byte.
    if (status === 416 && sent?.size === 0 && range?.start === 0) {
      return { ...answer, start: 0, size: 0 }
    }
    if (status !== 206) throw statusFailure(status, answer.place)
    if (sent?.start !== undefined && sent.start === range?.start) {
      return { ...answer, start: sent.start, size: sent.size }
    }
    const problem =
      `Cannot read ${answer.place}: the server sends other bytes than it was asked for`
    throw new WebEncodeError('WE-STO-004', problem)
  } catch (failure) {
    body.destroy()
    throw failure
  }
}

/** The facts of the object: of unknown size, 0. Its name says its type, and never its server: a browser could run that. */
export function metadataOf(key: string, { headers, size = 0 }: Answer): ObjectMetadata {
  const changed = Date.parse(String(headers['last-modified']))
  return {
    key,
    size,
    etag: String(headers['etag'] ?? '').replace(/^(W\/)?"(.*)"$/, '$2'),
    lastModified: Number.isNaN(changed) ? 0 : Math.floor(changed / 1000),
    contentType: contentTypeOf(key.replace(/\?.*/, '')),
  }
}

type Header = string | string[] | undefined

// `bytes 2-4/10`, `bytes 2-4/*`, or of an empty file `bytes */0`.
function contentRange(header: Header): { start?: number; size: number | undefined } | undefined {
  const [, start, size] = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(String(header)) ?? []
  if (size === undefined) return undefined
  const known = size === '*' ? undefined : Number(size)
  return start === undefined ? { size: known } : { start: Number(start), size: known }
}

function lengthOf(header: Header): number | undefined {
  return header === undefined ? undefined : Number(header)
}
