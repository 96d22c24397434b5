/** Replies on the wire: a value, or an error that keeps its code, so that both adapters carry failures alike. */
import { z } from 'zod'
import { type Json, jsonSchema } from '../contract/json.ts'
import {
  errorCatalog,
  type ErrorCode,
  type ErrorFacts,
  WebEncodeError,
  webEncodeErrorFrom,
} from '../errors.ts'

const codes = Object.keys(errorCatalog) as [ErrorCode, ...ErrorCode[]]

const replySchema = z.union([
  z.object({ value: jsonSchema }),
  z.object({
    error: z.object({
      code: z.enum(codes),
      message: z.string(),
      next: z.enum(['stop', 'retry', 'pause']),
      path: z.string().optional(),
      retryAfterSeconds: z.number().optional(),
    }),
  }),
])

/** The reply that carries `value`. */
export function replyFrom(value: Json): Json {
  return { value }
}

/** The reply that carries `failure`; anything without a code becomes WE-SYS-001. Stack and cause stay behind. */
export function errorReplyFrom(failure: unknown): Json {
  const { code, message, next, path, retryAfterSeconds } = webEncodeErrorFrom(failure)
  return {
    error: {
      code,
      message,
      next,
      ...(path === undefined ? {} : { path }),
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    },
  }
}

/**
 * The value that a reply carries.
 * @throws WebEncodeError the one the responder threw; WE-SYS-003 when it is no reply at all
 */
export function parseReply(reply: unknown): Json {
  const parsed = replySchema.safeParse(reply)
  if (!parsed.success) {
    throw new WebEncodeError('WE-SYS-003', 'Cannot read the reply of a responder: unknown form', {
      cause: parsed.error,
    })
  }
  if ('value' in parsed.data) return parsed.data.value
  const { code, message, next, path, retryAfterSeconds } = parsed.data.error
  const facts: ErrorFacts = {
    next,
    ...(path === undefined ? {} : { path }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  }
  throw new WebEncodeError(code, message, facts)
}
