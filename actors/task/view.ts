/** The row of `tasks` that shows a task actor. */
import type { TaskRow } from '../../kernel/db/actor-store.ts'
import type { TaskContext } from './model.ts'
import { workRowFrom } from './work.ts'

/** State of the machine, as its snapshot holds it. */
export type TaskState =
  | 'blocked'
  | 'ready'
  | 'running'
  | 'waiting'
  | 'completed'
  | 'failed'
  | 'closed'

/** The row of the task with this id in this state. */
export function taskRowFrom(id: string, state: TaskState, context: TaskContext): TaskRow {
  const { kind, weight, maxAttempts } = context
  const status = statusOf(state, context)
  return workRowFrom(id, context, { kind, weight, status, maxAttempts, hedgeOf: null })
}

function statusOf(state: TaskState, context: TaskContext): TaskRow['status'] {
  if (state === 'closed') return context.outcome ?? 'cancelled'
  if (state === 'blocked') return 'waiting'
  return state
}
