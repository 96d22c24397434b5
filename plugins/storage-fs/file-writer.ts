/** Writes a file from chunks: many of them at a time, while the next ones come, and on the disk soon after. */
import type { FileHandle } from 'node:fs/promises'

/** Bytes that wait for the write before theirs; as many are being written. */
const gatheredBytes = 1024 * 1024
/** Bytes after which the disk is told to begin: at the end little is left to wait for. */
const syncedBytes = 32 * 1024 * 1024

/** Owns the file until it is closed. The chunks are kept as they are: nobody may change them. */
export class FileWriter {
  readonly #file: FileHandle
  #position: number
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #unsyncedBytes = 0
  #isSyncing = false
  #writing: Promise<void> = Promise.resolve()
  #syncing: Promise<void> = Promise.resolve()

  /** @param position - where the first chunk goes. @default the start of the file */
  constructor(file: FileHandle, position = 0) {
    this.#file = file
    this.#position = position
  }

  /** Takes a chunk; waits while the disk is behind. @throws what a write before this one failed with */
  async add(chunk: Uint8Array): Promise<void> {
    this.#waiting.push(chunk)
    this.#waitingBytes += chunk.length
    if (this.#waitingBytes >= gatheredBytes) await this.#begin()
  }

  /** Waits until all chunks are in the file. @throws the failure of the file system */
  async flush(): Promise<void> {
    await this.#begin()
    await this.#writing
  }

  /** Waits until all chunks are on the disk. @throws the failure of the file system */
  async finish(): Promise<void> {
    await this.flush()
    // A disk tells of a failure once: also whoever asked it in between has to be heard.
    await this.#syncing
    await this.#file.datasync()
  }

  /** Closes the file when nothing works on it any more. What still waited is not written. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#writing, this.#syncing])
    await this.#file.close()
  }

  async #begin(): Promise<void> {
    await this.#writing
    const chunks = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    this.#writing = this.#write(chunks)
    this.#writing.catch(() => {})
  }

  async #write(chunks: readonly Uint8Array[]): Promise<void> {
    for (let rest = chunks; rest.length > 0;) {
      const { bytesWritten } = await this.#file.writev(rest, this.#position)
      this.#position += bytesWritten
      this.#unsyncedBytes += bytesWritten
      rest = restOf(rest, bytesWritten)
    }
    if (this.#unsyncedBytes >= syncedBytes && !this.#isSyncing) this.#beginSync()
  }

  #beginSync(): void {
    this.#isSyncing = true
    this.#unsyncedBytes = 0
    const before = this.#syncing
    this.#syncing = this.#file.datasync().then(() => before)
    this.#syncing.catch(() => {}).finally(() => this.#isSyncing = false)
  }
}

/** What is left after a write that took fewer bytes than it was given, as on a disk that is nearly full. */
function restOf(chunks: readonly Uint8Array[], written: number): Uint8Array[] {
  let skipped = written
  return chunks.flatMap((chunk) => {
    const from = Math.min(skipped, chunk.length)
    skipped -= from
    return from === chunk.length ? [] : [chunk.subarray(from)]
  })
}
