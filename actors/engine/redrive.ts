/** Tries dead letters again. */
import type { ActorStore, DeadLetter } from '../../kernel/db/actor-store.ts'
import type { Delivery, Outcome } from './delivery.ts'
import { type EffectHandlers, runEffect } from './effect-handlers.ts'
import { redeliveryFrom } from './quarantine.ts'

interface RedriveParts {
  readonly store: ActorStore
  readonly handlers: EffectHandlers
  readonly deliver: (delivery: Delivery) => Promise<Outcome>
}

/** Dead letters that are looked through for an id. */
const lookThrough = 10_000

/**
 * @returns false when it failed again and stays set aside
 * @throws RangeError when there is no such dead letter; what the handler of an effect throws
 */
export async function redrive(parts: RedriveParts, id: string): Promise<boolean> {
  const letter = (await parts.store.listDeadLetters(lookThrough)).find((one) => one.id === id)
  if (letter === undefined) {
    throw new RangeError(`Cannot redrive dead letter "${id}": there is none`)
  }
  const done = letter.kind === 'event'
    ? await redriveEvent(parts, letter)
    : await redriveEffect(parts, letter)
  // An event that failed again has a dead letter of its own by now, under its new id.
  await parts.store.deleteDeadLetter(id)
  return done
}

async function redriveEvent({ deliver }: RedriveParts, letter: DeadLetter): Promise<boolean> {
  const { status } = await deliver(redeliveryFrom(letter))
  return status !== 'quarantined'
}

async function redriveEffect({ handlers }: RedriveParts, letter: DeadLetter): Promise<boolean> {
  await runEffect(handlers, letter.payload as { id: string; name: string; params: unknown })
  return true
}
