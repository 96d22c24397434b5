/** Objects in and out of a worker: inputs are read and checked, finished files are moved into storage. */
import { randomUUID } from 'node:crypto'
import type { Stats } from 'node:fs'
import { copyFile, link, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ObjectRef } from '../kernel/contract/media.ts'
import type { StorageProvider } from '../kernel/contract/storage.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import { hashFile, hashOf, KnownFiles } from './file-hash.ts'

const urlLifeSeconds = 3600

/** An object is missing, short or changed: whoever made it must make it again. */
export class DamagedObject extends Error {
  override readonly name = 'DamagedObject'
}

/** On whose behalf objects are touched. */
export interface ObjectLease {
  readonly taskId: string
  readonly leaseToken: string
  /** Ends what is under way. */
  readonly signal: AbortSignal
}

/** How tasks read and write objects. Transfers that are aborted throw the signal's reason. */
export interface WorkerObjects {
  /** Puts a finished local file into storage. The file stays readable until the task ends; it must not be changed any more. */
  put(key: string, file: string, contentType: string, lease: ObjectLease): Promise<ObjectRef>
  /** A local path of an object whose size and hash were checked; it stays until {@link release}. @throws DamagedObject */
  read(input: ObjectRef & { readonly url: string }, lease: ObjectLease): Promise<string>
  /** Deletes an object; a missing one is no error. */
  remove(key: string, lease: ObjectLease): Promise<void>
  /** A new URL of the task's source, for when the one of its brief leads nowhere any more. Absent where sources are files. */
  sourceUrl?(lease: ObjectLease): Promise<string>
  /** The task ended: what it read is no longer in use. */
  release(lease: ObjectLease): void
}

export interface LocalObjectsOptions {
  /** A storage that answers `file:` URLs to workers. */
  readonly storage: Pick<StorageProvider, 'getUploadUrl' | 'delete'>
  /** @default 'media' */
  readonly bucket?: string
}

/**
 * Objects on the same machine: read in place, and written by linking or renaming, so that no byte is copied on one file system.
 * Each file is hashed once: when it is put, or when it is first read after it was written elsewhere.
 */
export function createLocalObjects(
  { storage, bucket = 'media' }: LocalObjectsOptions,
): WorkerObjects {
  const known = new KnownFiles()
  return {
    async put(key, file, contentType) {
      const { url, headers } = await storage.getUploadUrl({
        bucket,
        objectKey: key,
        contentType,
        expirySeconds: urlLifeSeconds,
        method: 'PUT',
        audience: 'worker',
      })
      const target = localPathFrom(url)
      const partUrl = headers['x-part-url']
      const part = partUrl === undefined ? `${target}.${randomUUID()}` : localPathFrom(partUrl)
      const { sizeBytes, sha256 } = await place(file, part, target)
      known.add(target, await stat(target), sha256)
      return { key, sizeBytes, sha256 }
    },
    async read({ key, url, sizeBytes, sha256 }) {
      const path = localPathFrom(url)
      const stats = await statsOf(path, key)
      if (stats.size !== sizeBytes) {
        throw new DamagedObject(`Object "${key}" has ${stats.size} bytes instead of ${sizeBytes}`)
      }
      const found = known.get(path, stats) ?? await hashOf(path)
      if (found !== sha256) throw new DamagedObject(`Object "${key}" does not have its hash`)
      known.add(path, stats, found)
      return path
    },
    remove: (key) => storage.delete({ bucket, path: key }),
    release() {},
  }
}

function localPathFrom(url: string): string {
  if (url.startsWith('file:')) return fileURLToPath(url)
  throw new WebEncodeError('WE-STO-004', 'Cannot reach the object: its URL is not of this machine')
}

async function statsOf(path: string, key: string): Promise<Stats> {
  try {
    return await stat(path)
  } catch (cause) {
    throw new DamagedObject(`Object "${key}" is missing`, { cause })
  }
}

/** Hashes the file, makes it durable and gives it its final name. */
async function place(file: string, part: string, target: string): Promise<Omit<ObjectRef, 'key'>> {
  try {
    await linkOrCopy(file, part)
    const handle = await open(part, 'r')
    try {
      const sha256 = await hashFile(handle)
      await handle.datasync()
      const sizeBytes = (await handle.stat()).size
      await renameInto(part, target)
      return { sizeBytes, sha256 }
    } finally {
      await handle.close()
    }
  } catch (failure) {
    await rm(part, { force: true })
    throw failure
  }
}

/** Renames; makes the directory again when it was pruned, being empty, since the URL was answered. */
async function renameInto(part: string, target: string): Promise<void> {
  try {
    await rename(part, target)
  } catch (failure) {
    if (systemCode(failure) !== 'ENOENT') throw failure
    await mkdir(dirname(target), { recursive: true })
    await rename(part, target)
  }
}

/** A second name costs nothing; where there are none (another disk, exFAT) the bytes are copied. */
async function linkOrCopy(file: string, part: string): Promise<void> {
  try {
    await link(file, part)
  } catch (failure) {
    if (systemCode(failure) === 'ENOENT') throw failure
    await copyFile(file, part)
  }
}

/** The system's name of a failure, e.g. `ENOENT`. */
function systemCode(failure: unknown): unknown {
  return failure instanceof Error ? Reflect.get(failure, 'code') : undefined
}
