/** What can be handed to the engine, and what becomes of it. */
import type { Json } from '../../kernel/contract/json.ts'
import type { EventKey } from '../../kernel/db/actor-store.ts'

export type EventJson = Json & { readonly type: string }

/** What must still hold, by the database, for an event to count. */
export type Fence =
  /** This very timer is still set; the delivery consumes it. */
  | { readonly kind: 'timer'; readonly key: string; readonly uid: string }
  /** This lease of the task has run out. */
  | { readonly kind: 'expiredLease'; readonly leaseToken: string }
  /** The actor has not changed since. */
  | { readonly kind: 'version'; readonly version: number }

/** An event for an actor. The same event id is applied at most once to the same actor. */
export interface EventDelivery {
  readonly kind: 'event'
  readonly eventId: string
  readonly actorId: string
  readonly event: EventJson
  readonly fence?: Fence
}

/** A new actor. An id that exists already is left alone. */
export interface CreateDelivery {
  readonly kind: 'create'
  readonly eventId: string
  readonly actorId: string
  readonly type: string
  readonly input: Json
}

export type Delivery = EventDelivery | CreateDelivery

export const outcomeStatuses = [
  'applied', // the actor reacted, or was created
  'duplicate', // this event was handled before, or the actor exists already
  'ignored', // the machine has no transition for it now
  'refused', // the actor has ended
  'missing', // there is no such actor
  'fenced', // its timer, lease or version was no longer the one it named
  'quarantined', // it threw every time and was set aside
] as const

/** What became of a delivery, durably. */
export interface Outcome {
  readonly status: (typeof outcomeStatuses)[number]
  /** The actor's version afterwards; -1 when it is missing. */
  readonly version: number
  /** The actor's state value afterwards; null when it is missing. */
  readonly value: Json
}

/** The inbox row of a delivery. */
export function eventKeyOf(delivery: Delivery): EventKey {
  return { actorId: delivery.actorId, eventId: delivery.eventId }
}

/** How the store names an inbox row in `BatchState.fresh`. */
export function freshName({ actorId, eventId }: EventKey): string {
  return `${actorId}\n${eventId}`
}
