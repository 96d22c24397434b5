/** Gathers waiting deliveries into transactions, one at a time, and answers every caller. */
import { messageOf, WebEncodeError } from '../../kernel/errors.ts'
import type { Delivery, Outcome } from './delivery.ts'
import { quarantineDelivery } from './quarantine.ts'
import { eventAttempts, eventDelayMs } from './retry.ts'
import { settleAll, type Settled, type TransactionParts, transactPatiently } from './settle.ts'
import { PoisonedBatch, type Work } from './transact.ts'
import { createTurns } from './turns.ts'

export interface GroupCommitOptions extends TransactionParts {
  /** Deliveries in one transaction. */
  readonly batchSize: number
}

interface Waiting {
  readonly delivery: Delivery
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (failure: unknown) => void
  attempts: number
}

/** One line of deliveries before the database. */
export class GroupCommit {
  readonly #options: GroupCommitOptions
  readonly #queue: Waiting[] = []
  readonly #takeTurn = createTurns()
  readonly #drained: (() => void)[] = []
  /** Deliveries without an answer yet: in the queue, in flight, or between two attempts. */
  #open = 0
  #pumping = false

  constructor(options: GroupCommitOptions) {
    this.#options = options
  }

  /** Resolves when the delivery is durable. @throws WE-SYS-002 when the database fails for longer than the retries */
  deliver(delivery: Delivery): Promise<Outcome> {
    this.#open += 1
    return new Promise((resolve, reject) =>
      this.#enqueue({ delivery, resolve, reject, attempts: 0 })
    )
  }

  /** Runs a transaction of its own, in turn with the batches. @throws WE-SYS-002, PoisonedBatch, and what `work` throws with a code */
  async alone<T>(work: Work<T>): Promise<T> {
    try {
      return await this.#takeTurn(() => transactPatiently(this.#options, work))
    } catch (failure) {
      if (failure instanceof PoisonedBatch || failure instanceof WebEncodeError) throw failure
      throw new WebEncodeError('WE-SYS-002', 'Transaction failed', { cause: failure })
    }
  }

  get waiting(): number {
    return this.#open
  }

  /** Resolves when every delivery has its answer. */
  drained(): Promise<void> {
    return this.#open === 0
      ? Promise.resolve()
      : new Promise((resolve) => this.#drained.push(resolve))
  }

  #enqueue(waiting: Waiting): void {
    this.#queue.push(waiting)
    if (this.#pumping) return
    this.#pumping = true
    // After this tick, so that everything that one caller sends goes together.
    queueMicrotask(() => void this.#pump())
  }

  async #pump(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, this.#options.batchSize)
      const settled = await this.#takeTurn(() =>
        settleAll(this.#options, batch.map(({ delivery }) => delivery))
      )
      for (const waiting of batch) this.#settle(waiting, settled.get(waiting.delivery)!)
    }
    this.#pumping = false
  }

  #settle(waiting: Waiting, settled: Settled): void {
    switch (settled.kind) {
      case 'committed':
        return this.#answer(waiting, settled.outcome)
      case 'unknown':
        return this.#refuse(waiting, settled.failure)
      case 'failed':
        return this.#tryAgain(waiting, settled.failure)
    }
  }

  #tryAgain(waiting: Waiting, failure: unknown): void {
    const { clock, log, store } = this.#options
    const { eventId, actorId } = waiting.delivery
    const attempt = waiting.attempts += 1
    log.error(`Event failed: ${messageOf(failure)}`, { failure, eventId, actorId, attempt })
    if (attempt < eventAttempts) {
      clock.after(eventDelayMs(attempt), () => this.#enqueue(waiting))
      return
    }
    this.#takeTurn(() => quarantineDelivery(store, waiting.delivery, failure)).then(
      (outcome) => this.#answer(waiting, outcome),
      (cause: unknown) => this.#refuse(waiting, cause),
    )
  }

  #answer(waiting: Waiting, outcome: Outcome): void {
    this.#options.counters.outcomes[outcome.status] += 1
    waiting.resolve(outcome)
    this.#close()
  }

  #refuse({ delivery, reject }: Waiting, cause: unknown): void {
    const message =
      `Cannot deliver event "${delivery.eventId}" to "${delivery.actorId}": the database failed`
    reject(new WebEncodeError('WE-SYS-002', message, { cause }))
    this.#close()
  }

  #close(): void {
    this.#open -= 1
    if (this.#open > 0) return
    for (const resolve of this.#drained.splice(0)) resolve()
  }
}
