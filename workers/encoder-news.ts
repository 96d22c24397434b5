/** What the worker says of its encoders: with every join, and with a heartbeat when it has changed. */
import type { Clock } from '../kernel/clock.ts'
import type { InstalledEncoder } from '../kernel/contract/encoder-routing.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import type { Log } from '../kernel/log.ts'

/** A kernel of an older version refuses what it does not know. It is told again after this time: kernels are upgraded one by one. */
const againMs = 30_000

export interface EncoderNewsOptions {
  /** @default the worker does not say which encoders it has */
  readonly list: (() => Promise<readonly InstalledEncoder[]>) | undefined
  readonly clock: Pick<Clock, 'now'>
  readonly log: Log
}

/** A part of a message; empty when there is nothing to say. */
export interface EncoderTold {
  readonly encoders?: InstalledEncoder[]
}

export class EncoderNews {
  readonly #options: EncoderNewsOptions
  /** What a kernel has heard last, as text. */
  #told: string | undefined
  #refusedAtMs: number | undefined

  constructor(options: EncoderNewsOptions) {
    this.#options = options
  }

  /** Asks with all encoders: whoever joins is new. */
  introduce<T>(ask: (told: EncoderTold) => Promise<T>): Promise<T> {
    this.#told = undefined
    this.#refusedAtMs = undefined
    return this.update(ask)
  }

  /** Asks with the encoders where they have changed; a kernel that cannot read them is asked at once without. */
  async update<T>(ask: (told: EncoderTold) => Promise<T>): Promise<T> {
    const encoders = await this.#news()
    if (encoders === undefined) return await ask({})
    try {
      const answer = await ask({ encoders: [...encoders] })
      this.#told = JSON.stringify(encoders)
      return answer
    } catch (failure) {
      if (!isUnread(failure)) throw failure
      this.#refusedAtMs = this.#options.clock.now()
      return await ask({})
    }
  }

  /** What the kernel does not know yet; undefined when there is nothing to say now. */
  async #news(): Promise<readonly InstalledEncoder[] | undefined> {
    const { list, clock, log } = this.#options
    const isTooSoon = this.#refusedAtMs !== undefined && clock.now() - this.#refusedAtMs < againMs
    if (list === undefined || isTooSoon) return undefined
    try {
      const encoders = await list()
      return JSON.stringify(encoders) === this.#told ? undefined : encoders
    } catch (error) {
      log.warn('cannot tell which encoders this worker has', { error })
      return undefined
    }
  }
}

/** Whether the kernel could not read the message. */
function isUnread(failure: unknown): boolean {
  return failure instanceof WebEncodeError && failure.code === 'WE-WRK-004' &&
    failure.next === 'stop'
}
