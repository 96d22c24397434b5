/** Streams an object in, in parts when it is large: it appears whole, with its hash, or not at all. */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { WebEncodeError } from '../../kernel/errors.ts'
import { deadline, unlessAborted } from './deadline.ts'
import { type Part, partBytes, PartCutter } from './parts.ts'

/** Parts on their way at the same time; one more is being filled. */
const parallelParts = 2
/** The most that S3 takes. */
const maxParts = 10_000

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
  return await new Transfer(client, order).run()
}

/** An etag without quotes. */
export function plainEtag(etag: string | undefined): string {
  return (etag ?? '').replaceAll('"', '')
}

/** The bytes on their way. The first failure of either side ends the other. */
class Transfer {
  readonly #client: S3Client
  readonly #order: UploadOrder
  readonly #place: { readonly Bucket: string; readonly Key: string }
  readonly #cutter = new PartCutter()
  /** Aborted with what failed first. */
  readonly #stop = new AbortController()
  readonly #signal: AbortSignal
  readonly #sending = new Set<Promise<void>>()
  readonly #sent: { PartNumber: number; ETag: string | undefined }[] = []
  #uploadId: string | undefined

  constructor(client: S3Client, order: UploadOrder) {
    this.#client = client
    this.#order = order
    this.#place = { Bucket: order.bucket, Key: order.key }
    const { signal } = this.#stop
    this.#signal = order.signal === undefined ? signal : AbortSignal.any([order.signal, signal])
  }

  async run(): Promise<Written> {
    try {
      const etag = await this.#send()
      return { ...this.#cutter.facts, etag: plainEtag(etag) }
    } catch (failure) {
      this.#stop.abort(failure)
      await Promise.all(this.#sending)
      await this.#throwAway()
      throw this.#signal.reason
    }
  }

  /** @returns the etag of the object */
  async #send(): Promise<string | undefined> {
    for await (const part of this.#cutter.parts(abortable(this.#order.chunks, this.#signal))) {
      if (part.isLast) this.#refuseWrongHash()
      if (part.number > maxParts) this.#refuseTooLarge()
      if (part.isLast && part.number === 1) return await this.#putWhole(part)
      this.#uploadId ??= await this.#begin()
      if (this.#sending.size === parallelParts) await Promise.race(this.#sending)
      this.#startPart(part)
    }
    await Promise.all(this.#sending)
    return await this.#complete()
  }

  /** For the request with which the object appears. */
  get #condition(): { readonly IfNoneMatch?: string } {
    return this.#order.ifAbsent ? { IfNoneMatch: '*' } : {}
  }

  /** The last bytes are not sent before this. */
  #refuseWrongHash(): void {
    const { key, sha256 } = this.#order
    const { sha256: found } = this.#cutter.facts
    if (sha256 === undefined || sha256 === found) return
    const problem = `its bytes must have the SHA-256 ${sha256}, found ${found}`
    throw new WebEncodeError('WE-STO-006', `Cannot write object "${key}": ${problem}`)
  }

  #refuseTooLarge(): never {
    const problem = `it must have at most ${maxParts} parts of ${partBytes} bytes, and it has more`
    throw new WebEncodeError('WE-STO-003', `Cannot write object "${this.#order.key}": ${problem}`)
  }

  async #putWhole({ bytes: Body, sha256 }: Part): Promise<string | undefined> {
    const { contentType: ContentType } = this.#order
    const command = new PutObjectCommand({
      ...this.#place,
      ...this.#condition,
      ContentType,
      Body,
    })
    command.middlewareStack.add(knownHash(sha256), beforeSigning)
    return (await this.#client.send(command, this.#limits())).ETag
  }

  async #begin(): Promise<string | undefined> {
    const { contentType: ContentType } = this.#order
    const command = new CreateMultipartUploadCommand({ ...this.#place, ContentType })
    return (await this.#client.send(command, this.#limits())).UploadId
  }

  /** Its failure is the transfer's: nobody has to wait for it to hear of it. */
  #startPart(part: Part): void {
    this.#signal.throwIfAborted()
    const sending = this.#sendPart(part)
      .catch((failure: unknown) => this.#stop.abort(failure))
      .finally(() => this.#sending.delete(sending))
    this.#sending.add(sending)
  }

  async #sendPart(part: Part): Promise<void> {
    const { number: PartNumber, bytes: Body, sha256 } = part
    const { Bucket, Key } = this.#place
    const target = { Bucket, Key, UploadId: this.#uploadId, PartNumber }
    const command = new UploadPartCommand({ ...target, Body })
    command.middlewareStack.add(knownHash(sha256), beforeSigning)
    const { ETag } = await this.#client.send(command, this.#limits())
    this.#sent.push({ PartNumber, ETag })
    this.#cutter.release(part)
  }

  async #complete(): Promise<string | undefined> {
    this.#signal.throwIfAborted()
    const Parts = this.#sent.sort((a, b) => a.PartNumber - b.PartNumber)
    const target = { ...this.#place, ...this.#condition, UploadId: this.#uploadId }
    const command = new CompleteMultipartUploadCommand({ ...target, MultipartUpload: { Parts } })
    return (await this.#client.send(command, this.#limits())).ETag
  }

  /** Goes on when all else is given up. What the server does not throw away now, the sweep does. */
  async #throwAway(): Promise<void> {
    if (this.#uploadId === undefined) return
    const command = new AbortMultipartUploadCommand({ ...this.#place, UploadId: this.#uploadId })
    const abortSignal = deadline(this.#order.partTimeoutMs)
    await this.#client.send(command, { abortSignal }).catch(() => {})
  }

  #limits(): { readonly abortSignal: AbortSignal } {
    return { abortSignal: deadline(this.#order.partTimeoutMs, this.#signal) }
  }
}

const beforeSigning = { step: 'build', name: 'knownHash' } as const

/** Middleware that tells the SDK the hash of the body: it would count it once more to sign it. */
function knownHash(sha256: string) {
  return <Args extends { request: unknown }, Result>(next: (args: Args) => Promise<Result>) =>
  (args: Args): Promise<Result> => {
    const { headers } = args.request as { headers: Record<string, string> }
    headers['x-amz-content-sha256'] = sha256
    return next(args)
  }
}

/** The chunks until the signal is aborted, also while one is waited for. */
async function* abortable(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
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
