/** A new actor in memory, with everything that its first snapshot asks for, children included. */
import type { Json } from '../../kernel/contract/json.ts'
import type { LogEntry, OutboxEntry, StoredActor } from '../../kernel/db/actor-store.ts'
import type { Effect, TimerChange } from './consequences.ts'
import type { ActorStatus, SnapshotJson, ViewRows } from './definition.ts'
import { frozenJson } from './frozen-json.ts'
import type { Registry, RegistryStep } from './registry.ts'

export interface Creation {
  readonly actor: StoredActor
  readonly log: LogEntry
  readonly outbox: readonly OutboxEntry[]
  readonly timers: readonly TimerChange[]
  readonly view: ViewRows
  readonly children: readonly Creation[]
}

/** Type of the first entry of every event log. */
export const creationEventType = 'xstate.init'

interface Birth {
  readonly type: string
  readonly id: string
  readonly input: Json
  readonly eventId: string
}

/** How many generations one event may make, before a machine is taken to spawn for ever. */
const mostGenerations = 5

/**
 * @throws whatever the machine's context factory and entry actions throw; RangeError for an unknown type or endless spawns
 */
export function creationFrom(registry: Registry, birth: Birth, generation = 1): Creation {
  if (generation > mostGenerations) {
    throw new RangeError(
      `Actor "${birth.id}": one event made more than ${mostGenerations} generations`,
    )
  }
  const input = frozenJson(birth.input, `input of "${birth.id}"`)
  const step = registry.initial(birth.type, input)
  const actor = storedFrom({ id: birth.id, type: birth.type, version: 0 }, step)
  return {
    actor,
    log: {
      actorId: birth.id,
      version: 0,
      eventId: birth.eventId,
      event: { type: creationEventType, input },
    },
    timers: step.timers,
    view: viewOf(registry, actor),
    ...requestsFrom(registry, actor, step.effects, generation),
  }
}

/** The row of an actor after a step. */
export function storedFrom(
  identity: { readonly id: string; readonly type: string; readonly version: number },
  step: RegistryStep,
): StoredActor {
  const { id, type, version } = identity
  const snapshot = step.snapshot as unknown as Json
  return {
    id,
    type,
    machineVersion: step.machineVersion,
    format: 'xstate5',
    version,
    status: step.status,
    snapshot,
  }
}

/** The rows that show an actor. */
export function viewOf(registry: Registry, actor: StoredActor): ViewRows {
  const { value, context } = actor.snapshot as unknown as SnapshotJson
  const status: ActorStatus = actor.status
  return registry.view(actor, { id: actor.id, status, value, context })
}

/** Sorts effects into outbox rows and children. Ids are `actor:version:index`. */
export function requestsFrom(
  registry: Registry,
  actor: StoredActor,
  effects: readonly Effect[],
  generation = 0,
): { readonly outbox: readonly OutboxEntry[]; readonly children: readonly Creation[] } {
  const outbox: OutboxEntry[] = []
  const children: Creation[] = []
  effects.forEach((effect, index) => {
    const id = `${actor.id}:${actor.version}:${index}`
    if (effect.name === 'spawn') {
      children.push(creationFrom(registry, { ...effect.params, eventId: id }, generation + 1))
    } else outbox.push({ id, name: effect.name, params: effect.params as Json })
  })
  return { outbox, children }
}
