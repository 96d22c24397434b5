/** Objects of a worker that shares no disk with the storage: everything goes through signed URLs. */
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import { downloadObject } from './download.ts'
import { ObjectCache } from './object-cache.ts'
import type { ObjectQuestions } from './object-questions.ts'
import { Retries } from './retries.ts'
import { createSlots } from './slots.ts'
import type { ObjectLease, WorkerObjects } from './transfer.ts'
import { type TransferTools, uploadFile } from './upload.ts'

/** A stitch asks for all its chunks at once. */
const parallelDownloads = 8

export interface RemoteObjectsOptions extends ObjectQuestions {
  /** Where downloaded objects are kept; of this worker alone. */
  readonly cacheDirectory: string
  /** Most bytes kept there; objects that tasks use are kept even beyond it. */
  readonly cacheBytes: number
  readonly clock: Clock
  readonly log: Log
  /** Called whenever bytes came or went. */
  readonly onTransfer?: TransferTools['onTransfer']
}

/** A lease whose reading also ends when the task does. */
interface Reader extends ObjectLease {
  readonly stop: AbortController
}

/**
 * Uploads and downloads by URLs that `urlFor` answers, asked for anew at every try. A connection that breaks is continued; after
 * two minutes without progress a transfer fails with WE-STO-004.
 */
export function createRemoteObjects(options: RemoteObjectsOptions): WorkerObjects {
  const { urlFor, removeObject, cacheDirectory, cacheBytes, clock, log } = options
  const tools = { urlFor, clock, log, onTransfer: options.onTransfer ?? (() => {}) }
  const cache = new ObjectCache({ directory: cacheDirectory, maxBytes: cacheBytes })
  const slots = createSlots(parallelDownloads)
  const readers = new Map<string, Reader>()

  function readerOf(lease: ObjectLease): Reader {
    const known = readers.get(lease.leaseToken)
    if (known !== undefined) return known
    const stop = new AbortController()
    const signal = AbortSignal.any([lease.signal, stop.signal])
    const reader = { ...lease, signal, stop }
    readers.set(lease.leaseToken, reader)
    return reader
  }

  return {
    put: (key, file, contentType, lease) => uploadFile({ key, file, contentType, lease }, tools),

    async read(input, lease) {
      lease.signal.throwIfAborted()
      const reader = readerOf(lease)
      const { leaseToken: user, signal } = reader
      return await cache.take(input, {
        user,
        signal,
        async fetch(path) {
          const giveBack = await slots.take(signal)
          try {
            await downloadObject(input, path, reader, tools)
          } finally {
            giveBack()
          }
        },
      })
    },

    remove: (key, lease) => removeObject(lease, key),

    async sourceUrl(lease) {
      const { signal } = readerOf(lease)
      const retries = new Retries({ action: 'find the source', signal, clock, log })
      for (;;) {
        try {
          return (await urlFor(lease, { method: 'GET' })).url
        } catch (failure) {
          await retries.waitAfter(failure)
        }
      }
    },

    release({ leaseToken, taskId }) {
      readers.get(leaseToken)?.stop.abort(new Error(`Task ${taskId} has ended`))
      readers.delete(leaseToken)
      cache.release(leaseToken)
    },
  }
}
