/** One transaction of the in-memory store: sees its own changes, shows them to others at commit, or leaves nothing. */
import type {
  ActorTransaction,
  BatchChanges,
  BatchRequest,
  BatchState,
  EventKey,
  ReadyRequest,
  StoredActor,
  TimerFence,
} from '../../../kernel/db/actor-store.ts'
import { pickReady } from '../../../kernel/db/pick-ready.ts'
import { type LockOwner, type MemoryLocks, StoreFailure } from './memory-locks.ts'
import { memorySourceOver } from './memory-ready.ts'
import { inboxKey, type MemoryTables } from './memory-tables.ts'

export interface TransactionParts {
  readonly tables: MemoryTables
  readonly locks: MemoryLocks
  /** The database clock. */
  readonly now: () => number
}

/** What a transaction committed, for whoever watches. */
export interface CommitFacts {
  readonly changes: readonly BatchChanges[]
  readonly events: readonly EventKey[]
  readonly timers: readonly TimerFence[]
  /** Expired leases that it was shown, as `taskId\nleaseToken`. */
  readonly expired: ReadonlySet<string>
}

export class MemoryTransaction implements ActorTransaction, LockOwner {
  waitsFor: LockOwner | undefined
  readonly #parts: TransactionParts
  readonly #changes: BatchChanges[] = []
  readonly #written = new Map<string, StoredActor>()
  readonly #events: EventKey[] = []
  readonly #seen = new Set<string>()
  readonly #timers: TimerFence[] = []
  readonly #expired = new Set<string>()
  #state: 'open' | 'committed' | 'rolledBack' = 'open'

  constructor(parts: TransactionParts) {
    this.#parts = parts
  }

  get ended(): boolean {
    return this.#state !== 'open'
  }

  async open(request: BatchRequest): Promise<BatchState> {
    this.#mustBeOpen()
    const { tables, locks, now } = this.#parts
    const existing = request.actorIds.filter((id) => tables.actors.has(id)).toSorted()
    await locks.acquire(this, existing.map((id) => `actor:${id}`))
    // The index of the inbox makes a second writer of the same row wait for the first.
    await locks.acquire(this, request.events.map((key) => `inbox:${inboxKey(key)}`).toSorted())
    const nowMs = now()
    return {
      actors: this.#readActors(request.actorIds),
      fresh: this.#recordEvents(request.events),
      fired: this.#consumeTimers(request.timers),
      expired: this.#expiredOf(request.expiredLeases, nowMs),
      nowMs,
    }
  }

  async pickReady(
    requests: readonly ReadyRequest[],
    except?: ReadonlySet<string>,
  ): Promise<readonly (readonly string[])[]> {
    this.#mustBeOpen()
    const { tables, locks, now } = this.#parts
    const source = memorySourceOver({
      tables,
      nowMs: now(),
      tryLock: (taskId) => locks.tryAcquire(this, `actor:${taskId}`),
    })
    return await pickReady(source, requests, except)
  }

  async write(changes: BatchChanges): Promise<void> {
    this.#mustBeOpen()
    const { tables, locks } = this.#parts
    await locks.acquire(this, changes.creates.map(({ id }) => `actor:${id}`).toSorted())
    const clash = changes.creates.find(({ id }) => tables.actors.has(id) || this.#written.has(id))
    if (clash !== undefined) throw new StoreFailure('23505', `actor "${clash.id}" exists already`)
    for (const actor of [...changes.creates, ...changes.updates]) this.#written.set(actor.id, actor)
    this.#changes.push(changes)
  }

  /** Makes everything visible at once. */
  commit(): CommitFacts {
    this.#mustBeOpen()
    this.#state = 'committed'
    const { tables, now } = this.#parts
    tables.recordEvents(this.#events, now())
    tables.consumeTimers(this.#timers)
    for (const changes of this.#changes) tables.apply(changes, now())
    this.#parts.locks.releaseAll(this)
    return {
      changes: this.#changes,
      events: this.#events,
      timers: this.#timers,
      expired: this.#expired,
    }
  }

  /** Leaves nothing. Does nothing once ended. */
  rollback(): void {
    if (this.#state !== 'open') return
    this.#state = 'rolledBack'
    this.#parts.locks.releaseAll(this)
  }

  #readActors(ids: readonly string[]): ReadonlyMap<string, StoredActor> {
    const actors = ids.map((id) => this.#written.get(id) ?? this.#parts.tables.readActor(id))
    return new Map(actors.filter((actor) => actor !== undefined).map((actor) => [actor.id, actor]))
  }

  #recordEvents(events: readonly EventKey[]): ReadonlySet<string> {
    const fresh = events.filter((key) =>
      !this.#parts.tables.inbox.has(inboxKey(key)) && !this.#seen.has(inboxKey(key))
    )
    for (const key of fresh) this.#seen.add(inboxKey(key))
    this.#events.push(...fresh)
    return new Set(fresh.map(inboxKey))
  }

  #consumeTimers(timers: readonly TimerFence[]): ReadonlySet<string> {
    const fired = timers.filter((timer) =>
      this.#parts.tables.isSet(timer) && !this.#timers.includes(timer)
    )
    this.#timers.push(...fired)
    return new Set(fired.map(({ actorId, key, uid }) => `${actorId}\n${key}\n${uid}`))
  }

  #expiredOf(leases: BatchRequest['expiredLeases'], nowMs: number): ReadonlySet<string> {
    const expired = leases.filter(({ taskId, leaseToken }) => {
      const task = this.#parts.tables.tasks.get(taskId)
      return task?.row.leaseToken === leaseToken && task.leaseUntil !== null &&
        task.leaseUntil <= nowMs
    })
    const names = expired.map(({ taskId, leaseToken }) => `${taskId}\n${leaseToken}`)
    for (const name of names) this.#expired.add(name)
    return new Set(names)
  }

  #mustBeOpen(): void {
    if (this.#state !== 'open') {
      throw new TypeError(`A transaction must be open, and it is ${this.#state}`)
    }
  }
}
