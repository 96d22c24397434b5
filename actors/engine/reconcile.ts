/** Mends what was lost: leases that ran out, doorbells that nobody heard, effects and timers that stayed behind. */
import type { Clock } from '../../kernel/clock.ts'
import type { ActorStore } from '../../kernel/db/actor-store.ts'
import type { Delivery, Outcome } from './delivery.ts'
import type { EffectHandlers } from './effect-handlers.ts'

export interface ReconcileOptions {
  readonly store: ActorStore
  readonly clock: Clock
  readonly deliver: (delivery: Delivery) => Promise<Outcome>
  readonly ring: EffectHandlers['ring']
  /** A ready task that nobody claimed for this long gets its doorbell rung again, in milliseconds. */
  readonly staleReadyMs: number
}

/** Rows of each kind in one round. */
const limit = 256

/** One round. @throws when the store or the bus fails; the next round starts again from the database */
export async function reconcileRound(options: ReconcileOptions): Promise<void> {
  await expireLeases(options)
  await ringAgain(options)
}

/**
 * The event id is new each time: a lease that was renewed at the last moment leaves a row in the inbox, under which its
 * real end would be taken for a duplicate. The fence and the token in the machine's guards keep it to one.
 */
async function expireLeases({ store, clock, deliver }: ReconcileOptions): Promise<void> {
  const leases = await store.listExpiredLeases(limit)
  await Promise.all(leases.map(({ taskId, leaseToken }) =>
    deliver({
      kind: 'event',
      eventId: `lease:${leaseToken}:${clock.now()}`,
      actorId: taskId,
      event: { type: 'leaseExpired', leaseToken },
      fence: { kind: 'expiredLease', leaseToken },
    })
  ))
}

/** Under a new id, because the bus drops a second message with the first one's. */
async function ringAgain({ store, clock, ring, staleReadyMs }: ReconcileOptions): Promise<void> {
  const stale = await store.listStaleReady(staleReadyMs, limit)
  await Promise.all(stale.map((task) => ring(task, { id: `ring:${task.taskId}:${clock.now()}` })))
}
