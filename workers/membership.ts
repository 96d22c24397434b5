/** A worker's place with the kernel: joining, as often as it takes, and leaving. */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../kernel/clock.ts'
import type { JoinReply, JoinRequest } from '../kernel/contract/worker.ts'
import type { Log } from '../kernel/log.ts'
import type { KernelLink } from './kernel-link.ts'

const firstRetryMs = 500
const longestRetryMs = 10_000

export interface MembershipOptions {
  readonly link: Pick<KernelLink, 'join' | 'leave'>
  readonly clock: Clock
  readonly log: Log
  readonly worker: Omit<JoinRequest, 'session'>
  /** One for the life of this process. @default a new one */
  readonly session?: string
  /** Called at every time the kernel took the worker in. */
  readonly onJoined: (terms: JoinReply) => void
}

export class Membership {
  readonly session: string
  readonly #options: MembershipOptions
  readonly #leaving = new AbortController()
  #joining: Promise<void> | undefined

  constructor(options: MembershipOptions) {
    this.#options = options
    this.session = options.session ?? randomUUID()
  }

  /** Asks until the kernel takes the worker: it may be starting, or restarting. */
  join(): void {
    this.#joining ??= this.#joinUntilAccepted().finally(() => this.#joining = undefined)
  }

  /** Ends joining, so that nothing can take the worker in again. */
  async end(): Promise<void> {
    this.#leaving.abort()
    await this.#joining
  }

  /** Tells the kernel; a kernel that is gone will miss the heartbeats. */
  async leave(): Promise<void> {
    const { link, log, worker: { workerId } } = this.#options
    try {
      await link.leave({ workerId, session: this.session })
    } catch (error) {
      log.warn('cannot tell the kernel that this worker leaves', { error })
    }
  }

  async #joinUntilAccepted(): Promise<void> {
    const { link, log, worker, onJoined } = this.#options
    for (let delayMs = firstRetryMs;; delayMs = Math.min(delayMs * 2, longestRetryMs)) {
      try {
        const terms = await link.join({ ...worker, session: this.session })
        if (!this.#leaving.signal.aborted) onJoined(terms)
        return
      } catch (error) {
        log.warn('cannot join the kernel yet', { error })
      }
      if (!(await this.#hasWaited(delayMs))) return
    }
  }

  async #hasWaited(delayMs: number): Promise<boolean> {
    const { signal } = this.#leaving
    try {
      await this.#options.clock.sleep(delayMs, signal)
      return true
    } catch (reason) {
      if (signal.aborted) return false
      throw reason
    }
  }
}
