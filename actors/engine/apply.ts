/** Applies deliveries, in order and in memory, to the actors that a transaction has read. Pure but for its own working set. */
import type {
  BatchChanges,
  BatchState,
  JobRow,
  LogEntry,
  OutboxEntry,
  PluginRow,
  StoredActor,
  TaskRow,
  WorkerRow,
} from '../../kernel/db/actor-store.ts'
import type { Json } from '../../kernel/contract/json.ts'
import { type Creation, creationFrom, requestsFrom, storedFrom, viewOf } from './creation.ts'
import type { SnapshotJson, ViewRows } from './definition.ts'
import {
  type CreateDelivery,
  type Delivery,
  type EventDelivery,
  eventKeyOf,
  type Fence,
  freshName,
  type Outcome,
} from './delivery.ts'
import type { Registry } from './registry.ts'
import { TimerChanges } from './timer-changes.ts'

/** An actor of the batch: as it is now, and what the batch did to it. */
interface Working {
  actor: StoredActor
  readonly created: boolean
  changed: boolean
  readonly timers: TimerChanges
}

/** The working set of one transaction. */
export class Batch {
  readonly #registry: Registry
  readonly #fresh: Set<string>
  readonly #fired: ReadonlySet<string>
  readonly #expired: ReadonlySet<string>
  readonly #actors = new Map<string, Working>()
  readonly #log: LogEntry[] = []
  readonly #outbox: OutboxEntry[] = []
  readonly #jobs = new Map<string, JobRow>()
  readonly #tasks = new Map<string, TaskRow>()
  readonly #workers = new Map<string, WorkerRow>()
  readonly #plugins = new Map<string, PluginRow>()
  #spawned: Creation[] = []

  constructor(registry: Registry, state: BatchState) {
    this.#registry = registry
    this.#fresh = new Set(state.fresh)
    this.#fired = state.fired
    this.#expired = state.expired
    for (const actor of state.actors.values()) this.#actors.set(actor.id, existing(actor))
  }

  /** @throws whatever the machine or its view throws; the batch is then as it was before */
  apply(delivery: Delivery): Outcome {
    const working = this.#actors.get(delivery.actorId)
    const name = freshName(eventKeyOf(delivery))
    if (!this.#fresh.has(name)) return outcome('duplicate', working)
    const result = delivery.kind === 'create'
      ? this.#create(delivery, working)
      : this.#send(delivery, working)
    this.#fresh.delete(name)
    return result
  }

  /** The actor as the batch leaves it. */
  actor(id: string): StoredActor | undefined {
    return this.#actors.get(id)?.actor
  }

  /** Actors that the applied events asked for and that may exist already. Emptied by {@link adopt}. */
  get spawnedIds(): string[] {
    return this.#spawned.map(({ actor }) => actor.id)
  }

  /** Takes in the spawned actors, except those in `state`, which exist already; their children follow in the next round. */
  adopt(state: BatchState): void {
    for (const actor of state.actors.values()) {
      if (!this.#actors.has(actor.id)) this.#actors.set(actor.id, existing(actor))
    }
    const spawned = this.#spawned
    this.#spawned = []
    for (const creation of spawned) {
      if (!this.#actors.has(creation.actor.id)) this.#add(creation)
    }
  }

  /** Everything to write; undefined when nothing changed. */
  changes(): BatchChanges | undefined {
    const touched = [...this.#actors.values()].filter(({ created, changed }) => created || changed)
    if (touched.length === 0) return undefined
    return {
      creates: touched.filter(({ created }) => created).map(({ actor }) => actor),
      updates: touched.filter(({ created }) => !created).map(({ actor }) => actor),
      log: this.#log,
      outbox: this.#outbox,
      timersSet: touched.flatMap(({ timers }) => timers.set),
      timersCancelled: touched.flatMap(({ timers }) => timers.cancelled),
      timersCleared: touched.filter(({ timers }) => timers.cleared).map(({ actor }) => actor.id),
      jobs: [...this.#jobs.values()],
      tasks: [...this.#tasks.values()],
      workers: [...this.#workers.values()],
      plugins: [...this.#plugins.values()],
    }
  }

  #create(delivery: CreateDelivery, working: Working | undefined): Outcome {
    if (working !== undefined) return outcome('duplicate', working)
    const { type, actorId: id, input, eventId } = delivery
    return outcome('applied', this.#add(creationFrom(this.#registry, { type, id, input, eventId })))
  }

  #add(creation: Creation): Working {
    const { actor, log, outbox, timers, view, children } = creation
    const working: Working = {
      actor,
      created: true,
      changed: false,
      timers: new TimerChanges(actor.id),
    }
    this.#actors.set(actor.id, working)
    this.#log.push(log)
    this.#outbox.push(...outbox)
    this.#spawned.push(...children)
    this.#show(view)
    setTimers(working, timers)
    return working
  }

  #send(delivery: EventDelivery, working: Working | undefined): Outcome {
    if (working === undefined) return outcome('missing', working)
    if (working.actor.status !== 'active') return outcome('refused', working)
    if (!this.#holds(delivery.fence, working)) return outcome('fenced', working)
    const step = this.#registry.step(working.actor, working.actor.snapshot, delivery.event)
    if (!step.changed) return outcome('ignored', working)

    const { id, type, version } = working.actor
    const next = storedFrom({ id, type, version: version + 1 }, step)
    // Everything that can throw comes before the first change.
    const { outbox, children } = requestsFrom(this.#registry, next, step.effects)
    const view = viewOf(this.#registry, next)
    working.actor = next
    working.changed = true
    this.#log.push({
      actorId: id,
      version: next.version,
      eventId: delivery.eventId,
      event: delivery.event,
    })
    this.#outbox.push(...outbox)
    this.#spawned.push(...children)
    this.#show(view)
    setTimers(working, step.timers)
    return outcome('applied', working)
  }

  /** A timer that an earlier event of this batch cancelled or set again is as stale as one that is gone from the store. */
  #holds(fence: Fence | undefined, working: Working): boolean {
    const { id, version } = working.actor
    switch (fence?.kind) {
      case undefined:
        return true
      case 'timer':
        return this.#fired.has(`${id}\n${fence.key}\n${fence.uid}`) &&
          !working.timers.touched(fence.key)
      case 'expiredLease':
        return this.#expired.has(`${id}\n${fence.leaseToken}`)
      case 'version':
        return version === fence.version
    }
  }

  #show({ jobs = [], tasks = [], workers = [], plugins = [] }: ViewRows): void {
    for (const row of jobs) this.#jobs.set(row.id, row)
    for (const row of tasks) this.#tasks.set(row.id, row)
    for (const row of workers) this.#workers.set(row.id, row)
    for (const row of plugins) this.#plugins.set(row.actorId, row)
  }
}

function existing(actor: StoredActor): Working {
  return { actor, created: false, changed: false, timers: new TimerChanges(actor.id) }
}

function setTimers(working: Working, changes: Creation['timers']): void {
  if (working.actor.status === 'active') working.timers.add(working.actor.version, changes)
  // XState cancels nothing when a machine stops, so an ended actor loses all its timers.
  else working.timers.clear()
}

function outcome(status: Outcome['status'], working: Working | undefined): Outcome {
  if (working === undefined) return { status, version: -1, value: null }
  const { version, snapshot } = working.actor
  return { status, version, value: valueOf(snapshot) }
}

function valueOf(snapshot: Json): Json {
  return (snapshot as unknown as SnapshotJson).value
}
