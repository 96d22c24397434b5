/** Sorts the actions that XState returns into effects and timers, and refuses the ones that cannot be durable. */
import { z } from 'zod'
import { type EffectName, type EffectParams, effectSchemas } from '../../kernel/contract/effect.ts'
import type { Json } from '../../kernel/contract/json.ts'
import { frozenJson } from './frozen-json.ts'

/** An action as XState hands it to an executor. Its `exec` is never called, its `info` never kept. */
export interface ReturnedAction {
  readonly type: string
  readonly params: unknown
}

/** An effect that a machine asked for. */
export type Effect = {
  readonly [Name in EffectName]: { readonly name: Name; readonly params: EffectParams<Name> }
}[EffectName]

/** A change to an actor's timers, in the order in which the machine asked. */
export type TimerChange =
  | { readonly kind: 'set'; readonly key: string; readonly delayMs: number; readonly event: Json }
  | { readonly kind: 'cancel'; readonly key: string }

export interface Consequences {
  readonly effects: readonly Effect[]
  readonly timers: readonly TimerChange[]
}

/**
 * What the actions of one transition ask for.
 * @throws TypeError for an action outside the vocabulary of effects, with wrong params, or of XState's own that needs a live actor
 */
export function consequencesFrom(
  machineId: string,
  actions: readonly ReturnedAction[],
): Consequences {
  const effects: Effect[] = []
  const timers: TimerChange[] = []
  for (const action of actions) {
    if (!action.type.startsWith('xstate.')) effects.push(effectFrom(machineId, action))
    else if (action.type === 'xstate.raise') timers.push(...raisedTimer(machineId, action))
    else if (action.type === 'xstate.cancel') timers.push(cancelledTimer(action))
    else {throw new TypeError(
        `Machine "${machineId}" asked for "${action.type}", which is not durable: use an effect`,
      )}
  }
  return { effects, timers }
}

/** The schemas without a second walk through values that are JSON by then. */
const shapes = {
  ...effectSchemas,
  spawn: effectSchemas.spawn.extend({ input: z.unknown() }),
  announce: effectSchemas.announce.extend({ data: z.unknown() }),
} as const

function effectFrom(machineId: string, action: ReturnedAction): Effect {
  const name = action.type
  if (!isEffectName(name)) {
    throw new TypeError(
      `Machine "${machineId}" asked for "${name}", which must be one of: ${
        Object.keys(effectSchemas).join(', ')
      }`,
    )
  }
  const params = frozenJson(action.params ?? {}, `${machineId}: params of ${name}`)
  const checked = shapes[name].safeParse(params)
  if (!checked.success) {
    throw new TypeError(`Machine "${machineId}" asked for "${name}" with wrong params`, {
      cause: checked.error,
    })
  }
  return { name, params } as Effect
}

/** Whether `name` belongs to the vocabulary of effects. */
export function isEffectName(name: string): name is EffectName {
  return Object.hasOwn(effectSchemas, name)
}

/** A raise without delay was consumed inside the step; one with a delay is how XState writes `after`. */
function raisedTimer(machineId: string, action: ReturnedAction): TimerChange[] {
  const { event, id, delay } = action.params as { event: unknown; id?: unknown; delay?: unknown }
  if (delay === undefined) return []
  if (typeof id !== 'string') {
    throw new TypeError(`Machine "${machineId}" raised an event with a delay and without an id`)
  }
  if (typeof delay !== 'number' || !(delay >= 0 && delay <= longestDelayMs)) {
    throw new RangeError(
      `Machine "${machineId}": delay of "${id}" must be 0 to ${longestDelayMs} ms, and it is ${
        String(delay)
      }`,
    )
  }
  return [{
    kind: 'set',
    key: id,
    delayMs: delay,
    event: frozenJson(event, `event of timer ${id}`),
  }]
}

/** A year. */
const longestDelayMs = 365 * 24 * 3600 * 1000

function cancelledTimer(action: ReturnedAction): TimerChange {
  return { kind: 'cancel', key: (action.params as { sendId: string }).sendId }
}
