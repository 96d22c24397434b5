/** Keeps the streams and consumers there: made when the bus opens, and again when somebody or something removed them. */
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import type { Json } from '../contract/json.ts'
import { WebEncodeError } from '../errors.ts'
import type { Log } from '../log.ts'
import { busError } from './bus-error.ts'
import { isMatch } from './filter.ts'
import {
  type AskJetStream,
  ensureConsumer,
  ensureStream,
  isJetStreamError,
  jetStreamCodes,
} from './jetstream.ts'
import { streamConfigs, type StreamOptions, workStream } from './streams.ts'
import { consumerName, workPrefix } from './subjects.ts'

const shortestPauseMs = 250
const longestPauseMs = 5_000

/** The only lanes for which a stranger may have a consumer made: no wildcard that would take the messages of others. */
const laneFilter = `${workPrefix}.*.*`
const consumerRequestSchema = z.strictObject({ filter: z.string().regex(/^[\w.-]{1,100}$/) })

export interface StreamKeeperOptions extends StreamOptions {
  readonly ask: AskJetStream
  readonly isConnected: () => boolean
  readonly clock: Clock
  readonly log: Log
}

/** A durable consumer of the work queue. */
export interface WorkConsumer {
  readonly name: string
  readonly filter: string
  readonly ackWaitMs: number
}

export class StreamKeeper {
  readonly #options: StreamKeeperOptions
  readonly #closing = new AbortController()
  #isEnsuring = false

  constructor(options: StreamKeeperOptions) {
    this.#options = options
  }

  /**
   * Makes the streams, or brings their settings up to date; tries again until the time is over, because JetStream comes up
   * some time after its server does, and other processes make the streams at the same moment.
   * @throws WE-SYS-003
   */
  async ensureWithin(timeoutMs: number): Promise<void> {
    const { clock } = this.#options
    const deadline = clock.now() + timeoutMs
    await this.#ensureWhile(() => clock.now() < deadline)
  }

  /** Makes the streams in the background, as long as the connection stands. */
  ensureSoon(): void {
    if (this.#isEnsuring) return
    this.#isEnsuring = true
    this.#ensureWhile(this.#options.isConnected)
      .catch((error: unknown) => this.#options.log.error('cannot make the streams', { error }))
      .finally(() => this.#isEnsuring = false)
  }

  /** @throws TypeError when the consumer would take the messages of another one; WE-SYS-003 */
  async ensureConsumer({ name, filter, ackWaitMs }: WorkConsumer): Promise<void> {
    try {
      await ensureConsumer(this.#options.ask, { stream: workStream, name, filter, ackWaitMs })
    } catch (failure) {
      if (failure instanceof TypeError) throw failure
      if (isJetStreamError(failure, jetStreamCodes.streamNotFound)) this.ensureSoon()
      throw busError(`make the consumer "${name}" of "${filter}"`, failure)
    }
  }

  /** Answers the request of a bus that may not make consumers. @throws WE-SYS-003 */
  async ensureRequested(request: Json, ackWaitMs: number): Promise<void> {
    const parsed = consumerRequestSchema.safeParse(request)
    if (!parsed.success || !isMatch(laneFilter, parsed.data.filter)) {
      const message = `Cannot make a consumer: its filter must be ${workPrefix}.region.lane`
      throw new WebEncodeError('WE-SYS-003', message, { next: 'stop' })
    }
    const { filter } = parsed.data
    await this.ensureConsumer({ filter, name: consumerName(filter), ackWaitMs })
  }

  close(): void {
    this.#closing.abort()
  }

  async #ensureWhile(isWorthIt: () => boolean): Promise<void> {
    const { clock, log } = this.#options
    const { signal } = this.#closing
    for (let pauseMs = shortestPauseMs;; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        return await this.#ensure()
      } catch (failure) {
        if (isFinal(failure) || signal.aborted || !isWorthIt()) throw failure
        log.warn('cannot make the streams yet', { error: failure })
      }
      await clock.sleep(pauseMs, signal).catch(() => {})
    }
  }

  async #ensure(): Promise<void> {
    for (const config of streamConfigs(this.#options)) {
      try {
        await ensureStream(this.#options.ask, config)
      } catch (failure) {
        throw busError(`make the stream ${config.name}`, failure)
      }
    }
  }
}

function isFinal(failure: unknown): boolean {
  return failure instanceof WebEncodeError && failure.next === 'stop'
}
