/** Writes a file from chunks: many of them at a time, while the next ones come, and on the disk soon after. */
import type { FileHandle } from 'node:fs/promises'

/** Bytes gathered for one write; as many are being written. Four times as much leaves the processor's cache, and is a third slower. */
const gatheredBytes = 256 * 1024
/** Bytes after which the disk is told to begin: at the end little is left to wait for. */
const syncedBytes = 32 * 1024 * 1024

/** Owns the file until it is closed. */
export class FileWriter {
  readonly #file: FileHandle
  #position: number
  #gathered = Buffer.allocUnsafeSlow(gatheredBytes)
  #spare = Buffer.allocUnsafeSlow(gatheredBytes)
  #length = 0
  #unsyncedBytes = 0
  #isSyncing = false
  #writing: Promise<void> = Promise.resolve()
  #syncing: Promise<void> = Promise.resolve()

  /** @param position - where the first chunk goes. @default the start of the file */
  constructor(file: FileHandle, position = 0) {
    this.#file = file
    this.#position = position
  }

  /**
   * Takes a chunk; waits while the disk is behind. A small one is copied: kept, it would outlive the young garbage. A large one
   * is written as it is, and must not change until the next call is done.
   * @throws what a write before this one failed with
   */
  async add(chunk: Uint8Array): Promise<void> {
    if (this.#length + chunk.length > gatheredBytes) await this.#begin()
    if (chunk.length < gatheredBytes) {
      this.#gathered.set(chunk, this.#length)
      this.#length += chunk.length
    } else {
      await this.#writing
      this.#startWrite(chunk)
    }
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
    const bytes = this.#gathered.subarray(0, this.#length)
    ;[this.#gathered, this.#spare] = [this.#spare, this.#gathered]
    this.#length = 0
    this.#startWrite(bytes)
  }

  #startWrite(bytes: Uint8Array): void {
    this.#writing = this.#write(bytes)
    this.#writing.catch(() => {})
  }

  /** A write may take less than it was given, on a disk that is nearly full. */
  async #write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const left = bytes.length - done
      const { bytesWritten } = await this.#file.write(bytes, done, left, this.#position)
      done += bytesWritten
      this.#position += bytesWritten
    }
    this.#unsyncedBytes += bytes.length
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
