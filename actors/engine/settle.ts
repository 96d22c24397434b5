/** Commits deliveries together and finds the ones that spoil it for the others. */
import { messageOf } from '../../kernel/errors.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { ActorStore } from '../../kernel/db/actor-store.ts'
import type { Log } from '../../kernel/log.ts'
import type { Counters } from './counters.ts'
import type { Delivery, Outcome } from './delivery.ts'
import type { Registry } from './registry.ts'
import { isTransient, transactionAttempts, transactionDelayMs } from './retry.ts'
import { type Committed, PoisonedBatch, transact, type Work } from './transact.ts'

export interface TransactionParts {
  readonly store: ActorStore
  readonly registry: Registry
  readonly clock: Clock
  readonly log: Log
  readonly counters: Counters
  /** Called after each commit, before the callers hear of it. */
  readonly onCommit: (commit: Committed<unknown>) => void
}

/** What became of one delivery of a batch. */
export type Settled =
  | { readonly kind: 'committed'; readonly outcome: Outcome }
  /** It threw, or wrote what the database does not take. */
  | { readonly kind: 'failed'; readonly failure: unknown }
  /** The database failed. Whether it was committed is not known, and does not matter: event ids are applied once. */
  | { readonly kind: 'unknown'; readonly failure: unknown }

/** Commits as many of the deliveries as can be, in their order, and says what became of each. Never throws. */
export async function settleAll(
  parts: TransactionParts,
  deliveries: readonly Delivery[],
): Promise<ReadonlyMap<Delivery, Settled>> {
  if (deliveries.length === 0) return new Map()
  try {
    const applied = await transactPatiently(parts, (_tx, apply) => apply(deliveries))
    return new Map(
      deliveries.map((
        delivery,
        i,
      ) => [delivery, { kind: 'committed', outcome: applied[i]!.outcome }]),
    )
  } catch (failure) {
    return await settleAround(parts, deliveries, failure)
  }
}

async function settleAround(
  parts: TransactionParts,
  deliveries: readonly Delivery[],
  failure: unknown,
): Promise<ReadonlyMap<Delivery, Settled>> {
  if (failure instanceof PoisonedBatch) {
    const sound = await settleAll(
      parts,
      deliveries.filter((delivery) => !failure.failures.has(delivery)),
    )
    return new Map([
      ...sound,
      ...[...failure.failures].map(([delivery, cause]) => [delivery, failedWith(cause)] as const),
    ])
  }
  if (isTransient(failure)) {
    return new Map(deliveries.map((delivery) => [delivery, { kind: 'unknown', failure }]))
  }
  if (deliveries.length === 1) return new Map([[deliveries[0]!, failedWith(failure)]])
  // One delivery wrote what the database does not take: halve until it stands alone.
  const half = deliveries.length >> 1
  const first = await settleAll(parts, deliveries.slice(0, half))
  return new Map([...first, ...await settleAll(parts, deliveries.slice(half))])
}

function failedWith(failure: unknown): Settled {
  return { kind: 'failed', failure }
}

/** One transaction, tried again while it fails for reasons that pass. @throws PoisonedBatch, or what the store throws */
export async function transactPatiently<T>(parts: TransactionParts, work: Work<T>): Promise<T> {
  const { clock, counters, log } = parts
  for (let attempt = 1;; attempt++) {
    try {
      const committed = await transact(parts, work)
      counters.transactions += 1
      parts.onCommit(committed)
      return committed.result
    } catch (failure) {
      if (
        failure instanceof PoisonedBatch || !isTransient(failure) || attempt >= transactionAttempts
      ) throw failure
      counters.retries += 1
      log.warn(`Transaction failed, trying again: ${messageOf(failure)}`, { failure, attempt })
      await clock.sleep(transactionDelayMs(attempt))
    }
  }
}
