/** Bytes that are made one chunk after the other, as the stream that HTTP takes. */

/** The stream makes nothing ahead of its reader; a reader that gives up ends the generator. */
export function byteStreamFrom(
  chunks: AsyncGenerator<Uint8Array>,
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await chunks.next()
      if (done === true) controller.close()
      else controller.enqueue(value)
    },
    async cancel() {
      await chunks.return(undefined)
    },
  }, { highWaterMark: 0 })
}
