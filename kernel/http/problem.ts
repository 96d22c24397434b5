/** Failures as answers: the only place that knows status codes, and the shape of an error body. */
import type { Context, ErrorHandler, NotFoundHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { z } from 'zod'
import { contentRangeOf } from '../contract/byte-range.ts'
import { errorCatalog, type ErrorCode, WebEncodeError, webEncodeErrorFrom } from '../errors.ts'
import type { AppEnv, HttpDeps, UiMount } from './deps.ts'

const statuses: Record<ErrorCode, ContentfulStatusCode> = {
  'WE-JOB-001': 400,
  'WE-JOB-002': 400,
  'WE-JOB-003': 400,
  'WE-JOB-004': 404,
  'WE-JOB-005': 409,
  'WE-JOB-006': 409,
  'WE-JOB-007': 422,
  'WE-JOB-008': 500,
  'WE-JOB-009': 503,
  'WE-WRK-001': 404,
  'WE-WRK-002': 409,
  'WE-WRK-003': 410,
  'WE-WRK-004': 500,
  'WE-WRK-005': 409,
  'WE-WRK-006': 409,
  'WE-WRK-007': 404,
  'WE-PLG-001': 404,
  'WE-PLG-002': 409,
  'WE-PLG-003': 422,
  'WE-PLG-004': 500,
  'WE-PLG-005': 503,
  'WE-PLG-006': 502,
  'WE-AUTH-001': 401,
  'WE-AUTH-002': 401,
  'WE-AUTH-003': 403,
  'WE-AUTH-004': 403,
  'WE-AUTH-005': 500,
  'WE-AUTH-006': 404,
  'WE-AUTH-007': 422,
  'WE-STO-001': 404,
  'WE-STO-002': 403,
  'WE-STO-003': 507,
  'WE-STO-004': 500,
  'WE-STO-005': 416,
  'WE-STO-006': 422,
  'WE-STO-007': 409,
  'WE-SYS-001': 500,
  'WE-SYS-002': 500,
  'WE-SYS-003': 500,
  'WE-SYS-004': 503,
  'WE-SYS-005': 429,
  'WE-SYS-006': 413,
  'WE-SYS-007': 404,
  'WE-SYS-008': 405,
  'WE-SYS-009': 426,
}

/** Codes whose messages speak of our insides: people get the request id instead. */
const internalCodes: ReadonlySet<ErrorCode> = new Set(['WE-SYS-001', 'WE-SYS-002', 'WE-SYS-003'])

export const problemSchema = z.strictObject({
  error: z.strictObject({
    code: z.string(),
    /** What kind of failure it is. */
    message: z.string(),
    /** What happened this time, in a sentence. */
    details: z.string(),
    /** The wrong field of the request, e.g. `overrides.video.crf`. */
    path: z.string().optional(),
    /** What can be done about it. */
    resolution: z.string(),
    request_id: z.string(),
    timestamp: z.string(),
    docs_url: z.string(),
  }),
})
/** A failure as people and programs see it. */
export type Problem = z.infer<typeof problemSchema>['error'] & { readonly status: number }

/** The status that answers a failure with this code. */
export function statusOf(code: ErrorCode): ContentfulStatusCode {
  return statuses[code]
}

/** Answers failures: JSON, or a page for a browser; a page that needs a sign-in leads there. */
export function answerFailure(
  deps: Pick<HttpDeps, 'log' | 'clock'>,
  ui: UiMount | undefined,
): ErrorHandler<AppEnv> {
  return async (thrown, c) => {
    const failure = failureFrom(thrown)
    const problem = problemFrom(failure, c, deps.clock.now())
    logFailure(deps, c, failure, problem)
    if (failure.retryAfterSeconds !== undefined) {
      c.header('Retry-After', String(Math.max(1, Math.ceil(failure.retryAfterSeconds))))
    }
    if (ui === undefined || isForProgram(c)) return answerJson(c, problem)
    if (problem.status === 401) return leadToSignIn(c)
    return c.html(await ui.renderProblem(c, problem), problem.status as ContentfulStatusCode)
  }
}

/** Answers paths and methods that no route has. @param allowed - the value of `Allow` for a path that has other methods */
export function answerNotFound(
  deps: Pick<HttpDeps, 'log' | 'clock'>,
  ui: UiMount | undefined,
  allowed: (path: string) => string | undefined,
): NotFoundHandler<AppEnv> {
  const answer = answerFailure(deps, ui)
  return (c) => {
    const { method, path } = c.req
    const methods = allowed(path)
    if (methods === undefined) {
      return answer(new WebEncodeError('WE-SYS-007', `There is no ${method} ${path}`), c)
    }
    c.header('Allow', methods)
    if (method === 'OPTIONS') return c.body(null, 204)
    const problem = `${path} has no ${method}, but ${methods}`
    return answer(new WebEncodeError('WE-SYS-008', problem), c)
  }
}

/** The status of the readiness probe. */
export function readinessStatus(isReady: boolean): 200 | 503 {
  return isReady ? 200 : 503
}

function failureFrom(thrown: unknown): WebEncodeError {
  if (thrown instanceof HTTPException && thrown.status < 500) {
    const message = thrown.status === 415
      ? 'The body must be JSON, with the header "Content-Type: application/json"'
      : thrown.message
    return new WebEncodeError('WE-JOB-001', message, { cause: thrown })
  }
  return webEncodeErrorFrom(thrown)
}

function problemFrom(failure: WebEncodeError, c: Context<AppEnv>, nowMs: number): Problem {
  const { title, resolution } = errorCatalog[failure.code]
  const requestId = c.get('requestId')
  return {
    status: statuses[failure.code],
    code: failure.code,
    message: title,
    details: internalCodes.has(failure.code)
      ? `The server could not finish this request; its log has the reason under ${requestId}`
      : failure.message,
    ...(failure.path === undefined ? {} : { path: failure.path }),
    resolution,
    request_id: requestId,
    timestamp: new Date(nowMs).toISOString(),
    docs_url: `https://docs.webencode.io/errors/${failure.code}`,
  }
}

function answerJson(c: Context<AppEnv>, { status, ...error }: Problem): Response {
  if (status === 401) c.header('WWW-Authenticate', 'Bearer realm="webencode"')
  return c.json({ error }, status as ContentfulStatusCode)
}

/** A full page goes to the sign-in form; a fragment tells htmx to. */
function leadToSignIn(c: Context<AppEnv>): Response {
  if (c.req.header('hx-request') !== undefined) {
    c.header('HX-Redirect', '/login')
    return c.body(null, 401)
  }
  const isPage = c.req.method === 'GET' || c.req.method === 'HEAD'
  const { pathname, search } = new URL(c.req.url)
  return c.redirect(isPage ? `/login?next=${encodeURIComponent(pathname + search)}` : '/login', 303)
}

/** Signing in has one address for people and programs: whoever does not ask for a page is a program. */
function isForProgram(c: Context<AppEnv>): boolean {
  const { path } = c.req
  if (path.startsWith('/auth/')) return !(c.req.header('accept') ?? '').includes('text/html')
  return /^\/(v1|health|ready|metrics|openapi\.json)(\/|$)/.test(path)
}

/** The failure of a request that does not ask for the WebSocket which its address is. */
export function upgradeRequired(c: Context<AppEnv>): WebEncodeError {
  c.header('Upgrade', 'websocket')
  return new WebEncodeError('WE-SYS-009', 'This address is a WebSocket')
}

function logFailure(
  deps: Pick<HttpDeps, 'log'>,
  c: Context<AppEnv>,
  failure: WebEncodeError,
  problem: Problem,
): void {
  const fields = {
    correlation_id: problem.request_id,
    error_code: failure.code,
    status: problem.status,
    method: c.req.method,
    path: c.req.path,
    user_id: c.get('identity')?.caller.userId,
  }
  if (problem.status < 500 || failure.next === 'retry' && failure.code === 'WE-SYS-004') {
    deps.log.info(`${problem.message}: ${failure.message}`, fields)
  } else {
    deps.log.error(failure.message, { ...fields, error: failure, cause: failure.cause })
  }
}

/** The failure of a range without a single byte; tells the client the size. */
export function rangeNotSatisfiable(c: Context<AppEnv>, size: number): WebEncodeError {
  c.header('Content-Range', contentRangeOf('unsatisfiable', size))
  return new WebEncodeError(
    'WE-STO-005',
    `The range ${c.req.header('range')} lies outside of ${size} bytes`,
  )
}
