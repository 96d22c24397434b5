/** Assembles what a worker is told with a claim from the rows of the task and its job: pure. */
import type { ChunkRange, ObjectRef } from '../../kernel/contract/media.ts'
import {
  type SourceRef,
  type TaskBrief,
  type TaskInput,
  taskParamsSchema,
} from '../../kernel/contract/task.ts'
import type { BriefJob, BriefResult, BriefTask } from '../../kernel/db/tasks.ts'
import { outputPrefix } from './keys.ts'

/** An intermediate that the task reads. */
export interface BriefInput {
  readonly taskId: string
  readonly index: number
  readonly object: ObjectRef
}

/** What a task reads of other tasks' results. */
export interface BriefInputs {
  /** Chunks in order for stitch; the file to check for verify. */
  readonly inputs: readonly BriefInput[]
  readonly audio: BriefInput | undefined
  readonly ranges: readonly ChunkRange[]
}

/** Sorts the results of a job into the inputs of one of its tasks. */
export function inputsOf(task: BriefTask, results: readonly BriefResult[]): BriefInputs {
  const of = (...kinds: readonly string[]) =>
    results.filter(({ kind }) => kinds.includes(kind)).toSorted((a, b) => a.index - b.index)
  const none: BriefInputs = { inputs: [], audio: undefined, ranges: [] }
  if (task.kind === 'verify') return { ...none, inputs: of('stitch', 'remux').map(inputFrom) }
  if (task.kind !== 'stitch') return none
  return {
    inputs: of('encode').map(inputFrom),
    audio: of('audio').map(inputFrom)[0],
    ranges: of('encode').map(rangeOf),
  }
}

/** Everything that {@link briefFrom} puts together. URLs are by object key. */
export interface BriefParts {
  readonly task: BriefTask & { readonly leaseToken: string }
  readonly job: BriefJob
  readonly inputs: BriefInputs
  readonly source: SourceRef
  readonly urls: ReadonlyMap<string, string>
  readonly fleetSlots: number
  readonly leaseMs: number
}

/** The brief of one claimed task. @throws RangeError when a URL is missing; ZodError for params of another version */
export function briefFrom(parts: BriefParts): TaskBrief {
  const { task, job, inputs, source, urls, fleetSlots, leaseMs } = parts
  const withUrl = (input: BriefInput): TaskInput => {
    const url = urls.get(input.object.key)
    if (url === undefined) throw new RangeError(`No URL for the object "${input.object.key}"`)
    return { ...input.object, url, taskId: input.taskId, index: input.index }
  }
  return {
    taskId: task.id,
    jobId: task.jobId,
    index: task.index,
    attempt: task.attempt,
    leaseToken: task.leaseToken,
    leaseMs,
    correlationId: job.correlationId,
    profile: job.profile,
    source,
    params: taskParamsSchema.parse(task.params),
    ...(job.plan !== null && { plan: job.plan }),
    inputs: inputs.inputs.map(withUrl),
    ...(inputs.audio !== undefined && { audio: withUrl(inputs.audio) }),
    ...(task.kind === 'stitch' && { ranges: [...inputs.ranges] }),
    outputPrefix: outputPrefix(task),
    fleetSlots,
    timeoutMs: timeoutMs(task, job),
  }
}

const baseTimeoutMs = 15 * 60_000
/** The slowest software encode that is still worth waiting for, and a limit for everything that only reads. */
const slowestTimesRealTime = { encode: 400, other: 20 }
const longestTimeoutMs = 7 * 24 * 3_600_000

/** Time limit of the whole task in milliseconds: a quarter of an hour, and a multiple of the media that it covers. */
function timeoutMs(task: BriefTask, { plan }: BriefJob): number {
  const params = taskParamsSchema.parse(task.params)
  const wholeSeconds = plan?.durationSeconds ?? 0
  const worst = params.kind === 'encode'
    ? params.range.durationSeconds * slowestTimesRealTime.encode
    : wholeSeconds * slowestTimesRealTime.other
  return Math.min(Math.round(baseTimeoutMs + worst * 1000), longestTimeoutMs)
}

function inputFrom({ taskId, index, result }: BriefResult): BriefInput {
  if (!('object' in result)) throw new TypeError(`Task "${taskId}" has a result without an object`)
  return { taskId, index, object: result.object }
}

function rangeOf({ taskId, params }: BriefResult): ChunkRange {
  const parsed = taskParamsSchema.parse(params)
  if (parsed.kind === 'encode') return parsed.range
  throw new TypeError(`Task "${taskId}" has no chunk range`)
}
