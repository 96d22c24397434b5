/** Who carries out which effect, and the two that the engine carries out itself. */
import { type EffectName, type EffectParams, effectSchemas } from '../../kernel/contract/effect.ts'
import type { ActorStore } from '../../kernel/db/actor-store.ts'
import type { Delivery, Outcome } from './delivery.ts'

/** Effects that happen after the commit; `spawn` happens inside it. */
export type LateEffectName = Exclude<EffectName, 'spawn'>

/**
 * Carries out one effect. It comes at least once, so `id` is the key under which a receiver knows it again.
 * A throw postpones the effect.
 */
export type EffectHandler<Name extends LateEffectName> = (
  params: EffectParams<Name>,
  effect: { readonly id: string },
) => Promise<void>

export type EffectHandlers = { readonly [Name in LateEffectName]: EffectHandler<Name> }

/** Handlers that the process brings; the engine has its own for `tell` and `tellTasks`. */
export type OuterHandlers = Omit<EffectHandlers, 'tell' | 'tellTasks'>

/** Events that one `tellTasks` hands over at a time. */
const tellAtOnce = 256

/** The handlers of messages between actors. */
export function tellHandlers(
  store: ActorStore,
  deliver: (delivery: Delivery) => Promise<Outcome>,
): Pick<EffectHandlers, 'tell' | 'tellTasks'> {
  return {
    async tell({ to, event }, { id }) {
      await deliver({ kind: 'event', eventId: id, actorId: to, event: event as never })
    },
    async tellTasks({ jobId, event }, { id }) {
      const taskIds = await store.listTaskIds(jobId)
      for (let at = 0; at < taskIds.length; at += tellAtOnce) {
        await Promise.all(
          taskIds.slice(at, at + tellAtOnce).map((taskId) =>
            deliver({
              kind: 'event',
              eventId: `${id}/${taskId}`,
              actorId: taskId,
              event: event as never,
            })
          ),
        )
      }
    },
  }
}

/** Checks the params again, because the row may be older than this program. @throws ZodError, RangeError for an unknown effect */
export async function runEffect(
  handlers: EffectHandlers,
  effect: { readonly id: string; readonly name: string; readonly params: unknown },
): Promise<void> {
  if (!isLateEffect(effect.name)) {
    throw new RangeError(`Effect "${effect.id}" is a "${effect.name}", which has no handler`)
  }
  const params = effectSchemas[effect.name].parse(effect.params)
  await (handlers[effect.name] as (params: unknown, effect: { id: string }) => Promise<void>)(
    params,
    { id: effect.id },
  )
}

function isLateEffect(name: string): name is LateEffectName {
  return name !== 'spawn' && Object.hasOwn(effectSchemas, name)
}
