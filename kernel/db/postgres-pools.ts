/** Which connections to PostgreSQL are in use: new ones, when the server on the other end of the old ones has fallen silent. */
import type postgres from 'postgres'
import { systemClock } from '../clock.ts'
import type { Log } from '../log.ts'
import { databaseFailure } from './failure.ts'

/** Connections of the driver. */
export type Pool = postgres.Sql<Record<never, never>>

/**
 * The pool in use. A connection whose other end is gone without a word is noticed by the system after a quarter of an hour; so
 * when an answer is overdue, the pool is given up with all that waits in it, and the next statement opens another one.
 */
export class Pools {
  readonly #open: () => Pool
  readonly #silentMs: number
  readonly #log: Log
  /** Ends the wait for an answer of a pool. */
  readonly #waiting = new Map<(failure: unknown) => void, Pool>()
  current: Pool

  /** @param silentMs - an answer is overdue after so many milliseconds */
  constructor(open: () => Pool, silentMs: number, log: Log) {
    this.#open = open
    this.#silentMs = silentMs
    this.#log = log
    this.current = open()
  }

  /** What `work` answers. @throws WE-SYS-002 when its pool is given up */
  async untilGivenUp<T>(pool: Pool, work: Promise<T>): Promise<T> {
    const { promise: givenUp, reject } = Promise.withResolvers<never>()
    this.#waiting.set(reject, pool)
    try {
      return await Promise.race([work, givenUp])
    } finally {
      this.#waiting.delete(reject)
    }
  }

  /** Gives the pool up unless the server answers in time. @returns ends the watch */
  watch(pool: Pool): () => void {
    return systemClock.after(this.#silentMs, () => this.#giveUp(pool))
  }

  async end(): Promise<void> {
    await this.current.end({ timeout: 0 })
  }

  #giveUp(pool: Pool): void {
    if (pool !== this.current) return
    this.#log.error('the database does not answer; its connections are given up')
    this.current = this.#open()
    const failure = databaseFailure('reach the database', new Error('it does not answer'))
    for (const [reject, of] of this.#waiting) if (of === pool) reject(failure)
    pool.end({ timeout: 0 }).catch((error: unknown) =>
      this.#log.debug('a pool that was given up did not end', { error })
    )
  }
}
