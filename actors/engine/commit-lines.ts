/** As many lines of deliveries as the store runs transactions side by side. An actor keeps to its line, so its events keep their order. */
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Delivery, Outcome } from './delivery.ts'
import { GroupCommit, type GroupCommitOptions } from './group-commit.ts'
import type { Work } from './transact.ts'

export interface CommitLinesOptions extends GroupCommitOptions {
  /** Deliveries that may wait, over all lines, before callers are turned away, and as many transactions of their own. */
  readonly capacity: number
}

export class CommitLines {
  readonly #lines: readonly GroupCommit[]
  readonly #capacity: number
  #turn = 0
  /** Transactions of their own that wait or run. */
  #own = 0

  constructor({ capacity, ...options }: CommitLinesOptions) {
    this.#capacity = capacity
    this.#lines = Array.from(
      { length: options.store.concurrency },
      () => new GroupCommit(options),
    )
  }

  /**
   * Resolves when the delivery is durable.
   * @param options.inner - comes from the engine itself, which bounds its own work: never turned away
   * @throws WE-SYS-004 when too much waits; WE-SYS-002 when the database fails for longer than the retries
   */
  async deliver(
    delivery: Delivery,
    { inner = false }: { readonly inner?: boolean } = {},
  ): Promise<Outcome> {
    if (!inner && this.waiting >= this.#capacity) {
      const message = `Cannot deliver event "${delivery.eventId}": ${this.waiting} others wait`
      throw new WebEncodeError('WE-SYS-004', message, { retryAfterSeconds: 1 })
    }
    return await this.#line(hashOf(delivery.actorId)).deliver(delivery)
  }

  /** Runs a transaction of its own; the lines take turns. See {@link GroupCommit.alone}. @throws WE-SYS-004 when too many wait */
  async alone<T>(work: Work<T>): Promise<T> {
    if (this.#own >= this.#capacity) {
      const message = `Cannot begin a transaction: ${this.#own} others wait`
      throw new WebEncodeError('WE-SYS-004', message, { retryAfterSeconds: 1 })
    }
    this.#own += 1
    try {
      return await this.#line(this.#turn++).alone(work)
    } finally {
      this.#own -= 1
    }
  }

  get waiting(): number {
    return this.#lines.reduce((sum, line) => sum + line.waiting, 0)
  }

  /** Resolves when every delivery has its answer. */
  async drained(): Promise<void> {
    while (this.waiting > 0) await Promise.all(this.#lines.map((line) => line.drained()))
  }

  #line(n: number): GroupCommit {
    return this.#lines[n % this.#lines.length]!
  }
}

/** Spreads names evenly: FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  }
  return hash >>> 0
}
