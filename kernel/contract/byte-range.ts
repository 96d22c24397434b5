/** Byte ranges of downloads (RFC 9110, section 14): what a request asks for, and what an answer says of itself. */

/** Bytes `start` to `end`, both included. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * The range that a `Range` header asks of `size` bytes. A header that is malformed or names several ranges is
 * ignored, as the RFC allows; `unsatisfiable` means that no byte of the range exists.
 */
export function parseByteRange(
  header: string | null | undefined,
  size: number,
): ByteRange | 'whole' | 'unsatisfiable' {
  const [, first, last] = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(header ?? '') ?? []
  if (first === undefined || last === undefined || first + last === '') return 'whole'
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 }
  }
  const start = Number(first)
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (last !== '' && Number(last) < start) return 'whole'
  return start < size ? { start, end } : 'unsatisfiable'
}

/** The `Content-Range` of an answer that carries a range of `size` bytes, or for which there is none. */
export function contentRangeOf(range: ByteRange | 'unsatisfiable', size: number): string {
  return `bytes ${range === 'unsatisfiable' ? '*' : `${range.start}-${range.end}`}/${size}`
}
