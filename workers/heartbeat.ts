/** The heartbeat: one message for all tasks in hand, on time, and sooner when there is progress to tell. */
import type { Clock } from '../kernel/clock.ts'

/** Progress is told at most this often. */
const progressMs = 2_000

/** Beats until it is stopped, one beat at a time. */
export class Heartbeat {
  readonly #clock: Clock
  readonly #beat: () => Promise<void>
  #intervalMs = 0
  #lastAt = 0
  #dueAt = Number.POSITIVE_INFINITY
  #isBeating = false
  #cancel = () => {}

  /** @param beat - sends one heartbeat; must not throw */
  constructor(clock: Clock, beat: () => Promise<void>) {
    this.#clock = clock
    this.#beat = beat
  }

  /** Beats every `intervalMs` from now on. */
  start(intervalMs: number): void {
    this.#intervalMs = intervalMs
    this.#lastAt = this.#clock.now()
    this.#book(this.#lastAt + intervalMs)
  }

  /** There is something to tell: beat as soon as the last beat is 2 s ago. */
  hasten(): void {
    const dueAt = this.#lastAt + Math.min(progressMs, this.#intervalMs)
    if (this.#intervalMs > 0 && dueAt < this.#dueAt) this.#book(dueAt)
  }

  stop(): void {
    this.#intervalMs = 0
    this.#dueAt = Number.POSITIVE_INFINITY
    this.#cancel()
  }

  #book(dueAt: number): void {
    this.#dueAt = dueAt
    if (this.#isBeating) return
    this.#cancel()
    // Never longer than the interval: the clock may have been set back, and leases run out meanwhile.
    const delayMs = Math.min(Math.max(0, dueAt - this.#clock.now()), this.#intervalMs)
    this.#cancel = this.#clock.after(delayMs, () => void this.#fire())
  }

  async #fire(): Promise<void> {
    this.#isBeating = true
    this.#lastAt = this.#clock.now()
    this.#dueAt = this.#lastAt + this.#intervalMs
    await this.#beat()
    this.#isBeating = false
    if (this.#intervalMs > 0) this.#book(this.#dueAt)
  }
}
