/** Which tasks of a job have to make their results again when the stitch task found them damaged. */
import { taskIdFrom } from '../../kernel/ids.ts'
import type { TaskDamaged } from '../task/model.ts'
import type { JobContext } from './model.ts'

/** The encode and audio tasks of this job among those that `failure.redo` names, each once. */
export function tasksToRedo(
  context: Pick<JobContext, 'jobId' | 'chunks' | 'hasAudio'>,
  { failure }: Pick<TaskDamaged, 'failure'>,
): readonly string[] {
  const own = new Set<string>()
  for (let index = 0; index < context.chunks; index++) {
    own.add(taskIdFrom(context.jobId, 'encode', index))
  }
  if (context.hasAudio) own.add(taskIdFrom(context.jobId, 'audio'))
  return [...new Set(failure.redo)].filter((id) => own.has(id))
}
