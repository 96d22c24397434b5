/** Objects in a bucket of an S3 server: AWS, SeaweedFS, MinIO, R2 and others. */
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3'
import type { Readable } from 'node:stream'
import { contentTypeOf } from '../../kernel/contract/content-types.ts'
import { objectKeyFault } from '../../kernel/contract/object-key.ts'
import type {
  ObjectMetadata,
  SignedUrlRequest,
  SignedUrlResponse,
  StorageProvider,
} from '../../kernel/contract/storage.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'
import { browseBucket, rootOf } from './browse.ts'
import { answeredWithin, deadline } from './deadline.ts'
import { streamOf } from './download.ts'
import { isMissing, storageFailure } from './failure.ts'
import {
  clientsFrom,
  defaultCallTimeoutMs,
  defaultIdleTimeoutMs,
  longestExpirySeconds,
  type S3Clients,
  type S3StorageOptions,
} from './options.ts'
import { signRead, signWrite } from './signing.ts'
import { sweepParts } from './sweep.ts'
import { plainEtag, uploadObject } from './upload.ts'

/** What the product calls its bucket, whatever its name is on the server. */
const productBucket = 'media'
const maxListed = 1000
const sweepEveryMs = 3600 * 1000
/** How many times as long as another request the part of an upload may take. */
const partPatience = 5

/** A storage on an S3 server. */
export interface S3Storage extends StorageProvider {
  /** Asks whether the bucket is there and may be used. @throws WE-STO-002, WE-STO-004 */
  check(): Promise<void>
  /** Ends its connections. */
  close(): Promise<void>
}

/** Opens the storage; nothing is connected yet. @throws RangeError for an endpoint or expiry that cannot be */
export function createS3Storage(options: S3StorageOptions, log: Log): S3Storage {
  const expiry = options.signedUrlExpirySeconds ?? longestExpirySeconds
  if (!Number.isInteger(expiry) || expiry < 1 || expiry > longestExpirySeconds) {
    throw new RangeError(
      `signedUrlExpirySeconds must be 1 to ${longestExpirySeconds}; got ${expiry}`,
    )
  }
  return new BucketStorage(options, log)
}

class BucketStorage implements S3Storage {
  readonly #clients: S3Clients
  readonly #options: S3StorageOptions
  readonly #log: Log
  readonly #now: () => number
  readonly #callTimeoutMs: number
  #sweptAtMs = Number.NEGATIVE_INFINITY

  constructor(options: S3StorageOptions, log: Log) {
    this.#clients = clientsFrom(options)
    this.#options = options
    this.#log = log
    this.#now = options.now ?? Date.now
    this.#callTimeoutMs = options.callTimeoutMs ?? defaultCallTimeoutMs
  }

  check: S3Storage['check'] = () =>
    this.#told(`use bucket "${this.#options.bucket}"`, async () => {
      // Unlike HeadBucket, the answer says what is wrong.
      const command = new ListObjectsV2Command({ Bucket: this.#options.bucket, MaxKeys: 1 })
      await this.#clients.server.send(command, this.#limits())
    })

  upload: StorageProvider['upload'] = (
    { bucket, path: key, signal, sha256, ifAbsent = false },
    chunks,
  ) =>
    this.#told(`write object "${key}"`, async () => {
      const place = { bucket: this.#bucketOf(bucket, key), key }
      this.#sweep()
      const written = await uploadObject(this.#clients.server, {
        ...place,
        contentType: contentTypeOf(key),
        chunks,
        ifAbsent,
        partTimeoutMs: partPatience * this.#callTimeoutMs,
        ...(signal !== undefined && { signal }),
        ...(sha256 !== undefined && { sha256 }),
      })
      return { url: `s3://${place.bucket}/${key}`, ...written }
    }, signal)

  download: StorageProvider['download'] = ({ bucket, path: key, range }) =>
    this.#told(`read object "${key}"`, async () => {
      const Bucket = this.#bucketOf(bucket, key)
      const Range = range && `bytes=${range.start}-${range.end ?? ''}`
      const command = new GetObjectCommand({ Bucket, Key: key, ...(Range && { Range }) })
      const answer = await answeredWithin(
        this.#callTimeoutMs,
        (signal) => this.#clients.server.send(command, signal),
      )
      const size = Number(answer.ContentRange?.split('/')[1] ?? answer.ContentLength ?? 0)
      const body = answer.Body as Readable
      const idleMs = this.#options.idleTimeoutMs ?? defaultIdleTimeoutMs
      return { metadata: metadataOf(key, answer, size), body: streamOf(body, key, idleMs) }
    })

  delete: StorageProvider['delete'] = ({ bucket, path: key }) =>
    this.#told(`delete object "${key}"`, async () => {
      const command = new DeleteObjectCommand({ Bucket: this.#bucketOf(bucket, key), Key: key })
      try {
        await this.#clients.server.send(command, this.#limits())
      } catch (failure) {
        if (!isMissing(failure)) throw failure
      }
    })

  getUrl: StorageProvider['getUrl'] = (request) => this.#sign(request, signRead)

  getUploadUrl: StorageProvider['getUploadUrl'] = (request) => this.#sign(request, signWrite)

  listObjects: StorageProvider['listObjects'] = ({ bucket, prefix, maxKeys, continuationToken }) =>
    this.#told(`list objects "${prefix}"`, async () => {
      const command = new ListObjectsV2Command({
        Bucket: this.#knownBucket(bucket),
        Prefix: prefix,
        MaxKeys: Math.min(Math.max(1, maxKeys ?? maxListed), maxListed),
        ...(continuationToken !== undefined && { ContinuationToken: continuationToken }),
      })
      const page = await this.#clients.server.send(command, this.#limits())
      const objects = (page.Contents ?? []).map(({ Key = '', Size = 0, ...facts }) => ({
        key: Key,
        size: Size,
        etag: plainEtag(facts.ETag),
        lastModified: secondsOf(facts.LastModified),
      })).filter(({ key }) => !key.endsWith('/'))
      const { NextContinuationToken: nextContinuationToken } = page
      return nextContinuationToken === undefined ? { objects } : { objects, nextContinuationToken }
    })

  getObjectMetadata: StorageProvider['getObjectMetadata'] = ({ bucket, path: key }) =>
    this.#told(`read object "${key}"`, async () => {
      const command = new HeadObjectCommand({ Bucket: this.#bucketOf(bucket, key), Key: key })
      try {
        const answer = await this.#clients.server.send(command, this.#limits())
        return metadataOf(key, answer, answer.ContentLength ?? 0)
      } catch (failure) {
        // An answer without a body cannot say which of the two is missing.
        if (isMissing(failure)) await this.check()
        throw failure
      }
    })

  getCapabilities: StorageProvider['getCapabilities'] = () =>
    Promise.resolve({
      supportsBrowse: true,
      supportsUpload: true,
      supportsSignedUrls: true,
      supportsStreaming: true,
      storageType: 's3',
    })

  browseRoots: StorageProvider['browseRoots'] = () =>
    Promise.resolve([rootOf(this.#options.bucket)])

  browse: StorageProvider['browse'] = (request) =>
    this.#told(`list "${request.path}"`, () => {
      const { abortSignal } = this.#limits()
      return browseBucket(this.#clients.server, this.#options.bucket, request, abortSignal)
    })

  close: S3Storage['close'] = () => Promise.resolve(this.#clients.close())

  /** Runs `work`; failures of the server and of the way to it come out with a code. */
  async #told<T>(action: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await work()
    } catch (failure) {
      signal?.throwIfAborted()
      if (failure instanceof Error && failure.name === 'NoSuchBucket') throw this.#noBucket(failure)
      throw storageFailure(failure, action)
    }
  }

  #noBucket(cause: unknown): WebEncodeError {
    const problem = `Cannot use the storage: it has no bucket "${this.#options.bucket}"`
    return new WebEncodeError('WE-STO-004', problem, { cause })
  }

  #limits(): { abortSignal: AbortSignal } {
    return { abortSignal: deadline(this.#callTimeoutMs) }
  }

  #knownBucket(bucket: string): string {
    if (bucket === productBucket || bucket === this.#options.bucket) return this.#options.bucket
    throw new WebEncodeError('WE-STO-001', `There is no bucket "${bucket.slice(0, 100)}"`)
  }

  /** @throws WE-STO-002 for a key that no storage takes */
  #bucketOf(bucket: string, key: string): string {
    const fault = objectKeyFault(bucket, key)
    if (fault === undefined) return this.#knownBucket(bucket)
    throw new WebEncodeError('WE-STO-002', `Cannot use object "${key.slice(0, 200)}": ${fault}`)
  }

  #sign(request: SignedUrlRequest, sign: typeof signRead): Promise<SignedUrlResponse> {
    return this.#told(`sign object "${request.objectKey}"`, async () => {
      const { signedUrlExpirySeconds: longest = longestExpirySeconds } = this.#options
      if (!(request.expirySeconds > 0 && request.expirySeconds <= longestExpirySeconds)) {
        const found = request.expirySeconds
        throw new RangeError(`expirySeconds must be up to ${longestExpirySeconds}; got ${found}`)
      }
      const expirySeconds = Math.max(1, Math.floor(Math.min(request.expirySeconds, longest)))
      const bucket = this.#bucketOf(request.bucket, request.objectKey)
      const signed = await sign(this.#clients.signer, { bucket, expirySeconds, request })
      return { ...signed, expiresAt: Math.floor(this.#now() / 1000) + expirySeconds }
    })
  }

  /** Now and then, beside an upload: they are what leaves parts behind. */
  #sweep(): void {
    const nowMs = this.#now()
    if (nowMs < this.#sweptAtMs + sweepEveryMs) return
    this.#sweptAtMs = nowMs
    const { abortSignal } = this.#limits()
    sweepParts(this.#clients.server, this.#options.bucket, nowMs, abortSignal)
      .then((uploads) => uploads > 0 && this.#log.info('threw forgotten uploads away', { uploads }))
      .catch((failure: unknown) =>
        this.#log.warn('forgotten uploads could not be thrown away', {
          error: storageFailure(failure, 'list the unfinished uploads'),
        })
      )
  }
}

function metadataOf(
  key: string,
  { ETag, LastModified }: { ETag?: string | undefined; LastModified?: Date | undefined },
  size: number,
): ObjectMetadata {
  return {
    key,
    size,
    etag: plainEtag(ETag),
    lastModified: secondsOf(LastModified),
    contentType: contentTypeOf(key),
  }
}

function secondsOf(time: Date | undefined): number {
  return Math.floor((time?.getTime() ?? 0) / 1000)
}
