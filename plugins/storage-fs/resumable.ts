/** Uploads that come in pieces, over any number of connections and servers: kept beside the bucket until they are whole. */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { WebEncodeError } from '../../kernel/errors.ts'
import { refuseWrongDigest } from './digest.ts'
import { isDiskFull, systemCode } from './failure.ts'
import { FileWriter } from './file-writer.ts'
import { moveInto, partPathIn, readWritten, type WrittenFile } from './files.ts'
import type { Place } from './keys.ts'

/** An object that is being uploaded. */
export interface ResumableUpload {
  readonly place: Place
  /** What the upload is called in messages: `PUT object "…"`. */
  readonly action: string
  readonly total: number
  /** Lower-case hex that the object must have. */
  readonly sha256: string | undefined
  /**
   * Tells uploads apart: pieces of the same identity belong together. With a digest it must not depend on the URL, so that a new
   * URL continues; without one it must, so that what two clients send is never mixed.
   */
  readonly identity: readonly unknown[]
}

/** Bytes that a request brings. */
export interface Piece {
  readonly start: number
  readonly end: number
  readonly body: ReadableStream<Uint8Array>
}

/** How far an upload is: all of it there, or so many bytes from its start. */
export type UploadState =
  | { readonly status: 'whole'; readonly written: WrittenFile }
  | { readonly status: 'partial'; readonly size: number }

interface Turn {
  readonly stop: AbortController
  readonly ended: Promise<void>
}

/**
 * The unfinished uploads of this process. Processes that share the directory may go on with one another's: they write the same
 * bytes to the same places.
 */
export class ResumableUploads {
  /** Who works on which part file. */
  readonly #turns = new Map<string, Turn>()

  /**
   * Adds a piece, when it begins at or before the end of what is there; without one only looks. The last piece makes the object.
   * A newer request ends an older one of the same upload, whose connection may be dead without anybody knowing.
   * @throws WE-STO-004 when the body is not as long as announced (what came is kept), WE-STO-006 when the object has not its digest (all is dropped)
   */
  async receive(upload: ResumableUpload, piece: Piece | undefined): Promise<UploadState> {
    const part = partPathIn(upload.place.bucketPath, nameOf(upload.identity))
    return await this.#inTurn(part, async (signal) => {
      let size = await sizeOf(part)
      if (piece !== undefined && piece.start <= size) {
        size = await append(part, piece, upload.action, signal)
      }
      const written = size === upload.total
        ? await finish(upload, part)
        : size === 0
        ? await readFinished(upload)
        : undefined
      return written === undefined ? { status: 'partial', size } : { status: 'whole', written }
    })
  }

  async #inTurn<T>(part: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    for (let turn = this.#turns.get(part); turn !== undefined; turn = this.#turns.get(part)) {
      turn.stop.abort(new WebEncodeError('WE-STO-004', 'A newer request continues this upload'))
      await turn.ended
    }
    const stop = new AbortController()
    const { promise: ended, resolve: end } = Promise.withResolvers<void>()
    this.#turns.set(part, { stop, ended })
    try {
      return await work(stop.signal)
    } finally {
      this.#turns.delete(part)
      end()
    }
  }
}

function nameOf(identity: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex')
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (failure) {
    if (systemCode(failure) === 'ENOENT') return 0
    throw failure
  }
}

/** Writes the body at its place. @returns the size of the file */
async function append(
  path: string,
  { start, end, body }: Piece,
  action: string,
  signal: AbortSignal,
): Promise<number> {
  await mkdir(dirname(path), { recursive: true })
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT, 0o640)
  const writer = new FileWriter(file, start)
  try {
    const came = await addAll(writer, untilAborted(body, signal), end + 1 - start)
    if (came !== end + 1 - start) {
      const announced = end + 1 - start
      const problem = `Cannot ${action}: ${came} bytes arrived, and ${announced} were announced`
      throw new WebEncodeError('WE-STO-004', problem)
    }
    await writer.finish()
    return (await file.stat()).size
  } catch (failure) {
    // What cannot be continued must not keep the disk full.
    if (isDiskFull(failure)) await rm(path, { force: true })
    throw failure
  } finally {
    await writer.close()
  }
}

/** Takes the chunks, at most `limit` bytes of them. @returns how many came: when there are too many, more than the limit */
async function addAll(
  writer: FileWriter,
  chunks: AsyncIterable<Uint8Array>,
  limit: number,
): Promise<number> {
  let came = 0
  try {
    for await (const chunk of chunks) {
      await writer.add(chunk.subarray(0, limit - came))
      came += chunk.length
      if (came > limit) break
    }
    return came
  } finally {
    // What came before the connection broke stays.
    await writer.flush()
  }
}

/** The chunks of a body that may never end. @throws the signal's reason at once, even while nothing comes */
async function* untilAborted(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  signal.throwIfAborted()
  const reader = body.getReader()
  const cancel = () => void reader.cancel(signal.reason).catch(() => {})
  signal.addEventListener('abort', cancel, { once: true })
  try {
    for (;;) {
      const { done, value } = await reader.read()
      signal.throwIfAborted()
      if (done) return
      yield value
    }
  } finally {
    signal.removeEventListener('abort', cancel)
    reader.releaseLock()
  }
}

/** Checks what was collected and makes it the object. */
async function finish(upload: ResumableUpload, part: string): Promise<WrittenFile> {
  const { place, action, sha256 } = upload
  try {
    const written = await readWritten(part)
    refuseWrongDigest(sha256, written.sha256, action)
    await moveInto(part, place.path)
    return written
  } catch (failure) {
    // Another process, asked by the same client, may just have finished it.
    const finished = await readFinished(upload)
    if (finished !== undefined) return finished
    await rm(part, { force: true })
    throw failure
  }
}

/** The object when it is there already: its last piece arrived, and the answer was lost. Only a digest can tell. */
async function readFinished(
  { place, total, sha256 }: ResumableUpload,
): Promise<WrittenFile | undefined> {
  if (sha256 === undefined || await sizeOf(place.path) !== total) return undefined
  const written = await readWritten(place.path)
  return written.sha256 === sha256 ? written : undefined
}
