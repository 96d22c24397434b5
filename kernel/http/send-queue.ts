/** Lets many connections send in turns, so that ten thousand of them do not hold up everything else. */
import { setImmediate } from 'node:timers'
import type { Clock } from '../clock.ts'

/** Something that has something to send. */
export interface Sender {
  /** Sends what there is. @returns false when its buffer is full, and it must be asked again */
  flush(): boolean
}

/** Senders that get their turn before everything else does. */
const sendersAtOnce = 100
/** How long a full buffer is given to empty, in milliseconds. */
const retryMs = 250

/** The line of those that have something to send. */
export class SendQueue {
  readonly #clock: Clock
  readonly #waiting = new Set<Sender>()
  /** Their buffers are full. */
  readonly #slow = new Set<Sender>()
  #isRunning = false
  #isRetrying = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Gives a sender a turn, after those that wait already. */
  add(sender: Sender): void {
    if (this.#slow.has(sender)) return
    this.#waiting.add(sender)
    if (this.#isRunning) return
    this.#isRunning = true
    queueMicrotask(() => this.#run())
  }

  remove(sender: Sender): void {
    this.#waiting.delete(sender)
    this.#slow.delete(sender)
  }

  #run(): void {
    let turns = 0
    for (const sender of this.#waiting) {
      if (turns++ === sendersAtOnce) return void setImmediate(() => this.#run())
      this.#waiting.delete(sender)
      if (!sender.flush()) this.#retryLater(sender)
    }
    this.#isRunning = false
  }

  #retryLater(sender: Sender): void {
    this.#slow.add(sender)
    if (this.#isRetrying) return
    this.#isRetrying = true
    this.#clock.after(retryMs, () => {
      this.#isRetrying = false
      const slow = [...this.#slow]
      this.#slow.clear()
      for (const each of slow) this.add(each)
    })
  }
}
