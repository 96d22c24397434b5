/** Lives one actor in memory, event by event, through JSON: for tests. */
import type { Json } from '../kernel/contract/json.ts'
import { actorDefinitions } from './definitions.ts'
import { createRegistry, type RegistryStep } from './engine/registry.ts'
import { eventJson } from './events.ts'

type AnyEvent = Parameters<typeof eventJson>[0]

/** An actor as it is now. */
export interface Life {
  readonly step: RegistryStep
  /** The actor after the event; the life before it stays as it was. */
  after(...events: readonly AnyEvent[]): Life
}

const registry = createRegistry(actorDefinitions)

/** A new actor. */
export function born(type: string, input: unknown): Life {
  return lifeFrom(type, registry.initial(type, input as Json))
}

/** An actor as a snapshot holds it. */
export function restored(type: string, machineVersion: number, snapshot: Json): Life {
  const { status, value, context } = snapshot as unknown as RegistryStep
  const step = { snapshot, status, value, context, machineVersion } as unknown as RegistryStep
  return lifeFrom(type, { ...step, changed: false, effects: [], timers: [] })
}

function lifeFrom(type: string, step: RegistryStep): Life {
  return {
    step,
    after(...events) {
      return lifeFrom(type, events.reduce((at, event) => next(type, at, event), step))
    },
  }
}

function next(
  type: string,
  { machineVersion, snapshot }: RegistryStep,
  event: AnyEvent,
): RegistryStep {
  // Through JSON, as if the process had ended in between.
  const stored: Json = JSON.parse(JSON.stringify(snapshot))
  return registry.step({ type, machineVersion }, stored, eventJson(event))
}
