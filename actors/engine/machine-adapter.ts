/** Runs one XState machine as a pure function: JSON in, JSON and a list of effects out. */
import { createActor, createMachine, fromTransition } from 'xstate'
import type { AnyActorScope, AnyMachineSnapshot, AnyStateMachine } from 'xstate'
import type { Json } from '../../kernel/contract/json.ts'
import type { ActorStatus, SnapshotJson } from './definition.ts'
import { adoptJson, frozenJson } from './frozen-json.ts'
import { type Consequences, consequencesFrom, type ReturnedAction } from './consequences.ts'

/** One pure step of an actor. */
export interface Step extends Consequences {
  readonly snapshot: SnapshotJson
  readonly status: ActorStatus
  readonly value: Json
  readonly context: Json
  /** False when the machine did not react: same snapshot, no actions. */
  readonly changed: boolean
}

export interface MachineAdapter {
  /** @throws when the context factory, an entry action or a guard throws, or the machine is not durable */
  initial(input: Json): Step
  /** @throws when a guard or assignment throws, and when the snapshot is not active */
  step(snapshot: SnapshotJson, event: Json & { readonly type: string }): Step
}

/** Microsteps of one event before the machine is taken to loop. */
export const maxMicrosteps = 1000

/**
 * The adapter of `machine`.
 * `transition()` of XState makes a new actor for every event, which runs the context factory with `input: undefined` and
 * a whole initial macrostep: five to ten times the cost of the event itself. The machine's own method takes a scope
 * instead, and one scope serves for ever, because its parts are inert.
 */
export function createMachineAdapter(machine: AnyStateMachine): MachineAdapter {
  const bounded = boundedMachine(machine)
  const restore = createRestore(bounded)
  const live = new WeakMap<SnapshotJson, AnyMachineSnapshot>()

  const record = (next: AnyMachineSnapshot, actions: readonly ReturnedAction[]) => {
    const step = stepFrom(machine.id, next, actions)
    live.set(step.snapshot, withContext(next, step))
    return step
  }
  return {
    initial(input) {
      const [snapshot, actions] = collect((scope) =>
        bounded.getInitialSnapshot(scope, frozenJson(input, 'input'))
      )
      if (snapshot.status === 'error') throw failureOf(machine.id, snapshot.error)
      return record(snapshot, actions)
    },
    step(stored, event) {
      if (stored.status !== 'active') {
        throw new TypeError(
          `Cannot step machine "${machine.id}": its snapshot must be active, and it is ${stored.status}`,
        )
      }
      const before = live.get(stored) ?? restore(stored)
      const [after, actions] = collect((scope) => bounded.transition(before, event, scope))
      if (after.status === 'error') throw failureOf(machine.id, after.error)
      return after === before && actions.length === 0 ? unchanged(stored) : record(after, actions)
    },
  }
}

function failureOf(machineId: string, cause: unknown): Error {
  return new Error(`Machine "${machineId}" failed`, { cause })
}

/** The same machine with bounded loops, and a context that its own actions cannot change in place. */
function boundedMachine(machine: AnyStateMachine): AnyStateMachine {
  const { context, options } = machine.config
  const frozen = typeof context === 'function'
    ? ({ input }: { input: unknown }) =>
      frozenContext(context({ input, spawn: refuseSpawn, self: nobody }))
    : frozenContext(context)
  return createMachine(
    { ...machine.config, context: frozen, options: { maxIterations: maxMicrosteps, ...options } },
    machine.implementations,
  )
}

function frozenContext(context: unknown): Record<string, Json> {
  return frozenJson(context ?? {}, 'context') as Record<string, Json>
}

function refuseSpawn(): never {
  throw new TypeError(
    'A machine must not spawn XState actors: ask for an actor with the `spawn` effect',
  )
}

/** Parts that machines can reach but that do nothing: no parent, no children, no timers. */
const nobody = createActor(fromTransition((state: null) => state, null))

function collect<T>(run: (scope: AnyActorScope) => T): [T, ReturnedAction[]] {
  const actions: ReturnedAction[] = []
  const result = run({
    self: nobody,
    system: nobody.system,
    id: '',
    sessionId: '',
    logger() {},
    defer() {},
    emit() {},
    stopChild() {},
    actionExecutor: (action) => void actions.push(action),
  })
  return [result, actions]
}

type Restore = (stored: SnapshotJson) => AnyMachineSnapshot

/**
 * Restores stored snapshots. Without remembered states, everything but the context follows from the state value, so one
 * restored snapshot for each value serves for all: a tenth of the cost.
 */
function createRestore(machine: AnyStateMachine): Restore {
  const templates = new Map<string, AnyMachineSnapshot>()
  return (stored) => {
    const context = adoptJson(stored.context) as AnyMachineSnapshot['context']
    if (stored.historyValue !== undefined) return { ...restoredFrom(machine, stored), context }
    const name = JSON.stringify(stored.value)
    let template = templates.get(name)
    if (template === undefined) templates.set(name, template = restoredFrom(machine, stored))
    return { ...template, context }
  }
}

/** @throws when the machine does not have this state, or has more regions now */
function restoredFrom(machine: AnyStateMachine, stored: SnapshotJson): AnyMachineSnapshot {
  const json = { ...stored, context: {}, children: {}, output: undefined, error: undefined }
  const restored = machine.restoreSnapshot(json as never, { self: nobody } as never)
  // XState enters a region that the stored value does not know without its entry actions and timers.
  if (sameValue(restored.value, stored.value)) return restored
  throw new TypeError(
    `Machine "${machine.id}" cannot restore the state ${JSON.stringify(stored.value)}: it is now ${
      JSON.stringify(restored.value)
    }`,
  )
}

/** Databases may give the keys of a stored object back in another order. */
function sameValue(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) {
    return one === other
  }
  const [a, b] = [Object.entries(one), new Map(Object.entries(other))]
  return a.length === b.size &&
    a.every(([key, value]) => b.has(key) && sameValue(value, b.get(key)))
}

function stepFrom(
  machineId: string,
  next: AnyMachineSnapshot,
  actions: readonly ReturnedAction[],
): Step {
  if (Object.keys(next.children).length > 0) refuseSpawn()
  const snapshot = frozenJson({
    status: next.status,
    value: next.value,
    context: next.context,
    historyValue: historyFrom(next),
    output: next.output,
  }, `snapshot of "${machineId}"`) as unknown as SnapshotJson
  return {
    snapshot,
    status: snapshot.status,
    value: snapshot.value,
    context: snapshot.context,
    changed: true,
    ...consequencesFrom(machineId, actions),
  }
}

function unchanged(snapshot: SnapshotJson): Step {
  const { status, value, context } = snapshot
  return { snapshot, status, value, context, changed: false, effects: [], timers: [] }
}

/** The ids of remembered states; absent when there are none, as in most machines. */
function historyFrom(next: AnyMachineSnapshot): Json | undefined {
  const entries = Object.entries(next.historyValue)
  if (entries.length === 0) return undefined
  return Object.fromEntries(
    entries.map(([key, nodes]) => [key, nodes.map((node) => ({ id: node.id }))]),
  )
}

/** The live snapshot with the frozen context, so that the next step starts from exactly what was stored. */
function withContext(next: AnyMachineSnapshot, step: Step): AnyMachineSnapshot {
  return next.context === step.context
    ? next
    : { ...next, context: step.context as AnyMachineSnapshot['context'] }
}
