/** Answers workers that want to read, write or delete an object: only what belongs to the attempt whose token they show. */
import type { SourceRef } from '../../kernel/contract/task.ts'
import type { StorageProvider } from '../../kernel/contract/storage.ts'
import type {
  ObjectRemovalRequest,
  ObjectUrlReply,
  ObjectUrlRequest,
} from '../../kernel/contract/worker.ts'
import { type Attempt, readAttempt } from '../../kernel/db/attempts.ts'
import type { Reader } from '../../kernel/db/database.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'
import { sourceOf } from './claims.ts'
import { jobPrefix, logKey, mediaBucket, outputPrefix } from './keys.ts'

export interface ObjectDeskOptions {
  readonly db: Reader
  readonly storage: Pick<StorageProvider, 'getUrl' | 'getUploadUrl' | 'delete'>
  readonly log: Log
  /** What a worker opens to read a job's source. @throws WE-JOB-002, WE-STO-002 */
  readonly resolveSource: (sourceUrl: string) => Promise<SourceRef>
}

/** For workers whose session was checked. All throw WE-WRK-004 when the attempt may not do it; nothing has changed then. */
export interface ObjectDesk {
  url(request: ObjectUrlRequest): Promise<ObjectUrlReply>
  remove(request: ObjectRemovalRequest): Promise<{ removed: true }>
}

/** Seconds that an answered URL is valid: a worker asks again when it takes longer. */
const urlSeconds = 3600
/** Shorter for writing: when its result was accepted, nobody should be able to write an output once more. */
const putSeconds = 900

export function createObjectDesk(options: ObjectDeskOptions): ObjectDesk {
  const { db, storage, log, resolveSource } = options

  async function attemptOf(request: ObjectUrlRequest | ObjectRemovalRequest): Promise<Attempt> {
    return await readAttempt(db, request) ??
      refuse(request, 'the task was never leased to this worker with this token')
  }

  function refuse(request: ObjectUrlRequest | ObjectRemovalRequest, reason: string): never {
    const { workerId, taskId, key = 'the source' } = request
    const wanted = 'method' in request ? request.method : 'DELETE'
    log.warn('refused an object to a worker', {
      worker_id: workerId,
      task_id: taskId,
      key,
      wanted,
      reason,
    })
    throw new WebEncodeError('WE-WRK-004', `Cannot ${wanted} ${key} for ${taskId}: ${reason}`, {
      next: 'stop',
    })
  }

  const readUrl = (objectKey: string) =>
    storage.getUrl({
      bucket: mediaBucket,
      objectKey,
      expirySeconds: urlSeconds,
      method: 'GET',
      audience: 'worker',
    })

  return {
    async url(request) {
      const attempt = await attemptOf(request)
      const fault = faultOf(request, attempt)
      if (fault !== undefined) refuse(request, fault)
      if (request.method === 'PUT') {
        const { key: objectKey, contentType, sha256, method } = request
        const signed = await storage.getUploadUrl({
          bucket: mediaBucket,
          objectKey,
          expirySeconds: putSeconds,
          method,
          audience: 'worker',
          ...(contentType !== undefined && { contentType }),
          ...(sha256 !== undefined && { sha256 }),
        })
        return replyFrom(signed)
      }
      if (request.key !== undefined) return replyFrom(await readUrl(request.key))
      const urlOf = async (key: string) => (await readUrl(key)).url
      const source = await sourceOf(attempt, attempt.job, { urlOf, resolveSource })
      return { url: source.url, headers: {} }
    },

    async remove(request) {
      const attempt = await attemptOf(request)
      if (!isOutput(request.key, attempt)) refuse(request, 'it is not an output of this attempt')
      if (attempt.isAdopted) refuse(request, 'the result was accepted, and others read it')
      await storage.delete({ bucket: mediaBucket, path: request.key })
      log.info('deleted an output that nobody will use', {
        worker_id: request.workerId,
        task_id: request.taskId,
        key: request.key,
      })
      return { removed: true }
    },
  }
}

/** Why the attempt may not have this URL; undefined when it may. */
function faultOf(request: ObjectUrlRequest, attempt: Attempt): string | undefined {
  const { key, method } = request
  // The log is written when the outcome is known, and its report may have ended the lease by then.
  if (method === 'PUT' && key === logKey(attempt)) return undefined
  if (!attempt.isHeld) return 'the lease has ended'
  if (method === 'PUT') {
    return isOutput(key, attempt) ? undefined : 'it is not an output of this attempt'
  }
  const isOwn = key === undefined || key.startsWith(jobPrefix(attempt.jobId)) ||
    attempt.job.sourceUrl === `fs://${key}`
  return isOwn ? undefined : 'it does not belong to the job'
}

function isOutput(key: string, { taskId: id, ...attempt }: Attempt): boolean {
  return key.startsWith(`${outputPrefix({ id, ...attempt })}/`)
}

function replyFrom(
  { url, headers, isResumable }: Awaited<ReturnType<StorageProvider['getUrl']>>,
): ObjectUrlReply {
  return { url, headers: { ...headers }, ...(isResumable !== undefined && { isResumable }) }
}
