/** The bytes of an answer as a stream: those that were asked for, all of them or a failure. */
import { byteStreamFrom } from '../../kernel/contract/byte-stream.ts'
import { messageOf, WebEncodeError } from '../../kernel/errors.ts'
import type { Answer, Range } from './answer.ts'

/** The stream waits for its reader; the guard ends a server that falls silent. @throws WE-STO-005 when nothing of it is in the range */
export function streamOf(answer: Answer, range: Range = { start: 0 }): ReadableStream<Uint8Array> {
  const { size = Infinity, place } = answer
  if (range.start > 0 && range.start >= size) {
    answer.body.destroy()
    const problem = `Cannot read ${place} from byte ${range.start}: it has ${size}`
    throw new WebEncodeError('WE-STO-005', problem)
  }
  return byteStreamFrom(bytesOf(answer, range))
}

async function* bytesOf(
  { body, start, size, place }: Answer,
  range: Range,
): AsyncGenerator<Uint8Array> {
  const end = Math.min(size ?? Infinity, (range.end ?? Infinity) + 1)
  let at = start
  if (size === 0) return void body.destroy()
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      const part = chunk.subarray(Math.max(0, range.start - at), Math.max(0, end - at))
      at += chunk.length
      if (part.length > 0) yield part
      if (at >= end) return
    }
  } catch (cause) {
    const problem = `Cannot read ${place}: it broke off after ${at} bytes: ${messageOf(cause)}`
    throw new WebEncodeError('WE-STO-004', problem, { cause })
  }
  if (size === undefined) return
  const problem = `Cannot read ${place}: it ended after ${at} of ${size} bytes`
  throw new WebEncodeError('WE-STO-004', problem)
}
