/** Carries out the effects of committed transitions, at least once each. */
import type { ActorStore, OutboxEntry } from '../../kernel/db/actor-store.ts'
import type { Log } from '../../kernel/log.ts'
import type { Counters } from './counters.ts'
import { type EffectHandlers, runEffect } from './effect-handlers.ts'
import { explain } from './quarantine.ts'
import { effectAttempts, effectDelayMs } from './retry.ts'

export interface RelayOptions {
  readonly store: ActorStore
  readonly handlers: EffectHandlers
  readonly log: Log
  readonly counters: Counters
  /** Effects taken at once. */
  readonly limit: number
  /** How long taken effects stay hidden from other relays, in milliseconds. */
  readonly hideMs: number
}

type TakenEffect = OutboxEntry & { readonly attempts: number }

interface FailedEffect {
  readonly entry: TakenEffect
  readonly failure: unknown
}

/**
 * One round: takes due effects, oldest first, carries them out, and deletes those that worked. A row goes only after
 * its handler succeeded, never by a cursor: commits do not happen in the order of their numbers.
 * @returns whether more may be due
 */
export async function relayRound(options: RelayOptions): Promise<boolean> {
  const { store, limit, hideMs, handlers, counters } = options
  const entries = await store.takeOutbox(limit, hideMs)
  if (entries.length === 0) return false
  const results = await Promise.allSettled(entries.map((entry) => runEffect(handlers, entry)))
  const done: string[] = []
  const failed: FailedEffect[] = []
  results.forEach((result, i) => {
    const entry = entries[i]!
    if (result.status === 'fulfilled') done.push(entry.id)
    else failed.push({ entry, failure: result.reason })
  })
  if (done.length > 0) await store.deleteOutbox(done)
  counters.effects += done.length
  await putBack(options, failed)
  return entries.length === limit
}

async function putBack(
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
    else await giveUp(store, entry, failure)
  }
  counters.effectsQuarantined +=
    failed.filter(({ entry }) => entry.attempts >= effectAttempts).length
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
