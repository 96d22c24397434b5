/** The bytes of an object as a stream that waits for its reader, and not for ever for the server. */
import type { Readable } from 'node:stream'
import { WebEncodeError } from '../../kernel/errors.ts'
import { storageFailure } from './failure.ts'

/** @param idleMs - milliseconds that the server may be silent while it is read from */
export function streamOf(
  body: Readable,
  key: string,
  idleMs: number,
): ReadableStream<Uint8Array> {
  const action = `read object "${key}"`
  const iterator: AsyncIterator<Uint8Array> = body[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const timer = setTimeout(() => body.destroy(silence(action, idleMs)), idleMs)
      try {
        const { done, value } = await iterator.next()
        if (done === true) controller.close()
        else controller.enqueue(value)
      } catch (failure) {
        throw storageFailure(failure, action)
      } finally {
        clearTimeout(timer)
      }
    },
    cancel() {
      body.destroy()
    },
  }, { highWaterMark: 0 })
}

function silence(action: string, idleMs: number): WebEncodeError {
  return new WebEncodeError(
    'WE-STO-004',
    `Cannot ${action}: the storage was silent for ${idleMs / 1000} s`,
  )
}
