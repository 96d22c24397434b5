/** When to ask for work: on a doorbell, when a slot frees and every 2 s; one question at a time. */
import type { Clock } from '../kernel/clock.ts'
import type { TaskBrief } from '../kernel/contract/task.ts'

/** Asks even when no doorbell rang: the bus may lose them. */
const pollMs = 2_000
/** Tasks of one claim at most, as the contract says. */
const maxClaim = 64

export interface ClaimsOptions {
  readonly clock: Clock
  /** Free slots now; 0 when the worker takes nothing. */
  readonly room: () => number
  /** Asks the kernel; must not throw. */
  readonly claim: (limit: number) => Promise<readonly TaskBrief[]>
  /** Starts a task; takes one of the room. */
  readonly take: (brief: TaskBrief) => void
}

/** Turns any number of doorbells into as few claims as it takes. */
export class Claims {
  readonly #options: ClaimsOptions
  #hasRung = false
  #isClaiming = false
  #current: Promise<void> = Promise.resolve()
  #cancelPoll = () => {}

  constructor(options: ClaimsOptions) {
    this.#options = options
  }

  /** Claims now, or once more after the claim that is under way. */
  ring(): void {
    this.#hasRung = true
    if (!this.#isClaiming) this.#current = this.#claimWhileWanted()
  }

  /** Claims now and every 2 s from now on. */
  start(): void {
    this.stop()
    this.ring()
    this.#cancelPoll = this.#options.clock.after(pollMs, () => this.start())
  }

  /** Ends the polling. */
  stop(): void {
    this.#cancelPoll()
  }

  /** Resolves when no claim is under way. */
  idle(): Promise<void> {
    return this.#current
  }

  async #claimWhileWanted(): Promise<void> {
    const { room, claim, take } = this.#options
    this.#isClaiming = true
    try {
      while (this.#hasRung && room() > 0) {
        this.#hasRung = false
        const limit = Math.min(room(), maxClaim)
        const tasks = await claim(limit)
        for (const brief of tasks) take(brief)
        if (tasks.length === limit) this.#hasRung = true
      }
    } finally {
      this.#isClaiming = false
    }
  }
}
