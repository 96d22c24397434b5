/** One transaction of the engine: open, apply in memory, write. */
import type {
  ActorStore,
  ActorTransaction,
  BatchRequest,
  StoredActor,
} from '../../kernel/db/actor-store.ts'
import { Batch } from './apply.ts'
import { type Delivery, eventKeyOf, freshName, type Outcome } from './delivery.ts'
import type { Registry } from './registry.ts'

/** A delivery that was carried out. */
export interface Applied {
  readonly outcome: Outcome
  /** The actor afterwards; undefined when it is missing. */
  readonly actor: StoredActor | undefined
}

/** Applies deliveries inside a transaction, in order, and writes what they changed. */
export type Apply = (deliveries: readonly Delivery[]) => Promise<readonly Applied[]>

/** What a transaction does. Nothing but the transaction may be awaited in it. */
export type Work<T> = (tx: ActorTransaction, apply: Apply) => Promise<T>

export interface Committed<T> {
  readonly result: T
  /** Milliseconds until the earliest timer that was set; Infinity without one. */
  readonly nextTimerMs: number
  /** Whether effects wait in the outbox. */
  readonly effects: boolean
}

/** Some deliveries threw: the transaction is rolled back, and these are to be left out of the next one. */
export class PoisonedBatch extends Error {
  override readonly name = 'PoisonedBatch'
  readonly failures: ReadonlyMap<Delivery, unknown>
  constructor(failures: ReadonlyMap<Delivery, unknown>) {
    super(`${failures.size} deliveries failed`, { cause: failures.values().next().value })
    this.failures = failures
  }
}

/**
 * Runs `work` in one transaction. Nothing but the store may be awaited in it.
 * @throws PoisonedBatch when deliveries throw; otherwise what the store throws. Nothing is committed then, unless the store cannot tell.
 */
export async function transact<T>(
  { store, registry }: { readonly store: ActorStore; readonly registry: Registry },
  work: Work<T>,
): Promise<Committed<T>> {
  let nextTimerMs = Infinity
  let effects = false
  const result = await store.transaction((tx) =>
    work(tx, async (deliveries) => {
      const { batch, applied } = await applyAll(tx, registry, deliveries)
      const changes = batch.changes()
      if (changes === undefined) return applied
      await tx.write(changes)
      effects ||= changes.outbox.length > 0
      nextTimerMs = changes.timersSet.reduce(
        (least, { delayMs }) => Math.min(least, delayMs),
        nextTimerMs,
      )
      return applied
    })
  )
  return { result, nextTimerMs, effects }
}

async function applyAll(tx: ActorTransaction, registry: Registry, deliveries: readonly Delivery[]) {
  const batch = new Batch(registry, await tx.open(requestFrom(deliveries)))
  const failures = new Map<Delivery, unknown>()
  const outcomes: Outcome[] = []
  for (const delivery of deliveries) {
    try {
      outcomes.push(batch.apply(delivery))
    } catch (failure) {
      failures.set(delivery, failure)
    }
  }
  if (failures.size > 0) throw new PoisonedBatch(failures)
  await adoptSpawned(tx, batch)
  const applied = outcomes.map((outcome, i): Applied => ({
    outcome,
    actor: batch.actor(deliveries[i]!.actorId),
  }))
  return { batch, applied }
}

/** A spawned id that exists already is left alone, so the store is asked first. */
async function adoptSpawned(tx: ActorTransaction, batch: Batch): Promise<void> {
  while (batch.spawnedIds.length > 0) {
    const actorIds = [...new Set(batch.spawnedIds)]
    batch.adopt(await tx.open({ actorIds, events: [], timers: [], expiredLeases: [] }))
  }
}

function requestFrom(deliveries: readonly Delivery[]): BatchRequest {
  const events = new Map(
    deliveries.map((delivery) => [freshName(eventKeyOf(delivery)), eventKeyOf(delivery)]),
  )
  const fences = deliveries.flatMap((delivery) =>
    delivery.kind === 'event' && delivery.fence !== undefined
      ? [{ actorId: delivery.actorId, ...delivery.fence }]
      : []
  )
  return {
    actorIds: [...new Set(deliveries.map(({ actorId }) => actorId))],
    events: [...events.values()],
    timers: fences.filter((fence) => fence.kind === 'timer').map(({ actorId, key, uid }) => ({
      actorId,
      key,
      uid,
    })),
    expiredLeases: fences.filter((fence) => fence.kind === 'expiredLease').map((
      { actorId, leaseToken },
    ) => ({ taskId: actorId, leaseToken })),
  }
}
