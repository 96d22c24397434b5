/** The body of a request as a stream that may be given up without tearing the connection. */
import { Readable } from 'node:stream'

/** After a stream is given up, its client may send this much and this long before it is cut off. */
const politeBytes = 64 * 1024 * 1024
const politeMs = 5000

/**
 * Reads `body`. Whoever destroys the stream leaves the rest of it to be read and thrown away: a client that is cut off while it
 * sends never hears why, and one that has just sent all would use the torn connection for its next request.
 */
export function readableFrom(body: ReadableStream<Uint8Array>): Readable {
  const reader = body.getReader()
  return new Readable({
    read() {
      reader.read().then(
        ({ done, value }) => {
          if (!this.destroyed) this.push(done ? null : value)
        },
        (failure: unknown) => {
          this.destroy(failure instanceof Error ? failure : new Error(String(failure)))
        },
      )
    },
    destroy(failure, done) {
      void discard(reader)
      done(failure)
    },
  })
}

async function discard(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  // Both end in a cancelled reader, which has nothing more to say.
  const cut = () => void reader.cancel().catch(() => {})
  const deadline = setTimeout(cut, politeMs)
  try {
    for (let left = politeBytes; left > 0;) {
      const { done, value } = await reader.read()
      if (done) return
      left -= value.byteLength
    }
    cut()
  } catch {
    // The client is gone, and nobody waits for its bytes.
  } finally {
    clearTimeout(deadline)
  }
}
