/** The named actions that every machine may use. They do nothing: the engine turns their params into durable effects. */
import type { EffectName, EffectParams } from '../../kernel/contract/effect.ts'

/** Typed so that a machine's `{ type: 'tell', params: … }` is checked against the effect's schema. */
export type EffectActions = {
  readonly [Name in EffectName]: (args: unknown, params: EffectParams<Name>) => void
}

/**
 * Spread into a machine's setup: `setup({ actions: { ...effectActions, … } })`.
 * The registry accepts these very functions and no other plain function, because none is ever called.
 */
export const effectActions: EffectActions = {
  spawn() {},
  tell() {},
  tellTasks() {},
  ring() {},
  interrupt() {},
  command() {},
  clean() {},
  announce() {},
}
