/** Bytes on their way, handed out in pieces of a bounded size. */

/** A failure ends the piece, whole as far as it came, and is told after. */
export class PieceSource {
  readonly #iterator: AsyncIterator<Uint8Array>
  #rest: Uint8Array | undefined
  #isDone = false
  /** Why there is no more; undefined at the true end. */
  failure: unknown

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#iterator = chunks[Symbol.asyncIterator]()
  }

  /** Waits for a byte. */
  async hasMore(): Promise<boolean> {
    while (this.#rest === undefined && !this.#isDone) {
      try {
        const { done, value } = await this.#iterator.next()
        if (done === true) this.#isDone = true
        else if (value.length > 0) this.#rest = value
      } catch (failure) {
        this.#isDone = true
        this.failure = failure
      }
    }
    return this.#rest !== undefined
  }

  /** The next bytes, at most `limit` of them. */
  async *take(limit: number): AsyncGenerator<Uint8Array> {
    let left = limit
    while (left > 0 && await this.hasMore()) {
      const chunk = this.#rest ?? new Uint8Array()
      this.#rest = chunk.length > left ? chunk.subarray(left) : undefined
      const taken = chunk.subarray(0, left)
      left -= taken.length
      yield taken
    }
  }
}
