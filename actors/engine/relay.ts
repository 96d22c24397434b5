/** Carries out the effects of committed transitions, at least once each. */
import type { Clock } from '../../kernel/clock.ts'
import type { ActorStore, OutboxEntry } from '../../kernel/db/actor-store.ts'
import type { Log } from '../../kernel/log.ts'
import type { Counters } from './counters.ts'
import { type EffectHandlers, runEffect } from './effect-handlers.ts'
import { explain } from './quarantine.ts'
import { effectAttempts, effectDelayMs } from './retry.ts'

export interface RelayOptions {
  readonly store: ActorStore
  readonly handlers: EffectHandlers
  readonly clock: Clock
  readonly log: Log
  readonly counters: Counters
  /** Effects that are carried out at once. */
  readonly limit: number
  /** How long taken effects stay hidden from other relays, in milliseconds. */
  readonly hideMs: number
}

/** How long a round waits for its slowest effects, in milliseconds: a job's objects may take minutes to delete. */
const patienceMs = 250

type TakenEffect = OutboxEntry & { readonly attempts: number }

/** What became of an effect. */
interface EndedEffect {
  readonly entry: TakenEffect
  /** Absent when it worked. */
  readonly failure?: unknown
}

/** The relay of one engine. */
export class Relay {
  readonly #options: RelayOptions
  /** Effects that outlast the round that took them, by id. */
  readonly #slow = new Map<string, Promise<void>>()
  readonly #gathered: EndedEffect[] = []
  #finishing: Promise<void> | undefined

  constructor(options: RelayOptions) {
    this.#options = options
  }

  /**
   * One round: takes due effects, oldest first, carries them out, and deletes those that worked. A row goes only after
   * its handler succeeded, never by a cursor: commits do not happen in the order of their numbers. Slow ones go on beside
   * the next rounds.
   * @returns whether more may be due
   */
  async round(): Promise<boolean> {
    const { store, limit, hideMs } = this.#options
    const room = limit - this.#slow.size
    if (room === 0) {
      await Promise.race(this.#slow.values())
      return true
    }
    const entries = await store.takeOutbox(room, hideMs)
    // A slow one is due again when its time in hiding is over.
    await this.#carryOut(entries.filter(({ id }) => !this.#slow.has(id)))
    return entries.length === room
  }

  /** Resolves when nothing is carried out any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#slow.values())
  }

  async #carryOut(entries: readonly TakenEffect[]): Promise<void> {
    if (entries.length === 0) return
    const { handlers, clock } = this.#options
    const ended: EndedEffect[] = []
    let isRoundOver = false
    const runs = entries.map(async (entry) => {
      const end = await endOf(handlers, entry)
      if (isRoundOver) await this.#finishTogether(end)
      else ended.push(end)
    })
    await atMost(patienceMs, Promise.all(runs), clock)
    isRoundOver = true
    const inTime = new Set(ended.map(({ entry }) => entry.id))
    entries.forEach(({ id }, i) => {
      if (!inTime.has(id)) this.#outlast(id, runs[i]!)
    })
    await this.#finish(ended)
  }

  #outlast(id: string, run: Promise<void>): void {
    const end = run
      .catch((failure: unknown) =>
        this.#options.log.error('cannot note the end of an effect; it comes again', {
          effectId: id,
          failure,
        })
      )
      .finally(() => this.#slow.delete(id))
    this.#slow.set(id, end)
  }

  /** With the others that end in this tick: a slow database does not get a statement for each. */
  #finishTogether(end: EndedEffect): Promise<void> {
    this.#gathered.push(end)
    return this.#finishing ??= Promise.resolve().then(() => {
      this.#finishing = undefined
      return this.#finish(this.#gathered.splice(0))
    })
  }

  async #finish(ended: readonly EndedEffect[]): Promise<void> {
    const { store, counters } = this.#options
    const failed = ended.filter((end): end is FailedEffect => 'failure' in end)
    const done = ended.filter((end) => !('failure' in end)).map(({ entry }) => entry.id)
    if (done.length > 0) await store.deleteOutbox(done)
    counters.effects += done.length
    await postponeOrGiveUp(this.#options, failed)
  }
}

type FailedEffect = Required<EndedEffect>

async function endOf(handlers: EffectHandlers, entry: TakenEffect): Promise<EndedEffect> {
  try {
    await runEffect(handlers, entry)
    return { entry }
  } catch (failure) {
    return { entry, failure }
  }
}

/** Waits for the work, but no longer than this. */
async function atMost(ms: number, work: Promise<unknown>, clock: Clock): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>()
  const cancel = clock.after(ms, resolve)
  try {
    await Promise.race([work, over])
  } finally {
    cancel()
  }
}

async function postponeOrGiveUp(
  { store, log, counters }: RelayOptions,
  failed: readonly FailedEffect[],
): Promise<void> {
  for (const { entry, failure } of failed) {
    const attempt = entry.attempts + 1
    counters.effectFailures += 1
    log.warn(`Effect failed: ${explain(failure)}`, {
      effectId: entry.id,
      effect: entry.name,
      attempt,
      failure,
    })
    if (attempt <= effectAttempts) await store.postponeOutbox([entry.id], effectDelayMs(attempt))
    else {
      await giveUp(store, entry, failure)
      counters.effectsQuarantined += 1
    }
  }
}

async function giveUp(store: ActorStore, entry: TakenEffect, failure: unknown): Promise<void> {
  const { id, name, params } = entry
  const actorId = id.replace(/:\d+:\d+$/, '')
  await store.quarantine([{
    id,
    kind: 'effect',
    actorId,
    payload: { id, name, params },
    error: explain(failure),
  }])
  await store.deleteOutbox([id])
}
