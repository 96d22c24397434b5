/** Files as objects: written whole or not at all, read as a stream that waits for its reader. */
import { createHash, randomUUID } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { type FileHandle, link, lstat, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { type ObjectMetadata } from '../../kernel/contract/storage.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { contentTypeOf } from '../../kernel/contract/content-types.ts'
import { systemCode } from './failure.ts'
import { FileWriter } from './file-writer.ts'
import { partDirectory, type Place } from './keys.ts'

/** Bytes read at a time: large enough to keep a disk busy, small enough for thousands of readers. */
const readBytes = 256 * 1024

/** A name for an unfinished file, on the same file system as the bucket. @param name - @default a new one */
export function partPathIn(bucketPath: string, name: string = randomUUID()): string {
  return join(bucketPath, partDirectory, name)
}

/** What is known of a file that was written whole. */
export interface WrittenFile {
  readonly size: number
  readonly sha256: string
  readonly etag: string
}

/** How a file is written. */
export interface WriteOptions {
  /** Looks at what was written before it is moved; may throw. */
  readonly check: (written: WrittenFile) => void
  readonly signal?: AbortSignal | undefined
  /** Where there is a file, it stays. @default false */
  readonly ifAbsent?: boolean | undefined
}

/**
 * Writes `chunks` beside the bucket's objects, makes them durable and moves them to `place`.
 * @throws what `chunks` and `check` throw, the signal's reason or the file system's error; the unfinished file is then gone.
 * WE-STO-007 when there is a file and must not be
 */
export async function writeFile(
  place: Place,
  chunks: AsyncIterable<Uint8Array>,
  { check, signal, ifAbsent = false }: WriteOptions,
): Promise<WrittenFile> {
  const part = partPathIn(place.bucketPath)
  await mkdir(dirname(part), { recursive: true })
  try {
    const written = await writePart(part, chunks, signal)
    check(written)
    await (ifAbsent ? addInto(part, place) : moveInto(part, place.path))
    return written
  } catch (failure) {
    await rm(part, { force: true })
    throw failure
  }
}

async function writePart(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<WrittenFile> {
  const hash = createHash('sha256')
  const file = await open(path, 'wx', 0o640)
  const writer = new FileWriter(file)
  let size = 0
  try {
    for await (const chunk of chunks) {
      signal?.throwIfAborted()
      await writer.add(chunk)
      // Beside the write, which another thread does.
      hash.update(chunk)
      size += chunk.length
    }
    signal?.throwIfAborted()
    await writer.finish()
    return { size, sha256: hash.digest('hex'), etag: etagOf(await file.stat()) }
  } finally {
    await writer.close()
  }
}

/** Moves a finished file. */
export async function moveInto(from: string, to: string): Promise<void> {
  await intoDirectory(to, () => rename(from, to))
}

/** Moves a finished file to where there is none: unlike a rename, a link never replaces. @throws WE-STO-007 */
async function addInto(from: string, { path: to, bucketPath }: Place): Promise<void> {
  try {
    await intoDirectory(to, () => link(from, to))
  } catch (failure) {
    if (systemCode(failure) !== 'EEXIST') throw failure
    const problem = `Cannot write object "${relative(bucketPath, to)}": there is one`
    throw new WebEncodeError('WE-STO-007', problem)
  }
  await rm(from)
}

/** Puts a file into a directory that may not be there yet; tries again when it was pruned meanwhile, being empty. */
async function intoDirectory(to: string, put: () => Promise<void>): Promise<void> {
  for (let attempt = 1;; attempt++) {
    await mkdir(dirname(to), { recursive: true })
    try {
      return await put()
    } catch (failure) {
      if (systemCode(failure) !== 'ENOENT' || attempt === 3) throw failure
    }
  }
}

/** An open object. The caller closes the file, or hands it to {@link streamOf}. */
export interface OpenObject {
  readonly file: FileHandle
  readonly metadata: ObjectMetadata
}

/** Opens a regular file for reading, without following a link put there meanwhile. @throws WE-STO-001 for anything else */
export async function openObject(path: string, key: string): Promise<OpenObject> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = await open(path, flags)
  const stats = await file.stat()
  if (stats.isFile()) return { file, metadata: metadataOf(key, stats) }
  await file.close()
  throw noFile(key)
}

/** What is known of a regular file, without following a link put there meanwhile. @throws WE-STO-001 for anything else */
export async function readMetadata(path: string, key: string): Promise<ObjectMetadata> {
  const stats = await lstat(path)
  if (stats.isFile()) return metadataOf(key, stats)
  throw noFile(key)
}

function noFile(key: string): WebEncodeError {
  return new WebEncodeError('WE-STO-001', `Cannot read object "${key}": it is no file`)
}

/** Size, time and names of an object's file. */
export function metadataOf(key: string, stats: Stats): ObjectMetadata {
  return {
    key,
    size: stats.size,
    etag: etagOf(stats),
    lastModified: Math.floor(stats.mtimeMs / 1000),
    contentType: contentTypeOf(key),
  }
}

/** Reads a file to its end, the next bytes while these are hashed. @returns what it holds */
export async function readWritten(path: string): Promise<WrittenFile> {
  const hash = createHash('sha256')
  const file = await open(path, 'r')
  try {
    let [buffer, next] = [new Uint8Array(readBytes), new Uint8Array(readBytes)]
    let reading = file.read(buffer, 0, readBytes, 0)
    for (let size = 0;;) {
      const { bytesRead } = await reading
      if (bytesRead === 0) {
        return { size, sha256: hash.digest('hex'), etag: etagOf(await file.stat()) }
      }
      size += bytesRead
      reading = file.read(next, 0, readBytes, size)
      hash.update(buffer.subarray(0, bytesRead))
      ;[buffer, next] = [next, buffer]
    }
  } finally {
    await file.close()
  }
}

/** Changes whenever the file is replaced: size and time of the last write. */
function etagOf(stats: Stats): string {
  return `"${stats.size.toString(16)}-${Math.round(stats.mtimeMs * 1000).toString(16)}"`
}

/**
 * The bytes `start` to `end`, both included, read only as fast as the stream is; closes the file at the end.
 * A file that became shorter meanwhile is an error of the stream, not a short body.
 */
export function streamOf(file: FileHandle, start: number, end: number): ReadableStream<Uint8Array> {
  let position = start
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const wanted = Math.min(readBytes, end - position + 1)
        if (wanted > 0) {
          // Filled before anybody sees it: nothing has to be zeroed first.
          const buffer = Buffer.allocUnsafeSlow(wanted)
          const { bytesRead } = await file.read(buffer, 0, wanted, position)
          if (bytesRead === 0) throw new WebEncodeError('WE-STO-004', 'The object became shorter')
          position += bytesRead
          controller.enqueue(bytesRead === wanted ? buffer : buffer.subarray(0, bytesRead))
        }
        if (position <= end) return
        await file.close()
        controller.close()
      } catch (failure) {
        await file.close()
        throw failure
      }
    },
    cancel: () => file.close(),
  }, { highWaterMark: 0 })
}
