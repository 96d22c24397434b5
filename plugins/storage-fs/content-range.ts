/** Where a piece of an upload belongs (RFC 9110, section 14.4), and the question how much is there. */
import { WebEncodeError } from '../../kernel/errors.ts'

/** A piece of an upload: bytes `start` to `end`, both included, of `total`. */
export interface ContentRange {
  readonly total: number
  /** Absent when the header has a `*` in its place: the request brings nothing and asks how much is there. */
  readonly piece?: { readonly start: number; readonly end: number }
}

type Numbers = [start: number, end: number, total: number]

/**
 * The piece that a `Content-Range` header announces; undefined without one: the request brings the whole object.
 * @throws WE-STO-005 for a header that is malformed, or a piece that does not lie within its object
 */
export function parseContentRange(header: string | null, action: string): ContentRange | undefined {
  if (header === null) return undefined
  const match = /^bytes (?:\*|(\d+)-(\d+))\/(\d+)$/.exec(header.trim())
  const [start, end, total] = [1, 2, 3].map((group) => Number(match?.[group] ?? 0)) as Numbers
  const piece = match?.[1] === undefined ? undefined : { start, end }
  const isWithin = piece === undefined || (start <= end && end < total)
  if (total > 0 && Number.isSafeInteger(total) && isWithin) {
    return { total, ...(piece !== undefined && { piece }) }
  }
  throw new WebEncodeError(
    'WE-STO-005',
    `Cannot ${action}: its Content-Range must be "bytes a-b/total" or "bytes */total", ` +
      `found "${header.slice(0, 100)}"`,
  )
}
