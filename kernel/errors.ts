/** The closed catalog of error codes, and the one error type that carries them. */

/** What a caller should do after a failure: give up, try again later, or wait for a person. */
export type NextStep = 'stop' | 'retry' | 'pause'

interface CatalogEntry {
  readonly title: string
  readonly resolution: string
  readonly next: NextStep
}

/** Every code of the product, its title and what a person can do about it. */
export const errorCatalog = {
  'WE-JOB-001': {
    title: 'Invalid job request',
    resolution: 'Check the request body against the schema.',
    next: 'stop',
  },
  'WE-JOB-002': {
    title: 'Invalid source URL',
    resolution: 'Verify that the source can be reached and is allowed.',
    next: 'stop',
  },
  'WE-JOB-003': {
    title: 'Invalid profile',
    resolution: 'Use GET /v1/profiles to list valid profiles.',
    next: 'stop',
  },
  'WE-JOB-004': { title: 'Job not found', resolution: 'Verify the job id.', next: 'stop' },
  'WE-JOB-005': { title: 'Job already cancelled', resolution: 'Create a new job.', next: 'stop' },
  'WE-JOB-006': {
    title: 'Job already completed',
    resolution: 'No action is needed.',
    next: 'stop',
  },
  'WE-JOB-007': {
    title: 'Unsupported source format',
    resolution: 'Check that the file is a playable video or audio file.',
    next: 'stop',
  },
  'WE-JOB-008': {
    title: 'Job processing failed',
    resolution: 'Read the job log, then retry the job.',
    next: 'retry',
  },
  'WE-JOB-009': {
    title: 'No workers available',
    resolution: 'Wait, or start a worker, and retry.',
    next: 'retry',
  },
  'WE-WRK-001': {
    title: 'Worker not found',
    resolution: 'List the available workers.',
    next: 'stop',
  },
  'WE-WRK-002': {
    title: 'Worker busy',
    resolution: 'Wait for its tasks to complete.',
    next: 'retry',
  },
  'WE-WRK-003': {
    title: 'Worker offline',
    resolution: 'Check the connectivity of the worker.',
    next: 'retry',
  },
  'WE-WRK-004': {
    title: 'Worker communication failed',
    resolution: 'Restart the worker.',
    next: 'retry',
  },
  'WE-WRK-005': {
    title: 'Incompatible worker',
    resolution: 'Run the same release on kernels and workers.',
    next: 'stop',
  },
  'WE-WRK-006': {
    title: 'Worker replaced',
    resolution: 'Give every worker a WORKER_ID of its own.',
    next: 'stop',
  },
  'WE-WRK-007': {
    title: 'Join token not found',
    resolution: 'List the join tokens.',
    next: 'stop',
  },
  'WE-PLG-001': {
    title: 'Plugin not found',
    resolution: 'List the installed plugins.',
    next: 'stop',
  },
  'WE-PLG-002': { title: 'Plugin disabled', resolution: 'Enable the plugin first.', next: 'stop' },
  'WE-PLG-003': {
    title: 'Invalid plugin configuration',
    resolution: 'Validate it against the schema of the plugin.',
    next: 'stop',
  },
  'WE-PLG-004': { title: 'Plugin crashed', resolution: 'Read the plugin log.', next: 'retry' },
  'WE-PLG-005': {
    title: 'Plugin degraded',
    resolution: 'Watch the plugin and restart it if needed.',
    next: 'retry',
  },
  'WE-PLG-006': {
    title: 'Message to or from a plugin too large',
    resolution: 'Ask for less at once.',
    next: 'stop',
  },
  'WE-AUTH-001': {
    title: 'Unauthorized',
    resolution: 'Provide a valid bearer token or sign in.',
    next: 'stop',
  },
  'WE-AUTH-002': {
    title: 'Token expired',
    resolution: 'Sign in again or refresh the token.',
    next: 'stop',
  },
  'WE-AUTH-003': {
    title: 'Forbidden',
    resolution: 'Ask an administrator for access.',
    next: 'stop',
  },
  'WE-AUTH-004': {
    title: 'Role required',
    resolution: 'Check the required role of this action.',
    next: 'stop',
  },
  'WE-AUTH-005': {
    title: 'Auth provider unavailable',
    resolution: 'Retry, or check the provider.',
    next: 'retry',
  },
  'WE-AUTH-006': {
    title: 'Token, session or user not found',
    resolution: 'List the tokens, sessions or users.',
    next: 'stop',
  },
  'WE-AUTH-007': {
    title: 'User cannot be added or changed so',
    resolution: 'Ask for what the details allow.',
    next: 'stop',
  },
  'WE-STO-001': { title: 'Object not found', resolution: 'Verify the object key.', next: 'stop' },
  'WE-STO-002': {
    title: 'Storage access denied',
    resolution: 'Use a path below an allowed root.',
    next: 'stop',
  },
  'WE-STO-003': {
    title: 'Storage full',
    resolution: 'Free space or expand the storage.',
    next: 'retry',
  },
  'WE-STO-004': { title: 'Storage unavailable', resolution: 'Check the storage.', next: 'retry' },
  'WE-STO-005': {
    title: 'Range not satisfiable',
    resolution: 'Ask for bytes below the size of the object.',
    next: 'stop',
  },
  'WE-STO-006': {
    title: 'Wrong digest',
    resolution: 'Send the bytes again, with the digest that they have.',
    next: 'stop',
  },
  'WE-STO-007': {
    title: 'Object exists',
    resolution: 'Use another object key, or delete the object first.',
    next: 'stop',
  },
  'WE-SYS-001': {
    title: 'Internal server error',
    resolution: 'Read the server log.',
    next: 'retry',
  },
  'WE-SYS-002': { title: 'Database error', resolution: 'Check the database.', next: 'retry' },
  'WE-SYS-003': {
    title: 'Message queue error',
    resolution: 'Check the message queue.',
    next: 'retry',
  },
  'WE-SYS-004': { title: 'Service unavailable', resolution: 'Wait and retry.', next: 'retry' },
  'WE-SYS-005': {
    title: 'Rate limit exceeded',
    resolution: 'Wait and retry with backoff.',
    next: 'retry',
  },
  'WE-SYS-006': {
    title: 'Request too large',
    resolution: 'Send a smaller body, or raise the limit.',
    next: 'stop',
  },
  'WE-SYS-007': {
    title: 'Not found',
    resolution: 'Check the address and the method.',
    next: 'stop',
  },
  'WE-SYS-008': {
    title: 'Method not allowed',
    resolution: 'Use a method that the header Allow names.',
    next: 'stop',
  },
  'WE-SYS-009': {
    title: 'WebSocket required',
    resolution: 'Open a WebSocket: with the header "Upgrade: websocket".',
    next: 'stop',
  },
} as const satisfies Record<string, CatalogEntry>

/** A code of the catalog. */
export type ErrorCode = keyof typeof errorCatalog

/** Optional facts of a {@link WebEncodeError}. */
export interface ErrorFacts {
  /** Path of the wrong input field, e.g. `overrides.video.crf`. */
  readonly path?: string
  /** Overrides the catalog's next step. */
  readonly next?: NextStep
  /** Seconds after which a retry makes sense; becomes `Retry-After`. */
  readonly retryAfterSeconds?: number
  readonly cause?: unknown
}

/** A failure with a code. The message says what was being done, what must hold and what was found. */
export class WebEncodeError extends Error {
  override readonly name = 'WebEncodeError'
  readonly code: ErrorCode
  readonly next: NextStep
  readonly path: string | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.code = code
    this.next = facts.next ?? errorCatalog[code].next
    this.path = facts.path
    this.retryAfterSeconds = facts.retryAfterSeconds
  }
}

/** The failure as a {@link WebEncodeError}; anything unknown becomes `fallback`. */
export function webEncodeErrorFrom(
  failure: unknown,
  fallback: ErrorCode = 'WE-SYS-001',
): WebEncodeError {
  if (failure instanceof WebEncodeError) return failure
  return new WebEncodeError(fallback, messageOf(failure), { cause: failure })
}

/** The human-readable message of anything that was thrown. */
export function messageOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure)
}
