/** Replays an actor's event log and compares the result with what is stored. */
import { isDeepStrictEqual } from 'node:util'
import type { Json } from '../../kernel/contract/json.ts'
import type { ActorStore, LogEntry, StoredActor } from '../../kernel/db/actor-store.ts'
import { creationEventType } from './creation.ts'
import type { EventJson } from './delivery.ts'
import type { Registry } from './registry.ts'

export interface Replay {
  readonly equal: boolean
  readonly stored: Json
  readonly replayed: Json
  /** What is wrong; empty when equal. */
  readonly problem: string
}

/** @throws RangeError when there is no such actor */
export async function replayActor(
  store: ActorStore,
  registry: Registry,
  actorId: string,
): Promise<Replay> {
  const actor = await store.readActor(actorId)
  if (actor === undefined) {
    throw new RangeError(`Cannot replay "${actorId}": there is no such actor`)
  }
  // What came between the two reads is not in the actor that was read.
  const log = (await store.readLog(actorId)).filter(({ version }) => version <= actor.version)
  return replayLog(registry, actor, log)
}

/** Compares an actor with its log. */
export function replayLog(
  registry: Registry,
  actor: StoredActor,
  log: readonly LogEntry[],
): Replay {
  const stored = actor.snapshot
  const gap = log.findIndex((entry, i) => entry.version !== i)
  if (gap >= 0) {
    return {
      equal: false,
      stored,
      replayed: null,
      problem: `entry ${gap} of the log has version ${log[gap]!.version}`,
    }
  }
  if (log.length !== actor.version + 1) {
    return {
      equal: false,
      stored,
      replayed: null,
      problem: `the log has ${log.length} entries, the actor version ${actor.version}`,
    }
  }
  const replayed = snapshotAfter(registry, actor, log)
  const equal = isDeepStrictEqual(replayed, stored)
  return {
    equal,
    stored,
    replayed,
    problem: equal ? '' : 'the replayed snapshot differs from the stored one',
  }
}

function snapshotAfter(registry: Registry, actor: StoredActor, log: readonly LogEntry[]): Json {
  const [creation, ...events] = log
  const { type, input } = creation!.event as unknown as { type: string; input: Json }
  if (type !== creationEventType) {
    throw new TypeError(
      `The log of "${actor.id}" must start with ${creationEventType}, and it starts with ${type}`,
    )
  }
  let step = registry.initial(actor.type, input)
  for (const { event } of events) {
    const kind = { type: actor.type, machineVersion: step.machineVersion }
    step = registry.step(kind, step.snapshot as unknown as Json, event as EventJson)
  }
  return step.snapshot as unknown as Json
}
