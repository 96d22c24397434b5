/** Requests to an OpenBao or Vault server: bounded in time, size and repetition; failures that name no secret. */
import type { Clock } from '../../clock.ts'
import { messageOf, WebEncodeError } from '../../errors.ts'

export interface OpenBaoClientOptions {
  /** `https://openbao.example:8200`, without a slash at its end. */
  readonly address: string
  readonly clock: Pick<Clock, 'sleep'>
  /** Milliseconds for one attempt. @default 5000 */
  readonly timeoutMs?: number
  /** Waits between attempts, in milliseconds. @default [200, 1000] */
  readonly retryDelaysMs?: readonly number[]
}

export interface OpenBaoRequest {
  readonly method: 'GET' | 'LIST' | 'POST' | 'PATCH'
  /** Below `/v1/`. */
  readonly path: string
  readonly token?: string
  readonly body?: object
}

/** What the server said. */
export interface OpenBaoAnswer {
  readonly status: number
  /** The body when it is a JSON object; else empty. */
  readonly body: Readonly<Record<string, unknown>>
}

export interface OpenBaoClient {
  /**
   * The answer, of any status below 500.
   * @throws WE-SYS-004 when the server cannot be reached, is sealed or fails, after some attempts
   */
  ask(request: OpenBaoRequest): Promise<OpenBaoAnswer>
}

/** Longest answer that is read. */
const maxAnswerBytes = 1 << 20
/** Too many requests; a standby or a server that is not set up; every 5xx is another. */
const passingStatuses: ReadonlySet<number> = new Set([429, 472, 473])

/** Creates a client of one server. */
export function createOpenBaoClient(options: OpenBaoClientOptions): OpenBaoClient {
  const { clock, retryDelaysMs = [200, 1000] } = options
  return {
    async ask(request) {
      for (const delayMs of retryDelaysMs) {
        const answer = await attempt(options, request)
        if (!(answer instanceof WebEncodeError)) return answer
        await clock.sleep(delayMs)
      }
      const answer = await attempt(options, request)
      if (answer instanceof WebEncodeError) throw answer
      return answer
    },
  }
}

/** One attempt: an answer, or a failure that may pass. */
async function attempt(
  { address, timeoutMs = 5000 }: OpenBaoClientOptions,
  { method, path, token, body }: OpenBaoRequest,
): Promise<OpenBaoAnswer | WebEncodeError> {
  try {
    const response = await fetch(`${address}/v1/${path}`, {
      method,
      headers: {
        'X-Vault-Request': 'true',
        ...(token !== undefined && { 'X-Vault-Token': token }),
        ...(body !== undefined && { 'Content-Type': contentTypes[method] }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      // A redirect would take the token to wherever it leads.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
    const answer = { status: response.status, body: await objectFrom(response) }
    return failureFrom(answer, address) ?? answer
  } catch (cause) {
    return unavailable(`the server at ${address} gave no answer: ${reasonOf(cause)}`, cause)
  }
}

const contentTypes: Readonly<Record<OpenBaoRequest['method'], string>> = {
  GET: 'application/json',
  LIST: 'application/json',
  POST: 'application/json',
  PATCH: 'application/merge-patch+json',
}

function failureFrom({ status, body }: OpenBaoAnswer, address: string): WebEncodeError | undefined {
  if (status >= 300 && status < 400) {
    return unavailable(`the server at ${address} leads elsewhere; name the active server`)
  }
  if (status < 500 && !passingStatuses.has(status)) return undefined
  const said = errorsOf(body)
  if (/sealed/i.test(said)) return unavailable(`the server at ${address} is sealed; unseal it`)
  return unavailable(`the server at ${address} answered ${status}${said === '' ? '' : `: ${said}`}`)
}

/** What the server says about its failure: it repeats paths, not values. */
export function errorsOf(body: Readonly<Record<string, unknown>>): string {
  const { errors } = body
  return Array.isArray(errors) ? errors.map(String).join('; ').trim().slice(0, 300) : ''
}

/** A failure of the server that a later try may not meet. */
export function unavailable(problem: string, cause?: unknown): WebEncodeError {
  return new WebEncodeError('WE-SYS-004', `Cannot ask OpenBao: ${problem}`, {
    retryAfterSeconds: 5,
    ...(cause !== undefined && { cause }),
  })
}

/** `fetch` hides why in its cause. */
function reasonOf(failure: unknown): string {
  const inner = failure instanceof Error && failure.cause instanceof Error ? failure.cause : failure
  return messageOf(inner)
}

async function objectFrom(response: Response): Promise<Readonly<Record<string, unknown>>> {
  const text = await boundedText(response)
  if (!(response.headers.get('content-type') ?? '').includes('json') || text === '') return {}
  const value = jsonOf(text)
  return typeof value === 'object' && value !== null ? value as Record<string, unknown> : {}
}

/** A parser's message quotes the text, which may be a secret. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new RangeError('its answer is no JSON')
  }
}

/** @throws RangeError when the answer is too long */
async function boundedText(response: Response): Promise<string> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of response.body ?? []) {
    size += part.length
    if (size > maxAnswerBytes) {
      throw new RangeError(`its answer has more than ${maxAnswerBytes} bytes`)
    }
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}
