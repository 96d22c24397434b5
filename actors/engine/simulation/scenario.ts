/** What a simulation runs: machines, work for them, and what simulated workers answer. */
import type { Json } from '../../../kernel/contract/json.ts'
import type { Lane } from '../../../kernel/contract/task.ts'
import type { ClaimedTask } from '../claim.ts'
import type { ActorDefinition } from '../definition.ts'
import type { EventJson } from '../delivery.ts'
import type { MemoryTables } from './memory-tables.ts'
import type { Random } from './random.ts'

/**
 * Machines that follow the protocol of leases: `claim`, `finish`, `fail`, `release` and `leaseExpired` carry a
 * `leaseToken`, and the view of a task holds the valid one.
 */
export interface Scenario {
  readonly definitions: readonly ActorDefinition[]
  /** Type of the actors that a schedule starts from and that must end. */
  readonly rootType: string
  readonly lanes: readonly Lane[]
  /** How long a silent worker keeps a task, in milliseconds. */
  readonly leaseMs: number
  rootInput(id: string, random: Random): Json
  /** What a worker reports for a task; only `finish` when `calm`. */
  report(task: ClaimedTask, token: string, random: Random, calm: boolean): EventJson
  /** Something that a person does to a root or a task, while it runs. */
  disturb(random: Random): { readonly to: 'root' | 'task'; readonly event: EventJson }
  /** What a kernel says after a look at the rows, as its loops do; nothing by default. */
  decide?(tables: MemoryTables, random: Random): readonly Decision[]
  /** What must hold at the end beside what holds for every machine: each broken rule a sentence. */
  check?(tables: MemoryTables): readonly string[]
  /** Names of what happened that a test wants to see. */
  seen?(tables: MemoryTables): readonly string[]
}

/** An event for an actor, under an id that is the same for the same decision of another kernel. */
export interface Decision {
  readonly actorId: string
  readonly event: EventJson
  readonly eventId: string
}
