/** What a job learns when its probe answers. */
import type { TaskFinished } from '../task/model.ts'
import type { JobContext } from './model.ts'
import { planTasks } from './plan.ts'

/** The job with the plan and the number of its tasks; the chunks themselves go to the encode tasks. */
export function plannedFrom(
  context: JobContext,
  { plan: whole }: TaskFinished,
): Partial<JobContext> {
  if (whole === undefined) return {}
  const { chunks, ...plan } = whole
  const tasks = planTasks(context, whole)
  return {
    plan,
    chunks: chunks.length,
    hasAudio: tasks.some(({ kind }) => kind === 'audio'),
    tasksTotal: 1 + tasks.length,
    tasksCompleted: 1,
    encodesLeft: tasks.filter(({ blocked }) => !blocked).length,
  }
}
