/** Params of the effects that a hedge asks for: pure functions of what it remembers and hears. */
import type { EffectParams } from '../../kernel/contract/effect.ts'
import type { TaskResult } from '../../kernel/contract/task.ts'
import { hedgeIdFrom } from '../../kernel/ids.ts'
import type { HedgeContext, HedgeMessage } from './model.ts'

interface Scope {
  readonly context: HedgeContext
}

/** The hedge is ready on its lane. */
export function doorbell({ context }: Scope): EffectParams<'ring'> {
  return { taskId: idOf(context), lane: context.lane, region: context.region }
}

/** The worker that runs it must stop now. */
export function interruption({ context }: Scope): EffectParams<'interrupt'> {
  return { ...holderOf(context), taskId: idOf(context) }
}

/** To the straggler: a worker took the hedge. */
export function started({ context }: Scope): EffectParams<'tell'> {
  return toStraggler(context, { type: 'hedgeStarted' })
}

/** To the straggler: the hedge was first. */
export function outdone(
  { context, event }: Scope & { readonly event: { readonly result: TaskResult } },
): EffectParams<'tell'> {
  const { workerId } = holderOf(context)
  return toStraggler(context, { type: 'outdone', workerId, result: event.result })
}

/** To the straggler: it is alone again. */
export function lost({ context }: Scope): EffectParams<'tell'> {
  return toStraggler(context, { type: 'hedgeLost' })
}

function toStraggler({ taskId }: HedgeContext, event: HedgeMessage): EffectParams<'tell'> {
  return { to: taskId, event }
}

function holderOf(context: HedgeContext): { workerId: string; leaseToken: string } {
  const { workerId, leaseToken } = context
  if (workerId === null || leaseToken === null) {
    throw new TypeError(`Hedge "${idOf(context)}" must be held by a worker, and nobody holds it`)
  }
  return { workerId, leaseToken }
}

function idOf({ jobId, index }: HedgeContext): string {
  return hedgeIdFrom(jobId, index)
}
