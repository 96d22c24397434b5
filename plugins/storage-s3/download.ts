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
  let isWaiting = false
  /** One timer for all reads: it is only looked at when it fires, and a reader that pauses is not silence. */
  const timer = setInterval(() => {
    if (isWaiting) body.destroy(silence(action, idleMs))
  }, idleMs).unref()
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      isWaiting = true
      timer.refresh()
      try {
        const { done, value } = await iterator.next()
        if (done !== true) return controller.enqueue(value)
        clearInterval(timer)
        controller.close()
      } catch (failure) {
        clearInterval(timer)
        throw storageFailure(failure, action)
      } finally {
        isWaiting = false
      }
    },
    cancel() {
      clearInterval(timer)
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
