/** Why a job ends badly: the failure of a task, in the words that people read. */
import { errorCatalog } from '../../kernel/errors.ts'
import type { TaskDamaged, TaskFailed } from '../task/model.ts'
import type { JobFailure } from './model.ts'

/** Times that damaged intermediates are made again before the job gives up. */
export const maxRedoRounds = 3

/** The failure of the job whose task was given up. A code that the catalog does not know becomes WE-JOB-008. */
export function failureOf({ failure }: Pick<TaskFailed, 'failure'>): JobFailure {
  const { code, message, detail } = failure
  return {
    code: Object.hasOwn(errorCatalog, code) ? code : 'WE-JOB-008',
    message,
    ...(detail !== undefined && { detail }),
  }
}

/** The failure of a job whose intermediates stay damaged, however often they are made. */
export function damageOf(
  { failure }: Pick<TaskDamaged, 'failure'>,
  redoRounds: number,
): JobFailure {
  const { code: _, ...reason } = failureOf({ failure })
  return {
    ...reason,
    code: 'WE-JOB-008',
    message: redoRounds === 0
      ? `${reason.message}; nothing tells which part to make again`
      : `${reason.message}; making the damaged parts again ${redoRounds} times did not help`,
  }
}

/** The failure of a job whose source holds nothing that can be encoded. */
export const nothingToEncode: JobFailure = {
  code: 'WE-JOB-007',
  message: 'The source has neither a video nor an audio stream that can be encoded',
}
