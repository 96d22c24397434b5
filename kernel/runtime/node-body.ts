/** The body of a request as Node has it: a way around the adapter, which makes two streams and a copy of it. */
import type { IncomingMessage } from 'node:http'

/**
 * The bytes of the body. A reader that gives up leaves the connection as it is: it may still answer.
 * @throws TypeError when somebody reads the body already
 */
export function bodyChunksOf(incoming: IncomingMessage): AsyncIterable<Uint8Array> {
  if (incoming.readableFlowing !== null || 'rawBody' in incoming) {
    throw new TypeError('The body of the request is being read already')
  }
  // The adapter makes the signal of a request together with its body: with this one, and not with chunks that it takes from here.
  Object.assign(incoming, { rawBody: Buffer.alloc(0) })
  return incoming.iterator({ destroyOnReturn: false })
}
