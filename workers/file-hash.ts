/** SHA-256 of files, and which files still are what they were when they were hashed. */
import { createHash } from 'node:crypto'
import type { Stats } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/** Bytes hashed between two turns of the event loop: about half a millisecond of work. */
const hashBytes = 1024 * 1024
const rememberedFiles = 10_000

/** Lower-case hex. */
export async function hashOf(path: string): Promise<string> {
  const handle = await open(path, 'r')
  try {
    return await hashFile(handle)
  } finally {
    await handle.close()
  }
}

/** Lower-case hex of the whole file, wherever its handle stands. */
export async function hashFile(handle: FileHandle): Promise<string> {
  const hash = createHash('sha256')
  const buffer = new Uint8Array(hashBytes)
  for (let position = 0;;) {
    const { bytesRead } = await handle.read(buffer, 0, hashBytes, position)
    if (bytesRead === 0) return hash.digest('hex')
    hash.update(buffer.subarray(0, bytesRead))
    position += bytesRead
  }
}

/** Hashes of files that did not change since they were hashed. */
export class KnownFiles {
  readonly #hashes = new Map<string, { mark: string; sha256: string }>()

  add(path: string, stats: Stats, sha256: string): void {
    this.#hashes.delete(path)
    this.#hashes.set(path, { mark: markOf(stats), sha256 })
    const [oldest] = this.#hashes.keys()
    if (this.#hashes.size > rememberedFiles && oldest !== undefined) this.#hashes.delete(oldest)
  }

  get(path: string, stats: Stats): string | undefined {
    const known = this.#hashes.get(path)
    return known?.mark === markOf(stats) ? known.sha256 : undefined
  }
}

function markOf(stats: Stats): string {
  return `${stats.size}:${stats.mtimeMs}:${stats.ino}`
}
