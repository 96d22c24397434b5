/** A real video that ends with a large box which players skip: as many bytes as a check wants, and none of the box is kept. */
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'

const blockBytes = 1024 * 1024
/** Size and name of a box; a size of 1 says that the real one follows, in eight bytes. */
const boxHeaderBytes = 16

/** The film of that many bytes. Every mebibyte of its box is another one. */
export class LargeFilm {
  readonly sizeBytes: number
  readonly #head: Buffer
  readonly #block = randomBytes(blockBytes)

  /** @param sizeBytes - at least those of the video and a header. @throws RangeError for fewer */
  constructor(videoPath: string, sizeBytes: number) {
    const video = readFileSync(videoPath)
    const boxBytes = sizeBytes - video.length
    if (!Number.isSafeInteger(sizeBytes) || boxBytes < boxHeaderBytes) {
      const least = video.length + boxHeaderBytes
      throw new RangeError(`A large film must have at least ${least} bytes; got ${sizeBytes}`)
    }
    const header = Buffer.alloc(boxHeaderBytes)
    header.writeUInt32BE(1)
    header.write('free', 4)
    header.writeBigUInt64BE(BigInt(boxBytes), 8)
    this.sizeBytes = sizeBytes
    this.#head = Buffer.concat([video, header])
  }

  /** Bytes from there on, at most a mebibyte of them; none at the end. */
  bytesFrom(position: number): Buffer {
    if (position < this.#head.length) {
      return this.#head.subarray(position, position + blockBytes)
    }
    const inBox = position - this.#head.length
    const block = Buffer.from(this.#block)
    block.writeBigUInt64BE(BigInt(Math.floor(inBox / blockBytes)))
    const left = this.sizeBytes - position
    return block.subarray(inBox % blockBytes).subarray(0, left)
  }

  /** Of the whole, in lower-case hex. */
  sha256(): string {
    const hash = createHash('sha256')
    for (let at = 0; at < this.sizeBytes;) {
      const bytes = this.bytesFrom(at)
      hash.update(bytes)
      at += bytes.length
    }
    return hash.digest('hex')
  }
}
