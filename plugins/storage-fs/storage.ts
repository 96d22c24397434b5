/** Objects as plain files in one directory: the storage of a single machine. */
import { mkdirSync, readdirSync, realpathSync, rmSync, statSync } from 'node:fs'
import { mkdir, rmdir, statfs, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type {
  ObjectInfo,
  SignedUrlRequest,
  SignedUrlResponse,
  StorageProvider,
} from '../../kernel/contract/storage.ts'
import { reprDigestOf } from '../../kernel/contract/repr-digest.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'
import { browseDirectory, listRoots, locateMedia } from './browse.ts'
import { storageFailure, systemCode } from './failure.ts'
import { refuseWrongDigest } from './digest.ts'
import {
  metadataOf,
  openObject,
  partPathIn,
  readMetadata,
  streamOf,
  writeFile,
  type WrittenFile,
} from './files.ts'
import { bucketPathIn, isInside, keyFault, locate, partDirectory, type Place } from './keys.ts'
import { walk } from './listing.ts'
import { ResumableUploads } from './resumable.ts'
import { serveObject } from './serve.ts'
import { type Grant, libraryBucket, signedQueryFrom } from './signature.ts'

const buckets = ['media'] as const
/** Unfinished files are deleted when nobody has written to them for a day. */
const partLifeMs = 24 * 3600 * 1000
const sweepEveryMs = 3600 * 1000
const longestExpirySeconds = 7 * 24 * 3600
const maxListed = 1000

export interface FsStorageOptions {
  /** Directory of the buckets; made when it is missing. */
  readonly root: string
  /** Key of the signed URLs, at least 32 bytes. */
  readonly signingKey: Uint8Array
  /** Path at which the server hands requests to `serve`, e.g. `/v1/objects`. */
  readonly publicPath: string
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly log: Log
  /** Directories that people may pick sources from. @default none */
  readonly mediaRoots?: readonly string[]
  /**
   * Where workers on other machines reach this server, e.g. `http://10.0.0.5:8080`: they get signed URLs below it. It may be
   * known only when the server listens. @default none: workers are on this machine and get `file:` URLs
   */
  readonly workerUrlBase?: () => string
}

/** What one group of objects takes. */
export interface UsageEntry {
  readonly prefix: string
  readonly objects: number
  readonly bytes: number
}

export interface StorageUsage {
  readonly entries: readonly UsageEntry[]
  /** Of the file system that holds the objects. */
  readonly capacityBytes: number
  readonly freeBytes: number
}

/** Storage on this machine's disk. */
export interface FsStorage extends StorageProvider {
  /**
   * Answers a signed URL.
   * @throws WE-STO-001, WE-STO-002, WE-STO-003, WE-SYS-007 for the server to render
   */
  serve(request: Request): Promise<Response>
  /**
   * Counts what the objects take, and what is free.
   * @param groupOf - the group of a key. @default its first segment
   */
  usage(groupOf?: (key: string) => string): Promise<StorageUsage>
  /** The real path of a file below a media directory. @throws WE-STO-002 outside, WE-STO-001 missing */
  locateMedia(path: string): Promise<string>
  /**
   * What a worker opens to read a file below a media directory; where the file is, is checked again at every request.
   * @throws WE-STO-002 outside, WE-STO-001 missing
   */
  getMediaUrl(path: string, expirySeconds: number): Promise<string>
  close(): Promise<void>
}

/** Opens the storage: makes its directories and removes what uploads left long ago. @throws RangeError for a short key */
export function createFsStorage(options: FsStorageOptions): FsStorage {
  if (options.signingKey.length < 32) {
    const length = options.signingKey.length
    throw new RangeError(`The signing key must have at least 32 bytes; it has ${length}`)
  }
  for (const bucket of buckets) {
    mkdirSync(join(options.root, bucket, partDirectory), { recursive: true, mode: 0o750 })
  }
  return new DirectoryStorage(options)
}

/** Deletes forgotten parts; other servers of the same directory may do so at the same time. */
function sweepParts(directory: string, beforeMs: number): void {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name)
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats !== undefined && stats.mtimeMs < beforeMs) {
      rmSync(path, { recursive: true, force: true })
    }
  }
}

class DirectoryStorage implements FsStorage {
  readonly #options: FsStorageOptions
  readonly #root: string
  readonly #mediaRoots: readonly string[]
  readonly #resumable = new ResumableUploads()
  #sweptAtMs = Number.NEGATIVE_INFINITY

  constructor(options: FsStorageOptions) {
    this.#options = options
    this.#root = realpathSync(options.root)
    this.#mediaRoots = (options.mediaRoots ?? []).flatMap((path) => this.#mediaRootFrom(path))
    this.#sweep()
  }

  /** Now and then, when uploads come: they are what leaves parts behind. */
  #sweep(): void {
    const nowMs = this.#options.now()
    if (nowMs < this.#sweptAtMs + sweepEveryMs) return
    this.#sweptAtMs = nowMs
    for (const bucket of buckets) {
      sweepParts(join(this.#root, bucket, partDirectory), nowMs - partLifeMs)
    }
  }

  #mediaRootFrom(path: string): string[] {
    try {
      return [realpathSync(path)]
    } catch (failure) {
      this.#options.log.warn('a media directory cannot be opened', { path, error: failure })
      return []
    }
  }

  upload: StorageProvider['upload'] = ({ bucket, path, signal, sha256, ifAbsent }, chunks) =>
    this.#told(`write object "${path}"`, async () => {
      const place = await this.#locate(bucket, path)
      const check = (found: WrittenFile) =>
        refuseWrongDigest(sha256, found.sha256, `write object "${path}"`)
      const written = await writeFile(place, chunks, { check, signal, ifAbsent })
      return { url: `fs://${path}`, ...written }
    })

  download: StorageProvider['download'] = ({ bucket, path, range }) =>
    this.#told(`read object "${path}"`, async () => {
      const { file, metadata } = await openObject((await this.#locate(bucket, path)).path, path)
      const start = range?.start ?? 0
      const end = Math.min(range?.end ?? metadata.size - 1, metadata.size - 1)
      if (start >= 0 && start <= end + 1) return { metadata, body: streamOf(file, start, end) }
      await file.close()
      throw new RangeError(
        `Range ${start}-${end} is not within the ${metadata.size} bytes of "${path}"`,
      )
    })

  delete: StorageProvider['delete'] = ({ bucket, path }) =>
    this.#told(`delete object "${path}"`, async () => {
      const place = await this.#locate(bucket, path)
      try {
        await unlink(place.path)
      } catch (failure) {
        const code = systemCode(failure)
        if (code !== 'ENOENT' && code !== 'ENOTDIR') throw failure
      }
      await pruneEmpty(dirname(place.path), place.bucketPath)
    })

  getUrl: StorageProvider['getUrl'] = (request) =>
    this.#told(`sign object "${request.objectKey}"`, () => this.#urlFrom(request, 'GET'))

  getUploadUrl: StorageProvider['getUploadUrl'] = (request) =>
    this.#told(`sign object "${request.objectKey}"`, () => this.#urlFrom(request, 'PUT'))

  listObjects: StorageProvider['listObjects'] = ({ bucket, prefix, maxKeys, continuationToken }) =>
    this.#told(`list objects "${prefix}"`, async () => {
      const bucketPath = await this.#bucketPath(bucket)
      const limit = Math.min(Math.max(1, maxKeys ?? maxListed), maxListed)
      const after = Buffer.from(continuationToken ?? '', 'base64url').toString()
      const objects: ObjectInfo[] = []
      for await (const { key, stats } of walk(bucketPath, prefix, after)) {
        const last = objects.at(-1)
        if (objects.length === limit && last !== undefined) {
          return { objects, nextContinuationToken: Buffer.from(last.key).toString('base64url') }
        }
        const { contentType: _, ...info } = metadataOf(key, stats)
        objects.push(info)
      }
      return { objects }
    })

  getObjectMetadata: StorageProvider['getObjectMetadata'] = ({ bucket, path }) =>
    this.#told(
      `read object "${path}"`,
      async () => await readMetadata((await this.#locate(bucket, path)).path, path),
    )

  getCapabilities: StorageProvider['getCapabilities'] = () =>
    Promise.resolve({
      supportsBrowse: this.#mediaRoots.length > 0,
      supportsUpload: true,
      supportsSignedUrls: true,
      supportsStreaming: true,
      storageType: 'local_fs',
    })

  browseRoots: StorageProvider['browseRoots'] = () => listRoots(this.#mediaRoots)

  browse: StorageProvider['browse'] = (request) => browseDirectory(this.#mediaRoots, request)

  locateMedia: FsStorage['locateMedia'] = (path) => locateMedia(this.#mediaRoots, path)

  getMediaUrl: FsStorage['getMediaUrl'] = (path, expirySeconds) =>
    this.#told('sign a media file', async () => {
      const real = await this.locateMedia(path)
      const expiresAt = this.#expiryFrom(expirySeconds)
      if (this.#options.workerUrlBase === undefined) return pathToFileURL(real).href
      const grant = { method: 'GET', bucket: libraryBucket, key: real.slice(1), expiresAt } as const
      return this.#signedUrl(grant, 'worker')
    })

  serve: FsStorage['serve'] = (request) =>
    this.#told('answer for an object', () => {
      if (request.method === 'PUT') this.#sweep()
      return serveObject(request, {
        ...this.#options,
        root: this.#root,
        upload: this.upload,
        resumable: this.#resumable,
        locateMedia: this.locateMedia,
      })
    })

  usage: FsStorage['usage'] = (groupOf = firstSegment) =>
    this.#told('count the objects', async () => {
      const groups = new Map<string, { objects: number; bytes: number }>()
      const bucketPath = await this.#bucketPath('media')
      for await (const { key, stats } of walk(bucketPath, '', '')) {
        const prefix = groupOf(key)
        const { objects, bytes } = groups.get(prefix) ?? { objects: 0, bytes: 0 }
        groups.set(prefix, { objects: objects + 1, bytes: bytes + stats.size })
      }
      const { bsize, blocks, bavail } = await statfs(bucketPath)
      const entries = [...groups].map(([prefix, group]) => ({ prefix, ...group }))
      return { entries, capacityBytes: bsize * blocks, freeBytes: bsize * bavail }
    })

  close: FsStorage['close'] = () => Promise.resolve()

  /** Runs `work`; failures of the file system come out with a code. */
  async #told<T>(action: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (failure) {
      throw storageFailure(failure, action)
    }
  }

  async #bucketPath(bucket: string): Promise<string> {
    refuseUnknown(bucket)
    return await bucketPathIn(this.#root, bucket)
  }

  async #locate(bucket: string, key: string): Promise<Place> {
    if (keyFault(bucket, key) === undefined) refuseUnknown(bucket)
    return await locate(this.#root, bucket, key)
  }

  async #urlFrom(request: SignedUrlRequest, method: 'GET' | 'PUT'): Promise<SignedUrlResponse> {
    const { bucket, objectKey: key, expirySeconds, audience, contentType, downloadName } = request
    const expiresAt = this.#expiryFrom(expirySeconds)
    const place = await this.#locate(bucket, key)
    if (audience === 'worker' && this.#options.workerUrlBase === undefined) {
      return await fileUrlFrom(place, method, expiresAt)
    }
    const terms = method === 'PUT' ? { contentType } : { downloadName }
    const url = this.#signedUrl({ method, bucket, key, expiresAt, ...terms }, audience)
    if (method === 'GET') return { url, headers: {}, expiresAt }
    const headers = {
      ...(contentType !== undefined && { 'content-type': contentType }),
      ...(request.sha256 !== undefined && { 'repr-digest': reprDigestOf(request.sha256) }),
    }
    return { url, headers, expiresAt, isResumable: true }
  }

  #expiryFrom(expirySeconds: number): number {
    if (expirySeconds > 0 && expirySeconds <= longestExpirySeconds) {
      return Math.floor(this.#options.now() / 1000 + expirySeconds)
    }
    throw new RangeError(
      `expirySeconds must be up to ${longestExpirySeconds}; got ${expirySeconds}`,
    )
  }

  /** A path for a browser, which is on this server already; absolute for a worker. */
  #signedUrl(grant: Grant, audience: SignedUrlRequest['audience']): string {
    const { publicPath, signingKey, workerUrlBase = () => '' } = this.#options
    const path = [grant.bucket, ...grant.key.split('/')].map(encodeURIComponent).join('/')
    const address = `${publicPath}/${path}?${signedQueryFrom(grant, signingKey)}`
    return audience === 'worker' ? workerUrlBase().replace(/\/$/, '') + address : address
  }
}

function refuseUnknown(bucket: string): void {
  if (buckets.some((known) => known === bucket)) return
  throw new WebEncodeError('WE-STO-001', `There is no bucket "${bucket.slice(0, 100)}"`)
}

/**
 * A worker on this machine reads the file itself. To write, it finishes the file of `x-part-url`, which is on the same file
 * system and swept when forgotten, or any other file there, and renames it to the URL.
 */
async function fileUrlFrom(
  { path, bucketPath }: Place,
  method: 'GET' | 'PUT',
  expiresAt: number,
): Promise<SignedUrlResponse> {
  const url = pathToFileURL(path).href
  if (method === 'GET') return { url, headers: {}, expiresAt }
  await mkdir(dirname(path), { recursive: true })
  return { url, headers: { 'x-part-url': pathToFileURL(partPathIn(bucketPath)).href }, expiresAt }
}

/** Removes empty directories upwards, so that deleted jobs leave none behind. */
async function pruneEmpty(directory: string, bucketPath: string): Promise<void> {
  for (let at = directory; at !== bucketPath && isInside(bucketPath, at); at = dirname(at)) {
    try {
      await rmdir(at)
    } catch (failure) {
      if (systemCode(failure) === 'ENOENT') continue
      return
    }
  }
}

function firstSegment(key: string): string {
  return key.slice(0, key.indexOf('/') + 1) || key
}
