/** One file into storage: in pieces when it is large, continued where a connection broke, by a new URL each time. */
import { stat } from 'node:fs/promises'
import type { Clock } from '../kernel/clock.ts'
import type { ObjectRef } from '../kernel/contract/media.ts'
import { reprDigestOf } from '../kernel/contract/repr-digest.ts'
import type { ObjectUrlReply } from '../kernel/contract/worker.ts'
import type { Log } from '../kernel/log.ts'
import { isWrongDigest } from './failure.ts'
import { hashOf } from './file-hash.ts'
import type { ObjectQuestions } from './object-questions.ts'
import { Retries, statusFailure } from './retries.ts'
import { type FilePart, putStored } from './storage-http.ts'
import type { ObjectLease } from './transfer.ts'

/** Bytes of one request: what a storage checks and makes durable at a time. */
const pieceBytes = 16 * 1024 * 1024

export interface TransferTools {
  readonly urlFor: ObjectQuestions['urlFor']
  readonly clock: Clock
  readonly log: Log
  /** Called whenever bytes came or went. */
  readonly onTransfer: (direction: 'in' | 'out', bytes: number) => void
}

export interface UploadOrder {
  readonly key: string
  readonly file: string
  readonly contentType: string
  readonly lease: ObjectLease
}

/**
 * Uploads the file; it appears in storage whole, with this hash, or not at all.
 * @throws WE-STO-003 when the storage is full, WE-WRK-004 without the lease, WE-STO-004 after two minutes without progress,
 * WE-STO-006 when the bytes do not have their hash, twice; the signal's reason
 */
export async function uploadFile(order: UploadOrder, tools: TransferTools): Promise<ObjectRef> {
  const { key, contentType, lease, lease: { signal } } = order
  let object = await readObject(order)
  let wasReadAgain = false
  const retries = new Retries({ action: `store "${key}"`, signal, ...tools })
  for (let isFirst = true;; isFirst = false) {
    try {
      signal.throwIfAborted()
      const { sha256 } = object
      const target = await tools.urlFor(lease, { method: 'PUT', key, contentType, sha256 })
      const upload = new Upload(object, order, target, tools)
      if (target.isResumable !== true || object.sizeBytes <= pieceBytes) await upload.sendWhole()
      else await upload.sendPieces(retries, isFirst)
      return object
    } catch (failure) {
      if (wasReadAgain || !isWrongDigest(failure)) {
        await retries.waitAfter(failure)
        continue
      }
      // A bit fell over, here or on the way. The file that it is now may still arrive.
      tools.log.warn('a file is read again: it arrived with another hash', { key, error: failure })
      wasReadAgain = true
      object = await readObject(order)
    }
  }
}

async function readObject({ key, file }: UploadOrder): Promise<ObjectRef> {
  return { key, sizeBytes: (await stat(file)).size, sha256: await hashOf(file) }
}

/** One try with one URL. */
class Upload {
  readonly #object: ObjectRef
  readonly #order: UploadOrder
  readonly #target: ObjectUrlReply
  readonly #onTransfer: TransferTools['onTransfer']

  constructor(
    object: ObjectRef,
    order: UploadOrder,
    target: ObjectUrlReply,
    { onTransfer }: TransferTools,
  ) {
    this.#object = object
    this.#order = order
    this.#target = target
    this.#onTransfer = onTransfer
  }

  async sendWhole(): Promise<void> {
    const { sizeBytes } = this.#object
    const next = await this.#put({}, sizeBytes === 0 ? undefined : this.#partFrom(0, sizeBytes))
    if (next !== 'whole') throw statusFailure(308, this.#action)
  }

  /** @param isFirst - nothing was sent before, so that nobody has to be asked where to go on */
  async sendPieces(retries: Retries, isFirst: boolean): Promise<void> {
    const { sizeBytes } = this.#object
    let position = isFirst ? 0 : await this.#put({ 'content-range': `bytes */${sizeBytes}` })
    while (position !== 'whole') {
      retries.reached(position)
      const part = this.#partFrom(position, Math.min(position + pieceBytes, sizeBytes))
      const range = `bytes ${part.start}-${part.end}/${sizeBytes}`
      const next = await this.#put({ 'content-range': range }, part)
      if (next !== 'whole' && next <= position) {
        throw new Error(`the storage stays at byte ${next}`)
      }
      position = next
    }
  }

  get #action(): string {
    return `store "${this.#object.key}"`
  }

  #partFrom(start: number, endBefore: number): FilePart {
    return { file: this.#order.file, start, end: endBefore - 1 }
  }

  /** @returns where to go on, or that the object is whole */
  async #put(headers: Record<string, string>, part?: FilePart): Promise<number | 'whole'> {
    const { sha256, sizeBytes } = this.#object
    const answer = await putStored(this.#target.url, {
      headers: {
        ...this.#target.headers,
        'repr-digest': reprDigestOf(sha256),
        ...headers,
      },
      ...(part !== undefined && { part }),
      sizeBytes,
      signal: this.#order.lease.signal,
      onSent: (bytes) => this.#onTransfer('out', bytes),
    })
    if (answer.status >= 200 && answer.status < 300) return 'whole'
    if (answer.status !== 308) throw statusFailure(answer.status, this.#action, answer.text)
    const [, last] = /^bytes=0-(\d+)$/.exec(answer.headers['range'] ?? '') ?? []
    return last === undefined ? 0 : Number(last) + 1
  }
}
