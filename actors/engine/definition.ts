/** What a kind of actor is: its machine, the machine's version, and the rows that people read about it. */
import type { AnyStateMachine, ContextFrom, StateValueFrom } from 'xstate'
import type {
  JobRow,
  PluginRow,
  StoredActor,
  TaskRow,
  WorkerRow,
} from '../../kernel/db/actor-store.ts'
import type { Json } from '../../kernel/contract/json.ts'

export type ActorStatus = StoredActor['status']

/** An actor as its view sees it. */
export interface ActorState<Context = unknown, Value = unknown> {
  readonly id: string
  readonly status: ActorStatus
  readonly value: Value
  readonly context: Context
}

/** Rows of the read models, written in the transaction of the transition they show. */
export interface ViewRows {
  readonly jobs?: readonly JobRow[]
  readonly tasks?: readonly TaskRow[]
  readonly workers?: readonly WorkerRow[]
  readonly plugins?: readonly PluginRow[]
}

/** The persisted form of a snapshot, deeply frozen. */
export interface SnapshotJson {
  readonly status: ActorStatus
  readonly value: Json
  readonly context: Json
  readonly historyValue?: Json
  readonly output?: Json
}

export interface ActorDefinition {
  readonly type: string
  /** The machine's version, 1 or more; new actors get the highest one that is registered. */
  readonly version: number
  readonly machine: AnyStateMachine
  readonly view: (actor: ActorState) => ViewRows
  /**
   * Makes a snapshot of an older version into one of this version. Pure. States with delayed transitions keep their
   * names, because timers are stored under them.
   */
  readonly migrate?: (snapshot: SnapshotJson, fromVersion: number) => SnapshotJson
  /** Inputs and events on which registration runs the machine to see that it is pure. */
  readonly samples?: readonly ActorSample[]
}

/** A life that registration tries. */
export interface ActorSample {
  readonly input: Json
  readonly events?: readonly (Json & { readonly type: string })[]
}

/** A definition whose view is checked against the machine's own types. */
export interface TypedDefinition<Machine extends AnyStateMachine>
  extends Omit<ActorDefinition, 'machine' | 'view'> {
  readonly machine: Machine
  readonly view: (actor: ActorState<ContextFrom<Machine>, StateValueFrom<Machine>>) => ViewRows
}

/** Forgets the machine's own types, so that definitions of all kinds fit in one list. */
export function defineActor<Machine extends AnyStateMachine>(
  definition: TypedDefinition<Machine>,
): ActorDefinition {
  // The registry only ever hands a view the states of its own machine.
  return definition as unknown as ActorDefinition
}
