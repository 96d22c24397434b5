/** The kinds of actors that an engine runs, and the one way to step them. */
import type { Json } from '../../kernel/contract/json.ts'
import type { ActorDefinition, ActorState, SnapshotJson, ViewRows } from './definition.ts'
import { lintDefinition } from './lint.ts'
import { createMachineAdapter, type MachineAdapter, type Step } from './machine-adapter.ts'

/** What a stored actor says about itself. */
export interface ActorKind {
  readonly type: string
  readonly machineVersion: number
}

export interface RegistryStep extends Step {
  /** The version that the actor has after the step; higher than before when it was migrated. */
  readonly machineVersion: number
}

export interface Registry {
  /** The first snapshot of a new actor, on the newest version of its machine. @throws RangeError for an unknown type */
  initial(type: string, input: Json): RegistryStep
  /**
   * The next snapshot of an actor, on the version of the machine that it was made with, or migrated from it.
   * Equal snapshots and events give equal steps.
   * @param snapshot - as it was stored
   * @throws RangeError for an unknown type or version; whatever a guard or assignment throws
   */
  step(kind: ActorKind, snapshot: Json, event: Json & { readonly type: string }): RegistryStep
  /** Rows that show this actor. */
  view(kind: ActorKind, actor: ActorState): ViewRows
  has(type: string): boolean
}

interface Entry {
  readonly definition: ActorDefinition
  readonly adapter: MachineAdapter
}

/** @throws TypeError when a definition is not durable (see {@link lintDefinition}) or registered twice */
export function createRegistry(definitions: readonly ActorDefinition[]): Registry {
  const versions = new Map<string, Entry>()
  const newest = new Map<string, Entry>()
  for (const definition of definitions) {
    const key = keyOf(definition.type, definition.version)
    if (versions.has(key)) throw new TypeError(`Actor type "${key}" is registered twice`)
    lintDefinition(definition)
    const entry = { definition, adapter: createMachineAdapter(definition.machine) }
    versions.set(key, entry)
    if (definition.version > (newest.get(definition.type)?.definition.version ?? 0)) {
      newest.set(definition.type, entry)
    }
  }

  const newestOf = (type: string) => newest.get(type) ?? unknownType(type, newest)
  const entryOf = ({ type, machineVersion }: ActorKind) =>
    versions.get(keyOf(type, machineVersion)) ?? newestOf(type)

  return {
    initial(type, input) {
      const { adapter, definition } = newestOf(type)
      return { ...adapter.initial(input), machineVersion: definition.version }
    },
    step(kind, snapshot, event) {
      const { adapter, definition } = entryOf(kind)
      const current = migrated(definition, kind, snapshot as unknown as SnapshotJson)
      return { ...adapter.step(current, event), machineVersion: definition.version }
    },
    view: (kind, actor) => entryOf(kind).definition.view(actor),
    has: (type) => newest.has(type),
  }
}

function keyOf(type: string, version: number): string {
  return `${type}@${version}`
}

function unknownType(type: string, known: ReadonlyMap<string, unknown>): never {
  throw new RangeError(
    `Actor type "${type}" is not registered; it must be one of: ${[...known.keys()].join(', ')}`,
  )
}

function migrated(
  definition: ActorDefinition,
  kind: ActorKind,
  snapshot: SnapshotJson,
): SnapshotJson {
  if (kind.machineVersion === definition.version) return snapshot
  if (definition.migrate === undefined || kind.machineVersion > definition.version) {
    throw new RangeError(
      `Actor type "${kind.type}" has no machine of version ${kind.machineVersion}, and version ${definition.version} cannot migrate from it`,
    )
  }
  return definition.migrate(snapshot, kind.machineVersion)
}
