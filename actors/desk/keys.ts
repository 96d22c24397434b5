/** Where the outputs of a task go in storage. */
import type { TaskKind, TaskResult } from '../../kernel/contract/task.ts'

/** Bucket of everything that jobs make. */
export const mediaBucket = 'media'

/** Everything of a job: intermediates, outputs, logs. */
export function jobPrefix(jobId: string): string {
  return `jobs/${jobId}/`
}

/** Intermediates: deleted when the job ends. */
export function workPrefix(jobId: string): string {
  return `${jobPrefix(jobId)}work/`
}

/** Final files; those that verification did not accept are deleted when the job ends. */
export function outPrefix(jobId: string): string {
  return `${jobPrefix(jobId)}out/`
}

/**
 * Prefix of one attempt's outputs, without a slash at the end. It is unique to the attempt, so that a late worker cannot
 * overwrite what another one made. Final files are made where they stay: nothing is moved or copied.
 */
export function outputPrefix(
  task: {
    readonly id: string
    readonly jobId: string
    readonly kind: TaskKind
    readonly attempt: number
  },
): string {
  const { id, jobId, kind, attempt } = task
  return kind === 'stitch' || kind === 'remux' || kind === 'verify'
    ? `${outPrefix(jobId)}${kind}-${attempt}`
    : `${workPrefix(jobId)}${id}/${attempt}`
}

/** The key of an attempt's log. */
export function logKey(
  { taskId, jobId, attempt }: {
    readonly taskId: string
    readonly jobId: string
    readonly attempt: number
  },
): string {
  return `${jobPrefix(jobId)}logs/${taskId}.${attempt}.log`
}

/** Whether all objects that a result names belong to the job: a worker may not adopt what is another's. */
export function hasOwnObjects(jobId: string, result: TaskResult): boolean {
  return objectsOf(result).every(({ key }) => key.startsWith(jobPrefix(jobId)))
}

function objectsOf(result: TaskResult): readonly { readonly key: string }[] {
  if (result.kind === 'verify') return result.outputs.map(({ object }) => object)
  if (result.kind !== 'probe') return [result.object]
  return result.plan.normalized === undefined ? [] : [result.plan.normalized]
}
