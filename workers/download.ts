/** One object out of storage into a file: continued where a connection broke, checked as it comes. */
import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import type { ObjectRef } from '../kernel/contract/media.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import type { OutboundResponse } from '../kernel/outbound.ts'
import { Retries, statusFailure } from './retries.ts'
import { openStored } from './storage-http.ts'
import { DamagedObject, type ObjectLease } from './transfer.ts'
import type { TransferTools } from './upload.ts'

/** An object, and a URL that may have expired. */
export type StoredInput = ObjectRef & { readonly url: string }

/**
 * Downloads the object to `path`, where it appears whole or not at all.
 * @throws DamagedObject when it is missing, or, tried twice, of another size or hash; WE-STO-004 after two minutes without
 * progress; the signal's reason
 */
export async function downloadObject(
  input: StoredInput,
  path: string,
  lease: ObjectLease,
  tools: TransferTools,
): Promise<void> {
  const part = `${path}.part`
  try {
    const file = await open(part, 'w', 0o640)
    try {
      await new Download(input, file, lease, tools).run()
    } finally {
      await file.close()
    }
    await rename(part, path)
  } finally {
    await rm(part, { force: true })
  }
}

class Download {
  readonly #input: StoredInput
  readonly #file: FileHandle
  readonly #lease: ObjectLease
  readonly #tools: TransferTools
  readonly #retries: Retries
  #hash: Hash = createHash('sha256')
  #position = 0

  constructor(input: StoredInput, file: FileHandle, lease: ObjectLease, tools: TransferTools) {
    this.#input = input
    this.#file = file
    this.#lease = lease
    this.#tools = tools
    this.#retries = new Retries({ action: this.#action, signal: lease.signal, ...tools })
  }

  get #action(): string {
    return `read "${this.#input.key}"`
  }

  async run(): Promise<void> {
    const { key, url } = this.#input
    let isClean = false
    for (let isFirst = true;; isFirst = false) {
      try {
        const from = isFirst
          ? url
          : (await this.#tools.urlFor(this.#lease, { method: 'GET', key })).url
        return await this.#receive(from)
      } catch (failure) {
        if (failure instanceof DamagedObject) {
          if (isClean) throw failure
          await this.#startOver()
          isClean = true
        }
        await this.#waitAfter(failure)
      }
    }
  }

  /** Waits until the next try. @throws DamagedObject when the storage has no such object */
  async #waitAfter(failure: unknown): Promise<void> {
    try {
      await this.#retries.waitAfter(failure)
    } catch (cause) {
      const isMissing = cause instanceof WebEncodeError && cause.code === 'WE-STO-001'
      throw isMissing
        ? new DamagedObject(`Object "${this.#input.key}" is missing`, { cause })
        : cause
    }
  }

  async #startOver(): Promise<void> {
    await this.#file.truncate(0)
    this.#hash = createHash('sha256')
    this.#position = 0
  }

  async #receive(url: string): Promise<void> {
    const { key, sizeBytes, sha256 } = this.#input
    if (sizeBytes === 0 || this.#position < sizeBytes) await this.#receiveRest(url)
    if (this.#position < sizeBytes) {
      throw new Error(`The connection ended at byte ${this.#position}`)
    }
    if (this.#hash.copy().digest('hex') !== sha256) {
      throw new DamagedObject(`Object "${key}" does not have its hash`)
    }
  }

  async #receiveRest(url: string): Promise<void> {
    const { signal } = this.#lease
    const range = this.#position > 0 ? { range: { start: this.#position } } : {}
    const response = await openStored(url, { signal, ...range }).catch((failure: unknown) => {
      throw storageFailureFrom(failure)
    })
    try {
      await this.#accept(response)
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) await this.#add(chunk)
      signal.throwIfAborted()
    } finally {
      response.body.destroy()
    }
  }

  /** Looks at what is announced before a byte of it is taken. */
  async #accept({ status, headers }: OutboundResponse): Promise<void> {
    if (status !== 200 && status !== 206) throw statusFailure(status, this.#action)
    if (status === 200 && this.#position > 0) await this.#startOver()
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(String(headers['content-range'])) ?? []
    if (status === 206 && Number(start) !== this.#position) {
      throw new Error(`The storage sent bytes from ${start} instead of ${this.#position}`)
    }
    const announced = status === 206 ? total : headers['content-length']
    if (announced !== undefined) this.#refuseSize(Number(announced))
  }

  async #add(chunk: Uint8Array): Promise<void> {
    const end = this.#position + chunk.length
    if (end > this.#input.sizeBytes) this.#refuseSize(end)
    this.#hash.update(chunk)
    await writeAll(this.#file, chunk, this.#position)
    this.#position = end
    this.#tools.onTransfer('in', chunk.length)
    this.#retries.reached(end)
  }

  #refuseSize(found: number): void {
    const { key, sizeBytes } = this.#input
    if (found === sizeBytes) return
    throw new DamagedObject(`Object "${key}" has ${found} bytes instead of ${sizeBytes}`)
  }
}

/** What went wrong with an object is not the fault of the job's source, which the same guard speaks of. */
function storageFailureFrom(failure: unknown): unknown {
  if (!(failure instanceof WebEncodeError)) return failure
  const { message, next } = failure
  return new WebEncodeError('WE-STO-004', message, { next, cause: failure })
}

/** A write may take less than it was given, on a disk that is nearly full. */
async function writeAll(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.length;) {
    done += (await file.write(chunk, done, chunk.length - done, position + done)).bytesWritten
  }
}
