/** Whether a failed transfer is tried again, and when. */
import type { Clock } from '../kernel/clock.ts'
import { messageOf, WebEncodeError } from '../kernel/errors.ts'
import type { Log } from '../kernel/log.ts'
import { isDiskFull } from './failure.ts'
import { isForgotten } from './kernel-link.ts'

const firstDelayMs = 500
const longestDelayMs = 15_000
/** Failures in a row that brought nothing: with the delays about two minutes, in which kernels and databases restart. */
const maxFailures = 12
/** Refusals in a row: the first may be an expired URL, the second is meant. */
const maxRefusals = 2

export interface RetriesOptions {
  /** What is being done, as in `Cannot <action>`. */
  readonly action: string
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly log: Log
}

/** The failures of one transfer. Only those since it last got further count. */
export class Retries {
  readonly #options: RetriesOptions
  #best = 0
  #failures = 0
  #refusals = 0

  constructor(options: RetriesOptions) {
    this.#options = options
  }

  /** Tells how many bytes are there. Bytes that had been there before are no progress. */
  reached(position: number): void {
    if (position <= this.#best) return
    this.#best = position
    this.#failures = 0
    this.#refusals = 0
  }

  /**
   * Waits until the next try.
   * @throws the signal's reason when it is aborted; the failure, with a code, when another try would not help or there were enough
   */
  async waitAfter(failure: unknown): Promise<void> {
    const { action, signal, clock, log } = this.#options
    signal.throwIfAborted()
    this.#failures++
    if (isRefusal(failure)) this.#refusals++
    const isOver = this.#failures >= maxFailures || this.#refusals >= maxRefusals
    if (isOver || isFinal(failure)) throw codedFailure(failure, action)
    const delayMs = Math.min(firstDelayMs * 2 ** (this.#failures - 1), longestDelayMs)
    log.info('a transfer is tried again', { action, delayMs, error: failure })
    await clock.sleep(delayMs, signal)
  }
}

/** A new URL may help. */
function isRefusal(failure: unknown): boolean {
  return failure instanceof WebEncodeError &&
    (failure.code === 'WE-STO-001' || failure.code === 'WE-STO-002')
}

function isFinal(failure: unknown): boolean {
  if (isDiskFull(failure)) return true
  return failure instanceof WebEncodeError && failure.next === 'stop' &&
    !isRefusal(failure) && !isForgotten(failure)
}

function codedFailure(failure: unknown, action: string): WebEncodeError {
  if (failure instanceof WebEncodeError) return failure
  const code = isDiskFull(failure) ? 'WE-STO-003' : 'WE-STO-004'
  return new WebEncodeError(code, `Cannot ${action}: ${messageOf(failure)}`, { cause: failure })
}

/** What S3 servers say, with status 400, of bytes that do not have their hash; ours say 422. */
const wrongDigest = /<Code>(BadDigest|InvalidDigest|XAmzContent(SHA256|Checksum)Mismatch)<\/Code>/

/** The failure behind an answer that is neither success nor progress. @param text - what the answer says */
export function statusFailure(status: number, action: string, text = ''): WebEncodeError {
  const problem = `Cannot ${action}: the storage answered ${status}`
  if (status === 404 || status === 410) return new WebEncodeError('WE-STO-001', problem)
  if (status === 401 || status === 403) return new WebEncodeError('WE-STO-002', problem)
  if (status === 507) return new WebEncodeError('WE-STO-003', problem)
  if (status === 422 || status === 400 && wrongDigest.test(text)) {
    return new WebEncodeError('WE-STO-006', `${problem}: the bytes do not have their SHA-256`)
  }
  const passes = status >= 500 || status === 408 || status === 429
  return new WebEncodeError('WE-STO-004', problem, { next: passes ? 'retry' : 'stop' })
}
