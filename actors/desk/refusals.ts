/** Remembers what the desk refused, so that each worker's mistake is logged once and counted every time. */
import type { Json } from '../../kernel/contract/json.ts'
import { type ErrorCode, WebEncodeError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'

/** Mistakes that are remembered; beyond it, the oldest may be logged again. */
const capacity = 1000

export interface Refusals {
  /** Notes a failure, if it is a refusal: what the worker did wrong, not what the kernel could not do. */
  note(subject: string, request: Json, failure: unknown): void
  /** The worker was let in: its next mistake is news. */
  forget(workerId: string): void
}

export function createRefusals(
  { log, onRefused = () => {} }: {
    readonly log: Log
    readonly onRefused?: ((code: ErrorCode) => void) | undefined
  },
): Refusals {
  /** Codes by worker id, the oldest first. */
  const noted = new Map<string, Set<ErrorCode>>()

  return {
    note(subject, request, failure) {
      if (!isRefusal(failure)) return
      onRefused(failure.code)
      const who = workerIdOf(request) ?? subject
      const codes = noted.get(who) ?? new Set()
      if (codes.has(failure.code)) return
      noted.set(who, codes.add(failure.code))
      for (const oldest of noted.keys()) {
        if (noted.size <= capacity) break
        noted.delete(oldest)
      }
      log.warn('refused a worker', {
        worker_id: who,
        subject,
        error_code: failure.code,
        reason: failure.message,
      })
    },
    forget: (workerId) => void noted.delete(workerId),
  }
}

function isRefusal(failure: unknown): failure is WebEncodeError {
  return failure instanceof WebEncodeError && failure.next === 'stop' &&
    /^WE-(WRK|AUTH)-/.test(failure.code)
}

/** Of a message that may be anything. */
function workerIdOf(request: Json): string | undefined {
  if (typeof request !== 'object' || request === null || !('workerId' in request)) return undefined
  const { workerId } = request
  return typeof workerId === 'string' ? workerId.slice(0, 100) : undefined
}
