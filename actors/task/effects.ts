/** Params of the effects that a task asks for: pure functions of what it remembers and hears. */
import type { EffectParams } from '../../kernel/contract/effect.ts'
import type { Json } from '../../kernel/contract/json.ts'
import type { TaskFailure, TaskResult } from '../../kernel/contract/task.ts'
import { hedgeIdFrom, taskIdFrom } from '../../kernel/ids.ts'
import type { HedgeEvent, HedgeInput } from '../hedge/model.ts'
import type { TaskContext, TaskFinished, TaskMessage } from './model.ts'

interface Scope {
  readonly context: TaskContext
}

/** A task is ready on its lane. */
export function doorbell({ context }: Scope): EffectParams<'ring'> {
  return { taskId: idOf(context), lane: context.lane, region: context.region }
}

/** The worker that runs it must stop now. */
export function interruption({ context }: Scope): EffectParams<'interrupt'> {
  const { workerId, leaseToken } = context
  if (workerId === null || leaseToken === null) {
    throw new TypeError(`Cannot interrupt task "${idOf(context)}": no worker holds it`)
  }
  return { workerId, taskId: idOf(context), leaseToken }
}

/** To the job: a worker took the first task. */
export function started({ context }: Scope): EffectParams<'tell'> {
  return toJob(context, { type: 'taskStarted', ...placeOf(context) })
}

/** To the job: done, with what the job itself must know of the result. */
export function finished(
  { context, event }: Scope & { readonly event: { readonly result: TaskResult } },
): EffectParams<'tell'> {
  return toJob(context, { type: 'taskFinished', ...placeOf(context), ...toldOf(event.result) })
}

/** To the job: given up. */
export function failed({ context }: Scope): EffectParams<'tell'> {
  const { failure } = context
  if (failure === null) throw new TypeError(`Task "${idOf(context)}" failed without a failure`)
  return toJob(context, { type: 'taskFailed', ...placeOf(context), failure })
}

/** To the job: an input must be made again. */
export function damaged(
  { context, event }: Scope & { readonly event: { readonly failure: TaskFailure } },
): EffectParams<'tell'> {
  return toJob(context, { type: 'taskDamaged', ...placeOf(context), failure: event.failure })
}

/** A second run of the chunk, for any worker but the one that has it. */
export function hedging({ context }: Scope): EffectParams<'spawn'> {
  const { jobId, index, params, owner, priority, deadline, lane, videoCodec, region } = context
  const { startSeconds, endSeconds, leaseMs } = context
  const input: HedgeInput = {
    taskId: idOf(context),
    jobId,
    index,
    params,
    owner,
    priority,
    ...(deadline !== undefined && { deadline }),
    lane,
    ...(videoCodec !== undefined && { videoCodec }),
    region,
    startSeconds,
    endSeconds,
    leaseMs,
    avoidWorkerId: interruption({ context }).workerId,
  }
  // Parsed from JSON; optional fields hide that from the compiler.
  return { type: 'hedge', id: hedgeIdFrom(jobId, index), input: input as Json }
}

/** To the hedge: it is not needed any more. */
export function withdrawal({ jobId, index }: TaskContext): EffectParams<'tell'> {
  return { to: hedgeIdFrom(jobId, index), event: { type: 'withdraw' } satisfies HedgeEvent }
}

function toldOf(result: TaskResult): Omit<TaskFinished, 'type' | 'kind' | 'index'> {
  if (result.kind === 'probe') return { plan: result.plan }
  if (result.kind === 'verify') return { outputs: result.outputs, report: result.report }
  return {}
}

function toJob(context: TaskContext, message: TaskMessage): EffectParams<'tell'> {
  return { to: context.jobId, event: message }
}

function placeOf({ kind, index }: TaskContext): Pick<TaskContext, 'kind' | 'index'> {
  return { kind, index }
}

function idOf({ jobId, kind, index }: TaskContext): string {
  return taskIdFrom(jobId, kind, index)
}
