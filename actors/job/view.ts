/** The row of `jobs` that shows a job actor. */
import type { JobPhase } from '../../kernel/contract/job.ts'
import type { Json } from '../../kernel/contract/json.ts'
import type { JobRow } from '../../kernel/db/actor-store.ts'
import { statusOfPhase } from './announcement.ts'
import type { JobContext } from './model.ts'

/** The row of the job with this id in this phase. The states of the machine are the phases. */
export function jobRowFrom(id: string, phase: JobPhase, context: JobContext): JobRow {
  return {
    id,
    userId: context.userId,
    sourceType: context.sourceType,
    sourceUrl: context.sourceUrl,
    profileId: context.profile.name,
    // These came as JSON and were parsed; optional fields hide that from the compiler.
    profile: context.profile as Json,
    plan: context.plan as Json,
    outputs: context.outputs,
    priority: context.priority,
    deadline: context.deadline ?? null,
    status: statusOfPhase[phase],
    phase,
    tasksTotal: context.tasksTotal,
    tasksCompleted: context.tasksCompleted,
    error: context.error,
    retryOf: context.retryOf,
    report: context.report,
    correlationId: context.correlationId,
  }
}
