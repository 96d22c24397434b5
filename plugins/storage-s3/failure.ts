/** Failures of an S3 server and of the way to it, in the words of the storage port. */
import { type ErrorCode, messageOf, WebEncodeError } from '../../kernel/errors.ts'

/** Names of failures that S3 servers answer, and what they mean for people. */
const named: Readonly<Record<string, readonly [code: ErrorCode, reason: string]>> = {
  NoSuchKey: ['WE-STO-001', 'it is not there'],
  NotFound: ['WE-STO-001', 'it is not there'],
  NoSuchUpload: ['WE-STO-004', 'the storage has forgotten the upload'],
  NoSuchBucket: ['WE-STO-004', 'the bucket does not exist'],
  InvalidAccessKeyId: ['WE-STO-002', 'the storage does not know the access key'],
  // As versitygw says it, with status 404.
  XAdminUserNotFound: ['WE-STO-002', 'the storage does not know the access key'],
  SignatureDoesNotMatch: ['WE-STO-002', 'the secret access key is not the one of the access key'],
  InvalidSignature: ['WE-STO-002', 'the secret access key is not the one of the access key'],
  RequestTimeTooSkewed: ['WE-STO-002', 'the clocks of the storage and of this machine differ'],
  ExpiredToken: ['WE-STO-002', 'the access key has expired'],
  AccessDenied: ['WE-STO-002', 'the access key may not do it'],
  AllAccessDisabled: ['WE-STO-002', 'the access key may not do it'],
  KeyTooLongError: ['WE-STO-002', 'the key is too long for the storage'],
  KeyTooLong: ['WE-STO-002', 'the key is too long for the storage'],
  InvalidObjectName: ['WE-STO-002', 'the storage does not take such a key'],
  XMinioInvalidObjectName: ['WE-STO-002', 'the storage does not take such a key'],
  InvalidRange: ['WE-STO-005', 'the range is not within its bytes'],
  EntityTooLarge: ['WE-STO-003', 'it is larger than the storage takes'],
  QuotaExceeded: ['WE-STO-003', 'the storage is full: its quota is used up'],
  XMinioStorageFull: ['WE-STO-003', 'the storage is full'],
  XMinioAdminBucketQuotaExceeded: ['WE-STO-003', 'the storage is full: its quota is used up'],
  InsufficientStorage: ['WE-STO-003', 'the storage is full'],
  PreconditionFailed: ['WE-STO-007', 'there is one'],
  ConditionalRequestConflict: ['WE-STO-007', 'another upload of it ends at the same time'],
  BadDigest: ['WE-STO-004', 'the bytes changed on their way'],
  XAmzContentSHA256Mismatch: ['WE-STO-004', 'the bytes changed on their way'],
  SlowDown: ['WE-STO-004', 'the storage has too much to do'],
}

const statuses: Readonly<Record<number, readonly [code: ErrorCode, reason: string]>> = {
  401: ['WE-STO-002', 'the storage refuses the access key'],
  403: ['WE-STO-002', 'the storage refuses the access key'],
  416: ['WE-STO-005', 'the range is not within its bytes'],
  507: ['WE-STO-003', 'the storage is full'],
}

/** How the way to a server breaks, by the names of the runtimes and of the SDK. */
const unreachable = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
])
/** Nobody but our own deadlines aborts a request: what the caller aborts throws the caller's reason. */
const slow = new Set(['TimeoutError', 'AbortError', 'RequestTimeout', 'RequestTimeoutException'])

/**
 * The failure with a code. Anything that is neither an answer of the server nor of the network is returned as it is.
 * @param action - what was being done, as in `Cannot <action>`
 */
export function storageFailure(failure: unknown, action: string): unknown {
  if (failure instanceof WebEncodeError || !(failure instanceof Error)) return failure
  const [code, reason] = meaningOf(failure) ?? []
  if (code === undefined) return failure
  return new WebEncodeError(code, `Cannot ${action}: ${reason}`, { cause: withoutFields(failure) })
}

/** Whether the server said that the object is missing. `NotFound` may also be the bucket, or the access key. */
export function isMissing(failure: unknown): boolean {
  return failure instanceof Error && (failure.name === 'NoSuchKey' || failure.name === 'NotFound')
}

function meaningOf(failure: Error): readonly [code: ErrorCode, reason: string] | undefined {
  const known = named[failure.name]
  if (known !== undefined) return known
  const status = statusOf(failure)
  if (status !== undefined) {
    // MinIO and SeaweedFS pass on what their disk says.
    if (status >= 500 && /no space left|disk full|no free volumes/i.test(failure.message)) {
      return ['WE-STO-003', 'the storage is full']
    }
    return statuses[status] ?? ['WE-STO-004', `the storage answered ${status} (${failure.name})`]
  }
  const code: unknown = Reflect.get(failure, 'code')
  if (slow.has(failure.name)) return ['WE-STO-004', 'the storage does not answer in time']
  if (typeof code === 'string' && unreachable.has(code)) {
    return ['WE-STO-004', `the storage cannot be reached (${code})`]
  }
  return isFromSdk(failure) ? ['WE-STO-004', messageOf(failure)] : undefined
}

function statusOf(failure: Error): number | undefined {
  const metadata: unknown = Reflect.get(failure, '$metadata')
  if (typeof metadata !== 'object' || metadata === null) return undefined
  const status: unknown = Reflect.get(metadata, 'httpStatusCode')
  return typeof status === 'number' ? status : undefined
}

function isFromSdk(failure: Error): boolean {
  return Reflect.has(failure, '$metadata')
}

/** What a server adds to its answer, e.g. the text it wants signed, is nobody's business. */
function withoutFields({ name, message, stack }: Error): Error {
  return Object.assign(new Error(message), { name, stack })
}
