/** How a failure with a code crosses the wire, in both directions: gRPC status, message, and the code in the trailing metadata. */
import { Metadata, type ServiceError, status } from '@grpc/grpc-js'
import type { Pillar } from '../contract/plugin.ts'
import {
  errorCatalog,
  type ErrorCode,
  type ErrorFacts,
  messageOf,
  type NextStep,
  WebEncodeError,
  webEncodeErrorFrom,
} from '../errors.ts'
import { maxMessageBytes } from './wire.ts'

/** Longest message that is sent or believed, in characters. */
const maxMessageLength = 2000

/** What grpc-js answers a failed call with. */
export interface WireStatus extends Error {
  readonly code: status
  readonly details: string
  readonly metadata: Metadata
}

/** Who was asked for what, for the sentence of a failure. */
export interface Asked {
  readonly plugin: string
  readonly pillar: Pillar
  readonly method: string
  readonly timeoutMs: number
}

/** Statuses that mean something in a pillar, for plugins that do not know our codes. */
const codesByStatus: Partial<Record<Pillar, Partial<Record<status, ErrorCode>>>> = {
  storage: {
    [status.NOT_FOUND]: 'WE-STO-001',
    [status.PERMISSION_DENIED]: 'WE-STO-002',
    [status.INVALID_ARGUMENT]: 'WE-STO-002',
    [status.RESOURCE_EXHAUSTED]: 'WE-STO-003',
    [status.OUT_OF_RANGE]: 'WE-STO-005',
    [status.DATA_LOSS]: 'WE-STO-006',
    [status.ALREADY_EXISTS]: 'WE-STO-007',
  },
  auth: {
    [status.NOT_FOUND]: 'WE-SYS-007',
    [status.UNAUTHENTICATED]: 'WE-AUTH-001',
    [status.PERMISSION_DENIED]: 'WE-AUTH-003',
  },
}

const statusByCode: Partial<Record<ErrorCode, status>> = {
  'WE-STO-001': status.NOT_FOUND,
  'WE-STO-002': status.PERMISSION_DENIED,
  'WE-STO-003': status.RESOURCE_EXHAUSTED,
  'WE-STO-005': status.OUT_OF_RANGE,
  'WE-STO-006': status.DATA_LOSS,
  'WE-STO-007': status.ALREADY_EXISTS,
  'WE-AUTH-001': status.UNAUTHENTICATED,
  'WE-AUTH-003': status.PERMISSION_DENIED,
  'WE-SYS-007': status.NOT_FOUND,
}

/** The answer that carries a failure. One without a code is INTERNAL and carries only its message. */
export function statusFrom(failure: unknown): WireStatus {
  const metadata = new Metadata()
  const details = messageOf(failure).slice(0, maxMessageLength)
  if (!(failure instanceof WebEncodeError)) return wireStatus(status.INTERNAL, details, metadata)
  metadata.set('we-code', failure.code)
  metadata.set('we-next', failure.next)
  if (failure.path !== undefined) metadata.set('we-path', encodeURIComponent(failure.path))
  if (failure.retryAfterSeconds !== undefined) {
    metadata.set('we-retry-after', String(failure.retryAfterSeconds))
  }
  const fallback = failure.next === 'retry' ? status.UNAVAILABLE : status.FAILED_PRECONDITION
  return wireStatus(statusByCode[failure.code] ?? fallback, details, metadata)
}

/** The failure that an answer carries; WE-PLG-004 when nobody answered, WE-PLG-006 for a message that gRPC does not carry, WE-PLG-005 for what is no known failure. */
export function failureFrom(answer: unknown, asked: Asked): WebEncodeError {
  if (!isServiceError(answer)) return webEncodeErrorFrom(answer, 'WE-PLG-005')
  const details = answer.details.slice(0, maxMessageLength)
  const own = codeOf(answer)
  const isTooLarge = own === undefined && isMessageTooLarge(answer)
  const code = own ?? (isTooLarge ? undefined : codesByStatus[asked.pillar]?.[answer.code])
  if (code !== undefined) return new WebEncodeError(code, details, factsOf(answer))
  if (isTooLarge) {
    const sentence = `Cannot call ${asked.method} of plugin "${asked.plugin}": ` +
      `a message must have at most ${maxMessageBytes} bytes, and one has more (${details})`
    return new WebEncodeError('WE-PLG-006', sentence, { cause: answer })
  }
  return new WebEncodeError(
    answer.code === status.UNAVAILABLE ? 'WE-PLG-004' : 'WE-PLG-005',
    `Cannot call ${asked.method} of plugin "${asked.plugin}": ${reasonOf(answer, details, asked)}`,
    { cause: answer },
  )
}

/** Whether the plugin does not have the method. */
export function isUnimplemented(failure: unknown): boolean {
  return isServiceError(failure) && failure.code === status.UNIMPLEMENTED
}

/** With this status a plugin says that it is full, and gRPC itself, in any language, that it takes no such message. */
function isMessageTooLarge({ code, details }: ServiceError): boolean {
  return code === status.RESOURCE_EXHAUSTED &&
    /\bmessage (?:larger than max|after decompression larger|that decompresses to|with a size larger|exceeds maximum size)\b/i
      .test(details)
}

function reasonOf({ code }: ServiceError, details: string, { timeoutMs }: Asked): string {
  if (code === status.DEADLINE_EXCEEDED) {
    return `it must answer within ${timeoutMs} ms, and did not`
  }
  if (code === status.UNAVAILABLE) return `nobody answers (${details})`
  if (code === status.UNIMPLEMENTED) return 'it does not have that method'
  return `it failed with ${status[code]}: ${details}`
}

function wireStatus(code: status, details: string, metadata: Metadata): WireStatus {
  return Object.assign(new Error(details), { code, details, metadata })
}

function isServiceError(failure: unknown): failure is ServiceError {
  return failure instanceof Error && typeof Reflect.get(failure, 'code') === 'number' &&
    Reflect.get(failure, 'metadata') instanceof Metadata
}

function textOf({ metadata }: ServiceError, key: string): string | undefined {
  const [value] = metadata.get(key)
  return typeof value === 'string' ? value : undefined
}

function codeOf(answer: ServiceError): ErrorCode | undefined {
  const code = textOf(answer, 'we-code')
  return code !== undefined && Object.hasOwn(errorCatalog, code) ? code as ErrorCode : undefined
}

function factsOf(answer: ServiceError): ErrorFacts {
  const next = textOf(answer, 'we-next')
  const path = textOf(answer, 'we-path')
  const seconds = Number(textOf(answer, 'we-retry-after'))
  return {
    cause: answer,
    ...(isNextStep(next) && { next }),
    ...(path !== undefined && { path: decoded(path) }),
    ...(seconds > 0 && seconds <= 86_400 && { retryAfterSeconds: seconds }),
  }
}

function isNextStep(text: string | undefined): text is NextStep {
  return text === 'stop' || text === 'retry' || text === 'pause'
}

/** A path that was not encoded as ours is shown as it came. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
