/** What must hold in every schedule, whatever goes wrong. */
import type { LogEntry } from '../../../kernel/db/actor-store.ts'
import { replayLog } from '../replay.ts'
import type { CommitFacts } from './memory-transaction.ts'
import type { World } from './world.ts'

/** Events that take a task from whoever holds it. */
const endsLease: ReadonlySet<string> = new Set(['requeue', 'jobEnded', 'outdone', 'withdraw'])

/** Collects what commits do, to judge each and all of them. */
export class Invariants {
  readonly violations: string[] = []
  readonly #effects = new Map<string, string>()

  /** Looks at one commit. */
  committed = (facts: CommitFacts): void => {
    const log = facts.changes.flatMap((changes) => changes.log)
    for (const entry of facts.changes.flatMap((changes) => changes.outbox)) {
      if (this.#effects.has(entry.id)) this.#violated(`effect "${entry.id}" was committed twice`)
      this.#effects.set(entry.id, entry.name)
    }
    for (const entry of log) this.#checkFences(entry, facts)
  }

  /** Looks at the world after it came to rest. */
  ended(world: World): readonly string[] {
    const { actors, log } = world.store.tables
    for (const id of actors.keys()) this.#checkActor(world, id, log.get(id) ?? [])
    this.#checkEffects(world)
    this.#checkEnd(world)
    for (const what of world.scenario.check?.(world.store.tables) ?? []) this.#violated(what)
    return this.violations
  }

  #violated(what: string): void {
    this.violations.push(what)
  }

  /** An event that depends on a timer or on the end of a lease is committed with it. */
  #checkFences({ actorId, eventId, event }: LogEntry, facts: CommitFacts): void {
    if (eventId.startsWith('timer:')) {
      const consumed = facts.timers.some((timer) =>
        timer.actorId === actorId && `timer:${timer.key}:${timer.uid}` === eventId
      )
      if (!consumed) this.#violated(`"${actorId}" reacted to "${eventId}", which was no longer set`)
    }
    const { type, leaseToken } = event as { type?: string; leaseToken?: string }
    if (type === 'leaseExpired' && !facts.expired.has(`${actorId}\n${leaseToken}`)) {
      this.#violated(`"${actorId}" lost the lease "${leaseToken}", which had not run out`)
    }
  }

  #checkActor({ store, registry }: World, id: string, log: readonly LogEntry[]): void {
    const actor = store.tables.readActor(id)!
    const eventIds = log.map(({ eventId }) => eventId)
    const repeated = eventIds.find((eventId, i) => eventIds.indexOf(eventId) !== i)
    if (repeated !== undefined) this.#violated(`"${id}" applied event "${repeated}" twice`)
    const { equal, problem } = replayLog(registry, actor, log)
    if (!equal) this.#violated(`"${id}": ${problem}`)
    if (store.tables.tasks.has(id)) this.#checkLeases(id, log)
    if (actor.status === 'active') return
    if ([...store.tables.timers.values()].some((timer) => timer.actorId === id)) {
      this.#violated(`"${id}" ended and has timers`)
    }
    if (typeof store.tables.tasks.get(id)?.leaseUntil === 'number') {
      this.#violated(`"${id}" ended and is leased`)
    }
  }

  /** At most one lease at a time, and only its holder changes the task. */
  #checkLeases(id: string, log: readonly LogEntry[]): void {
    let holder: string | undefined
    for (const { event } of log) {
      const { type, leaseToken } = event as { type: string; leaseToken?: string }
      if (type === 'claim') {
        if (holder !== undefined) {
          this.#violated(`"${id}" was claimed by "${leaseToken}" while "${holder}" held it`)
        }
        holder = leaseToken
      } else if (leaseToken !== undefined) {
        // Named by a decision about the lease; ends nothing.
        const ends = type !== 'hedge'
        if (leaseToken !== holder) {
          this.#violated(`"${id}" reacted to "${type}" of the stale lease "${leaseToken}"`)
        }
        if (ends) holder = undefined
      } else if (endsLease.has(type)) holder = undefined
    }
  }

  #checkEffects({ store: { tables }, published }: World): void {
    const told = new Set(
      [...tables.inbox.keys()].map((key) => key.slice(key.indexOf('\n') + 1).replace(/\/.*$/, '')),
    )
    for (const [id, name] of this.#effects) {
      const delivered = name === 'tell' || name === 'tellTasks' ? told.has(id) : published.has(id)
      if (!delivered && !tables.deadLetters.has(id)) {
        this.#violated(`effect "${id}" (${name}) was never delivered`)
      }
    }
  }

  #checkEnd({ store: { tables }, scenario }: World): void {
    for (const { id, type, status } of tables.actors.values()) {
      if (status !== 'active') continue
      const what = type === scenario.rootType ? 'never ended' : 'outlived its root'
      this.#violated(`"${id}" ${what}`)
    }
    for (const { row, leaseUntil } of tables.tasks.values()) {
      if (leaseUntil !== null) this.#violated(`"${row.id}" is still leased`)
    }
    for (const id of tables.outbox.keys()) this.#violated(`effect "${id}" is still in the outbox`)
    for (const { id, error } of tables.deadLetters.values()) {
      this.#violated(`"${id}" was set aside: ${error}`)
    }
  }
}
