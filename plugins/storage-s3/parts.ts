/** Cuts a stream into the parts of an upload: each whole in memory with its hash, in buffers that are used again. */
import { createHash } from 'node:crypto'

/** Bytes of a part. S3 takes 10,000 of them: 160 GB. */
export const partBytes = 16 * 1024 * 1024
/** Small objects need no large buffer; it doubles until it holds a part. */
const firstBufferBytes = 64 * 1024

/** A part that is ready to be sent. */
export interface Part {
  /** 1 for the first. */
  readonly number: number
  /** Changes after {@link PartCutter.release}. */
  readonly bytes: Buffer<ArrayBuffer>
  /** Lower-case hex. */
  readonly sha256: string
  readonly isLast: boolean
}

/** One stream on its way into parts. */
export class PartCutter {
  readonly #hash = createHash('sha256')
  readonly #spare: Buffer<ArrayBuffer>[] = []
  #buffer = Buffer.allocUnsafeSlow(firstBufferBytes)
  #length = 0
  /** The first part begins with the whole: its hash is the one of the whole so far. */
  #partHash = this.#hash
  #number = 1
  /** Known when the last part is there. */
  facts = { size: 0, sha256: '' }

  /** The parts in their order. All but the last are full; of no bytes there is one empty part. @throws what `chunks` throws */
  async *parts(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Part> {
    for await (const chunk of chunks) {
      for (let rest = chunk; rest.length > 0;) {
        if (this.#length === partBytes) yield this.#cut()
        const taken = rest.subarray(0, partBytes - this.#length)
        this.#add(taken)
        rest = rest.subarray(taken.length)
      }
    }
    const last = this.#cut(true)
    const size = (last.number - 1) * partBytes + last.bytes.length
    this.facts = { size, sha256: this.#hash.digest('hex') }
    yield last
  }

  /** Takes a buffer back: nobody reads the part any more. */
  release({ bytes }: Part): void {
    if (bytes.length === partBytes) this.#spare.push(bytes)
  }

  #add(bytes: Uint8Array): void {
    const length = this.#length + bytes.length
    if (length > this.#buffer.length) this.#grow(length)
    this.#buffer.set(bytes, this.#length)
    this.#length = length
    this.#hash.update(bytes)
    // While they are in the processor's cache.
    if (this.#partHash !== this.#hash) this.#partHash.update(bytes)
  }

  #grow(length: number): void {
    const wanted = Math.min(partBytes, Math.max(length, 2 * this.#buffer.length))
    const larger = Buffer.allocUnsafeSlow(wanted)
    larger.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = larger
  }

  #cut(isLast = false): Part {
    const hash = this.#partHash === this.#hash ? this.#hash.copy() : this.#partHash
    const bytes = this.#buffer.subarray(0, this.#length)
    const part = { number: this.#number, bytes, sha256: hash.digest('hex'), isLast }
    this.#number++
    this.#length = 0
    this.#partHash = createHash('sha256')
    if (!isLast) this.#buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(partBytes)
    return part
  }
}
