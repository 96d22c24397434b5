/** What the brief of a task must hold for its kind: narrowed once, so that handlers need no checks of their own. */
import type { ChunkRange, VideoFacts } from '../../kernel/contract/media.ts'
import type { PlanFacts, TaskBrief, TaskInput, TaskParams } from '../../kernel/contract/task.ts'
import { encodedVideoOf } from '../ffmpeg/encoders.ts'
import type { EncodedVideo } from '../ffmpeg/encoders.ts'

/** The plan. @throws TypeError when the brief has none: the kernel made a mistake */
export function planOf(brief: TaskBrief): PlanFacts {
  return required(brief.plan, brief, 'a plan')
}

/** The video of the plan. @throws TypeError when it has none */
export function videoOf(brief: TaskBrief): VideoFacts {
  return required(planOf(brief).source.video, brief, 'a video in its plan')
}

/** How the video is encoded. @throws TypeError when the profile copies it */
export function encodedVideo(brief: TaskBrief): EncodedVideo {
  return required(encodedVideoOf(brief.profile), brief, 'a video encoder in its profile')
}

/** The chunk ranges of a stitch. @throws TypeError when the brief has none */
export function rangesOf(brief: TaskBrief): readonly ChunkRange[] {
  return required(brief.ranges, brief, 'ranges')
}

/** The only input of a verify. @throws TypeError when the brief has none */
export function onlyInputOf(brief: TaskBrief): TaskInput {
  return required(brief.inputs[0], brief, 'an input')
}

/** The params of this kind. @throws TypeError when the task is of another kind */
export function paramsOf<Kind extends TaskParams['kind']>(
  brief: TaskBrief,
  kind: Kind,
): Extract<TaskParams, { kind: Kind }> {
  const { params } = brief
  if (params.kind === kind) return params as Extract<TaskParams, { kind: Kind }>
  throw new TypeError(`Task "${brief.taskId}" must be of kind ${kind}, found ${params.kind}`)
}

function required<T>(value: T | undefined, brief: TaskBrief, what: string): T {
  if (value !== undefined) return value
  throw new TypeError(`Task "${brief.taskId}" must have ${what}, found none`)
}
