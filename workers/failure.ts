/** What went wrong with a task, in the words of the retry policy. */
import type { FailureKind, TaskFailure } from '../kernel/contract/task.ts'
import { type ErrorCode, messageOf, WebEncodeError } from '../kernel/errors.ts'
import { LeaseEnded } from './lease.ts'
import { TaskFailed } from './tasks/context.ts'

const maxMessage = 2_000
const maxDetail = 8_000

/** Kinds that a source which stopped answering may be mistaken for: FFmpeg sees only a file that ends early. */
const mistakable: readonly FailureKind[] = ['invalid-input', 'encoder', 'wrong-output']

/**
 * The failure behind anything that a handler threw.
 * @param sourceFailure - why the source could not be read meanwhile, if so
 */
export function taskFailureFrom(thrown: unknown, sourceFailure?: string): TaskFailure {
  const failure = bounded(thrown instanceof TaskFailed ? thrown.failure : unexpected(thrown))
  if (sourceFailure === undefined || !mistakable.includes(failure.kind)) return failure
  const detail = `${failure.message}\n${failure.detail ?? ''}`.slice(0, maxDetail)
  return bounded({ kind: 'source-unavailable', code: 'WE-JOB-002', message: sourceFailure, detail })
}

function unexpected(thrown: unknown): TaskFailure {
  const message = messageOf(thrown)
  if (thrown instanceof LeaseEnded) return { kind: 'timeout', code: 'WE-JOB-008', message }
  if (isDiskFull(thrown)) return { kind: 'storage-full', code: 'WE-STO-003', message }
  if (isWrongDigest(thrown)) return { kind: 'damaged-output', code: 'WE-STO-006', message }
  if (!(thrown instanceof WebEncodeError)) return { kind: 'internal', code: 'WE-SYS-001', message }
  if (thrown.code === 'WE-JOB-002') {
    const kind = thrown.next === 'retry' ? 'source-unavailable' : 'invalid-input'
    return { kind, code: thrown.code, message }
  }
  return { kind: 'internal', code: thrown.code satisfies ErrorCode, message }
}

/** Whether this disk, or the storage, is full. */
export function isDiskFull(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false
  const code: unknown = Reflect.get(thrown, 'code')
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'WE-STO-003'
}

/** Whether the storage refused bytes because they do not have their hash. */
export function isWrongDigest(thrown: unknown): boolean {
  return thrown instanceof WebEncodeError && thrown.code === 'WE-STO-006'
}

function bounded(failure: TaskFailure): TaskFailure {
  const { message, detail } = failure
  return {
    ...failure,
    message: message.slice(0, maxMessage),
    ...(detail === undefined ? {} : { detail: detail.slice(-maxDetail) }),
  }
}
