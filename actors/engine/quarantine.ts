/** Sets an event aside that threw every time, and gives it back to the engine on demand. */
import type { Json } from '../../kernel/contract/json.ts'
import { messageOf } from '../../kernel/errors.ts'
import type { ActorStore, DeadLetter } from '../../kernel/db/actor-store.ts'
import { type Delivery, type EventDelivery, eventKeyOf, type Outcome } from './delivery.ts'

/**
 * Stores the dead letter first and closes the inbox and the timer after it, so that a crash in between loses nothing and
 * neither a redelivery nor the timer loop meets the event again.
 */
export async function quarantineDelivery(
  store: ActorStore,
  delivery: Delivery,
  failure: unknown,
): Promise<Outcome> {
  const actor = await store.readActor(delivery.actorId)
  await store.quarantine([letterFrom(delivery, actor?.version ?? -1, failure)])
  await store.transaction((tx) =>
    tx.open({
      actorIds: [delivery.actorId],
      events: [eventKeyOf(delivery)],
      timers: delivery.kind === 'event' && delivery.fence?.kind === 'timer'
        ? [{ actorId: delivery.actorId, key: delivery.fence.key, uid: delivery.fence.uid }]
        : [],
      expiredLeases: [],
    })
  )
  return { status: 'quarantined', version: actor?.version ?? -1, value: null }
}

function letterFrom(delivery: Delivery, version: number, failure: unknown): DeadLetter {
  return {
    id: delivery.eventId,
    kind: 'event',
    actorId: delivery.actorId,
    payload: { ...delivery, version } as unknown as Json,
    error: explain(failure),
  }
}

/** The messages of a failure and its causes. */
export function explain(failure: unknown): string {
  const cause: unknown = failure instanceof Error ? failure.cause : undefined
  return cause === undefined ? messageOf(failure) : `${messageOf(failure)}: ${explain(cause)}`
}

/**
 * The delivery of a dead letter, under a new event id, because the old one is in the inbox. A timer's event counts only
 * while the actor is as it was, because its timer is gone.
 */
export function redeliveryFrom(letter: DeadLetter): Delivery {
  const { version, ...delivery } = letter.payload as unknown as Delivery & {
    readonly version: number
  }
  const eventId = `${letter.id}~`
  if (delivery.kind === 'create' || delivery.fence?.kind !== 'timer') {
    return { ...delivery, eventId }
  }
  const event: EventDelivery = { ...delivery, eventId, fence: { kind: 'version', version } }
  return event
}
