/** Uploads that come in several requests, kept as pieces in storage until they are whole: any kernel may take the next one. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from './clock.ts'
import type { ObjectInfo, StorageProvider } from './contract/storage.ts'
import { WebEncodeError } from './errors.ts'
import { PieceSource } from './piece-source.ts'

/** Milliseconds after its last byte when an upload that is not whole is deleted. */
export const unfinishedUploadMs = 24 * 3_600_000

/** Bytes of a piece: what is lost, at most, when a kernel is killed. */
const pieceBytes = 64 * 1024 * 1024
/** Most pieces of one upload: a client that sends crumbs is refused. */
const maxPieces = 10_000
const bucket = 'media'
const prefix = 'tus/'
const idPattern = /^[0-9a-f-]{36}$/
const sha256Pattern = /^[0-9a-f]{64}$/

const factsSchema = z.strictObject({
  key: z.string(),
  sizeBytes: z.int().nonnegative(),
  metadata: z.record(z.string(), z.string().nullable()),
})

/** What is known of an upload. */
export interface ResumableUpload {
  readonly id: string
  /** Where the file is when it is whole: `fs://<key>` is then a source. */
  readonly key: string
  readonly sizeBytes: number
  /** Bytes that are there. */
  readonly offset: number
  /** As the client gave it when it began. The file must have the hash that it names as `sha256`, in lower-case hex. */
  readonly metadata: Readonly<Record<string, string | null>>
  /** Milliseconds since the epoch when something last came. */
  readonly changedAtMs: number
}

export interface ResumableUploadsOptions {
  readonly storage: StorageProvider
  readonly clock: Clock
  /** @default 64 MiB */
  readonly pieceBytes?: number
}

interface Piece {
  readonly key: string
  readonly offset: number
  readonly size: number
}

/** Keeps nothing in memory: what there is, storage tells. One upload must be written by one request at a time. */
export class ResumableUploads {
  readonly #storage: StorageProvider
  readonly #clock: Clock
  readonly #pieceBytes: number

  constructor(options: ResumableUploadsOptions) {
    this.#storage = options.storage
    this.#clock = options.clock
    this.#pieceBytes = options.pieceBytes ?? pieceBytes
  }

  /** @returns an id that nobody can guess */
  newId(): string {
    return randomUUID()
  }

  /** @param name - a safe file name. @throws WE-STO-006 for a `sha256` that cannot be read, or is not that of no bytes */
  async create(
    { id, name, sizeBytes, metadata }:
      & Pick<ResumableUpload, 'id' | 'sizeBytes' | 'metadata'>
      & { readonly name: string },
  ): Promise<ResumableUpload> {
    const facts = { key: `uploads/${id}/${name}`, sizeBytes, metadata }
    refuseUnreadableDigest(metadata)
    const text = new TextEncoder().encode(JSON.stringify(facts))
    await this.#storage.upload({ bucket, path: factsKey(id) }, once(text))
    if (sizeBytes === 0) await this.#upload(id, facts, [])
    return { id, ...facts, offset: 0, changedAtMs: this.#clock.now() }
  }

  /** An upload that is all there is made whole, when the kernel that should have done so is gone. @throws WE-STO-001 when there is none, or it has expired */
  async read(id: string): Promise<ResumableUpload> {
    const { facts, changedAtMs, pieces } = await this.#look(id)
    const offset = endOf(pieces)
    const upload = { id, ...facts, changedAtMs }
    if (await this.#isWhole(facts)) return { ...upload, offset: facts.sizeBytes }
    if (offset >= facts.sizeBytes) await this.#join(id, facts, pieces)
    return { ...upload, offset }
  }

  /**
   * Adds bytes at the end. What came before `chunks` failed is kept.
   * @returns the new offset; the file is whole when it is the size
   * @throws WE-STO-006 when the file does not have its hash: nothing is kept of it then; what `chunks` and the storage throw
   */
  async write(id: string, offset: number, chunks: AsyncIterable<Uint8Array>): Promise<number> {
    const source = new PieceSource(chunks)
    let at = offset
    while (await source.hasMore()) {
      const path = pieceKey(id, at)
      const { size } = await this.#storage.upload({ bucket, path }, source.take(this.#pieceBytes))
      at += size
    }
    if (source.failure !== undefined) throw source.failure
    const { facts, pieces } = await this.#look(id)
    if (at >= facts.sizeBytes) await this.#join(id, facts, pieces)
    return at
  }

  /** Deletes an upload; the file that became of it stays. A missing one is no error. */
  async remove(id: string): Promise<void> {
    const { objects } = await this.#storage.listObjects({ bucket, prefix: prefixOf(id) })
    for (const { key } of objects) await this.#storage.delete({ bucket, path: key })
  }

  /** Deletes uploads to which nothing came for a day, and what is left of whole ones. @returns how many */
  async removeExpired(): Promise<number> {
    const changedAt = new Map<string, number>()
    for await (const { key, lastModified } of this.#list(prefix)) {
      const id = key.slice(prefix.length).split('/')[0] ?? ''
      changedAt.set(id, Math.max(changedAt.get(id) ?? 0, lastModified * 1000))
    }
    const expired = [...changedAt].filter(([, ms]) => this.#isExpired(ms))
    for (const [id] of expired) await this.remove(id)
    return expired.length
  }

  #isExpired(changedAtMs: number): boolean {
    return changedAtMs < this.#clock.now() - unfinishedUploadMs
  }

  async #look(id: string) {
    if (!idPattern.test(id)) throw missing(id)
    const found: ObjectInfo[] = []
    for await (const object of this.#list(prefixOf(id))) found.push(object)
    const changedAtMs = Math.max(...found.map(({ lastModified }) => lastModified * 1000))
    const known = found.find(({ key }) => key === factsKey(id))
    if (known === undefined || this.#isExpired(changedAtMs)) throw missing(id)
    if (found.length > maxPieces) {
      const problem = `Cannot go on with upload ${id}: it came in more than ${maxPieces} requests`
      throw new WebEncodeError('WE-SYS-006', problem)
    }
    const { body } = await this.#storage.download({ bucket, path: known.key })
    const facts = factsSchema.parse(await new Response(body).json())
    return { facts, changedAtMs, pieces: found.flatMap(pieceFrom) }
  }

  async #isWhole({ key, sizeBytes }: z.infer<typeof factsSchema>): Promise<boolean> {
    try {
      return (await this.#storage.getObjectMetadata({ bucket, path: key })).size === sizeBytes
    } catch (failure) {
      if (failure instanceof WebEncodeError && failure.code === 'WE-STO-001') return false
      throw failure
    }
  }

  /** Makes the file of its pieces. A crash leaves them, and the next look does it again. */
  async #join(
    id: string,
    facts: z.infer<typeof factsSchema>,
    pieces: readonly Piece[],
  ): Promise<void> {
    const { key, sizeBytes } = facts
    const { size } = await this.#upload(id, facts, pieces)
    if (size !== sizeBytes) {
      await this.#storage.delete({ bucket, path: key })
      const problem = `Cannot join upload ${id}: it has ${size} bytes instead of ${sizeBytes}`
      throw new WebEncodeError('WE-STO-004', problem)
    }
    for (const piece of pieces) await this.#storage.delete({ bucket, path: piece.key })
  }

  /** Pieces of the wrong bytes are no beginning of the right ones. */
  async #upload(id: string, facts: z.infer<typeof factsSchema>, pieces: readonly Piece[]) {
    try {
      return await this.#storage.upload(targetOf(facts), this.#bytesOf(pieces))
    } catch (failure) {
      if (failure instanceof WebEncodeError && failure.code === 'WE-STO-006') await this.remove(id)
      throw failure
    }
  }

  /** Each byte once: pieces of two requests that ran at the same time overlap. */
  async *#bytesOf(pieces: readonly Piece[]): AsyncGenerator<Uint8Array> {
    let at = 0
    for (const { key, offset, size } of pieces) {
      if (offset > at) return
      if (offset + size <= at) continue
      const range = { start: at - offset }
      const { body } = await this.#storage.download({ bucket, path: key, range })
      yield* body
      at = offset + size
    }
  }

  async *#list(wanted: string): AsyncGenerator<ObjectInfo> {
    let continuationToken: string | undefined
    do {
      const page = await this.#storage.listObjects({
        bucket,
        prefix: wanted,
        ...(continuationToken !== undefined && { continuationToken }),
      })
      yield* page.objects
      continuationToken = page.nextContinuationToken
    } while (continuationToken !== undefined)
  }
}

function prefixOf(id: string): string {
  return `${prefix}${id}/`
}

function factsKey(id: string): string {
  return `${prefixOf(id)}facts.json`
}

/** Sixteen digits, so that keys are in the order of the bytes. */
function pieceKey(id: string, offset: number): string {
  return `${prefixOf(id)}${String(offset).padStart(16, '0')}.part`
}

function pieceFrom({ key, size }: ObjectInfo): Piece[] {
  const [, digits] = /\/(\d{16})\.part$/.exec(key) ?? []
  return digits === undefined ? [] : [{ key, offset: Number(digits), size }]
}

/** Bytes that are there from the start on, without a gap. */
function endOf(pieces: readonly Piece[]): number {
  let end = 0
  for (const { offset, size } of pieces) {
    if (offset > end) break
    end = Math.max(end, offset + size)
  }
  return end
}

function targetOf({ key, metadata: { sha256 } }: z.infer<typeof factsSchema>) {
  return { bucket, path: key, ...(sha256 && { sha256 }) }
}

function refuseUnreadableDigest({ sha256 }: ResumableUpload['metadata']): void {
  if (sha256 === undefined || sha256Pattern.test(String(sha256))) return
  throw new WebEncodeError(
    'WE-STO-006',
    'Cannot begin an upload: the "sha256" of its metadata must be 64 digits of lower-case hex',
    { path: 'Upload-Metadata' },
  )
}

function missing(id: string): WebEncodeError {
  return new WebEncodeError('WE-STO-001', `There is no unfinished upload ${id.slice(0, 100)}`)
}

async function* once(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(chunk)
}
