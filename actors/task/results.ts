/** What a task keeps of a result, and the failure it notes when nobody reports one. */
import type { TaskFailure, TaskResult } from '../../kernel/contract/task.ts'
import type { TaskContext } from './model.ts'

/**
 * The result as the task keeps it. The probe's chunks are left out: the job hands each one to its encode task, and
 * thousands of them would make every later step of this actor slow.
 */
export function rememberedResult(result: TaskResult): TaskResult {
  return result.kind === 'probe' ? { ...result, plan: { ...result.plan, chunks: [] } } : result
}

/** The failure of an attempt whose worker went silent or left. */
export function lostFailure(context: Pick<TaskContext, 'workerId' | 'attempt'>): TaskFailure {
  return {
    kind: 'lost',
    code: 'WE-WRK-004',
    message: `Worker "${context.workerId}" stopped answering during attempt ${context.attempt}`,
  }
}
