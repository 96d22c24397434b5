/** What a good worker answers for each kind of task, for tests. */
import type { TaskBrief, TaskResult } from '../../kernel/contract/task.ts'
import type { ReportRequest } from '../../kernel/contract/worker.ts'
import { samplePlan } from '../job/sample.ts'

/** The result of a task, with its object under the prefix that the brief names. */
export function resultFor({ params, outputPrefix, inputs }: TaskBrief): TaskResult {
  const object = {
    key: `${outputPrefix}/${params.kind}.mp4`,
    sizeBytes: 1000,
    sha256: 'a'.repeat(64),
  }
  if (params.kind === 'probe') return { kind: 'probe', plan: samplePlan }
  if (params.kind !== 'verify') {
    return { kind: params.kind, object, frames: 250, durationSeconds: 10, encodeMs: 5 }
  }
  const { key, sizeBytes, sha256 } = inputs[0]!
  const made = { key, sizeBytes, sha256 }
  return {
    kind: 'verify',
    outputs: [{ name: 'film.mp4', type: 'final', object: made, contentType: 'video/mp4' }],
    report: { frames: 500 },
  }
}

/** The report of that result. */
export function finishedWith(brief: TaskBrief): ReportRequest['outcome'] {
  return { status: 'finished', result: resultFor(brief) }
}
