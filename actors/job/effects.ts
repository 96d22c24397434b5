/** Params of the effects that a job asks for. */
import type { EffectParams } from '../../kernel/contract/effect.ts'
import type { Json } from '../../kernel/contract/json.ts'
import type { TaskKind } from '../../kernel/contract/task.ts'
import { taskIdFrom } from '../../kernel/ids.ts'
import type { TaskEvent, TaskInput } from '../task/model.ts'
import type { JobContext } from './model.ts'

/** Creates the task. */
export function spawning(task: TaskInput): EffectParams<'spawn'> {
  return {
    type: 'task',
    id: taskIdFrom(task.jobId, task.kind, task.index),
    // Parsed from JSON; optional fields hide that from the compiler.
    input: task as Json,
  }
}

/** To a task that reads what others make: it is all there, or there anew. */
export function inputsReady({ jobId }: JobContext, kind: TaskKind): EffectParams<'tell'> {
  return { to: taskIdFrom(jobId, kind), event: { type: 'inputsReady' } satisfies TaskEvent }
}

/** To a task whose result is damaged. */
export function redo(taskId: string): EffectParams<'tell'> {
  return { to: taskId, event: { type: 'redo' } satisfies TaskEvent }
}

/** To all tasks: stop, nothing is wanted any more. */
export function jobEnded({ context }: { readonly context: JobContext }): EffectParams<'tellTasks'> {
  return { jobId: context.jobId, event: { type: 'jobEnded' } satisfies TaskEvent }
}
