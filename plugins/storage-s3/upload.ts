/** Streams an object in, in parts when it is large: it appears whole, with its hash, or not at all. */
import { AbortMultipartUploadCommand, type S3Client } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { WebEncodeError } from '../../kernel/errors.ts'
import { deadline, unlessAborted } from './deadline.ts'

/** Bytes of a part. S3 takes 10,000 of them: 160 GB. */
const partBytes = 16 * 1024 * 1024
/** Parts on their way at the same time; one more is being filled. */
const parallelParts = 2

/** What is uploaded, and where. */
export interface UploadOrder {
  readonly bucket: string
  readonly key: string
  readonly contentType: string
  readonly chunks: AsyncIterable<Uint8Array>
  /** Lower-case hex that the bytes must have. */
  readonly sha256?: string
  /** Where there is an object, it stays: the server answers with a failure. */
  readonly ifAbsent: boolean
  readonly signal?: AbortSignal
  /** Milliseconds that one part may take. */
  readonly partTimeoutMs: number
}

/** What is known of an object that was written. */
export interface Written {
  readonly size: number
  readonly sha256: string
  readonly etag: string
}

/** @throws WE-STO-006 for another hash, what `chunks` throws, the signal's reason, or the failure of the server; nothing is left then */
export async function uploadObject(client: S3Client, order: UploadOrder): Promise<Written> {
  const { bucket: Bucket, key: Key, contentType: ContentType } = order
  const transfer = new Transfer(client, order)
  const upload = new Upload({
    client: transfer.client,
    params: {
      Bucket,
      Key,
      ContentType,
      Body: Readable.from(transfer.bytes()),
      ...(order.ifAbsent && { IfNoneMatch: '*' }),
    },
    partSize: partBytes,
    queueSize: parallelParts,
  })
  try {
    const { ETag } = await upload.done()
    return { ...transfer.facts, etag: plainEtag(ETag) }
  } catch (failure) {
    throw transfer.failure ?? failure
  }
}

/** An etag without quotes. */
export function plainEtag(etag: string | undefined): string {
  return (etag ?? '').replaceAll('"', '')
}

/** The bytes on their way. The first failure of either side ends the other: the SDK alone would read on to the end. */
class Transfer {
  readonly #order: UploadOrder
  readonly client: S3Client
  failure: unknown
  facts = { size: 0, sha256: '' }

  constructor(client: S3Client, order: UploadOrder) {
    this.#order = order
    this.client = this.#watched(client)
  }

  async *bytes(): AsyncGenerator<Uint8Array> {
    const { chunks, key, sha256, signal } = this.#order
    const hash = createHash('sha256')
    let size = 0
    try {
      for await (const chunk of abortable(chunks, signal)) {
        if (this.failure !== undefined) throw this.failure
        if (chunk.length === 0) continue
        hash.update(chunk)
        size += chunk.length
        yield chunk
      }
      this.facts = { size, sha256: hash.digest('hex') }
      if (sha256 !== undefined && sha256 !== this.facts.sha256) {
        const problem = `its bytes must have the SHA-256 ${sha256}, found ${this.facts.sha256}`
        throw new WebEncodeError('WE-STO-006', `Cannot write object "${key}": ${problem}`)
      }
    } catch (failure) {
      this.failure ??= failure
      throw failure
    }
  }

  /** The client with a deadline for every request. Throwing parts away goes on when all else is given up. */
  #watched(client: S3Client): S3Client {
    const { partTimeoutMs, signal } = this.#order
    const send = async (command: Parameters<S3Client['send']>[0]) => {
      const isCleanUp = command instanceof AbortMultipartUploadCommand
      const abortSignal = deadline(partTimeoutMs, isCleanUp ? undefined : signal)
      try {
        return await client.send(command, { abortSignal })
      } catch (failure) {
        this.failure ??= abortSignal.aborted ? abortSignal.reason : failure
        throw failure
      }
    }
    return Object.assign(Object.create(client) as S3Client, { send })
  }
}

/** The chunks until the signal is aborted, also while one is waited for. */
async function* abortable(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  if (signal === undefined) return yield* chunks
  const iterator = chunks[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await unlessAborted(Promise.resolve(iterator.next()), signal)
      if (next.done === true) return
      yield next.value
    }
  } finally {
    // A source that hangs is not waited for.
    void Promise.resolve(iterator.return?.()).catch(() => {})
  }
}
