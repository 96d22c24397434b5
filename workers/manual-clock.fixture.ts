/** A clock for tests that stands still until it is told to go on. */
import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../kernel/clock.ts'

interface Timer {
  readonly at: number
  readonly callback: () => void
}

/** Starts at the given time, in milliseconds since the epoch. */
export class ManualClock implements Clock {
  #now: number
  readonly #timers = new Set<Timer>()

  constructor(now = Date.UTC(2030, 0, 1)) {
    this.#now = now
  }

  readonly now = (): number => this.#now

  readonly after = (delayMs: number, callback: () => void): () => void => {
    const timer = { at: this.#now + delayMs, callback }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  readonly sleep = (delayMs: number, signal?: AbortSignal): Promise<void> => {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const cancel = this.after(delayMs, resolve)
      signal?.addEventListener('abort', () => {
        cancel()
        reject(signal.reason)
      }, { once: true })
    })
  }

  /** Lets `durationMs` pass, timer by timer, and everything that the timers set off without I/O. */
  async advance(durationMs: number): Promise<void> {
    const end = this.#now + durationMs
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#now = Math.max(this.#now, next.at)
      this.#timers.delete(next)
      next.callback()
      await setImmediate()
    }
    this.#now = end
    await setImmediate()
  }

  #next(end: number): Timer | undefined {
    return [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
  }
}
