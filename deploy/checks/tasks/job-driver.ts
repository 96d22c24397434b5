/** Runs the tasks of one job on real FFmpeg in a temporary directory, without kernel or database. */
import { createHash } from 'node:crypto'
import { copyFile, mkdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { EncoderEngine } from '../../../kernel/contract/encoder.ts'
import type { EncodePlan, ObjectRef } from '../../../kernel/contract/media.ts'
import type { Profile } from '../../../kernel/contract/profile.ts'
import { taskBriefSchema, taskResultSchema } from '../../../kernel/contract/task.ts'
import type {
  TaskBrief,
  TaskInput,
  TaskKind,
  TaskParams,
  TaskResult,
} from '../../../kernel/contract/task.ts'
import { taskIdFrom } from '../../../kernel/ids.ts'
import { silentLog } from '../../../kernel/log.ts'
import { taskHandlers } from '../../../workers/handlers.ts'
import { TaskFailed } from '../../../workers/tasks/context.ts'

/** What a job is run with. */
export interface JobOrder {
  readonly source: string
  readonly profile: Profile
  readonly encoder: EncoderEngine
  /** Everything is written below it. */
  readonly directory: string
  /** Tasks at the same time. @default 1 */
  readonly slots?: number
  /** What the probe is told of the fleet. @default slots */
  readonly fleetSlots?: number
  /** Called before a task begins, e.g. to damage what it will read. */
  readonly before?: (kind: TaskKind, objects: string) => Promise<void>
}

/** A job that came to its end. */
export interface FinishedJob {
  readonly plan: EncodePlan
  readonly output: string
  readonly report: Readonly<Record<string, string | number | boolean>>
  readonly progress: Readonly<Record<string, readonly number[]>>
}

type ResultOf<Kind extends TaskKind> = Extract<TaskResult, { kind: Kind }>

/** Runs probe, then chunks and audio (or a remux), then stitch, then verify. @throws TaskFailed as the task did */
export async function runJob(order: JobOrder): Promise<FinishedJob> {
  const job = new Job(order)
  const { plan } = await job.run({ kind: 'probe' }, {}) as ResultOf<'probe'>
  const { chunks, ...facts } = plan
  const source = plan.normalized ? job.locate(plan.normalized) : order.source
  const base = { plan: facts, source: { url: source, name: basename(source) } }
  const made = order.profile.video.codec === 'copy'
    ? await job.run({ kind: 'remux' }, base)
    : await encodeAndStitch(job, plan, base, order.slots ?? 1)
  if (!('object' in made)) throw new TypeError(`A ${made.kind} task makes no object`)
  const verified = await job.run(
    { kind: 'verify' },
    { ...base, inputs: [job.inputFrom(made.object, made.kind, 0)] },
  ) as ResultOf<'verify'>
  const [output] = verified.outputs
  if (output === undefined) throw new TypeError('Verify must answer an output')
  return {
    plan,
    output: job.locate(output.object),
    report: verified.report,
    progress: job.progress,
  }
}

async function encodeAndStitch(
  job: Job,
  plan: EncodePlan,
  base: Partial<TaskBrief>,
  slots: number,
): Promise<TaskResult> {
  const { chunks } = plan
  const audio: TaskParams[] = plan.source.audio.length > 0 ? [{ kind: 'audio' }] : []
  const params = [...chunks.map((range) => ({ kind: 'encode', range }) as const), ...audio]
  const results = new Map<number, TaskResult>()
  const waiting = [...params.entries()]
  await Promise.all(Array.from({ length: slots }, async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      results.set(next[0], await job.run(next[1], base))
    }
  }))
  const inputs = chunks.map((range, at) =>
    job.inputFrom((results.get(at) as ResultOf<'encode'>).object, 'encode', range.index)
  )
  const sound = results.get(chunks.length) as ResultOf<'audio'> | undefined
  return await job.run({ kind: 'stitch' }, {
    ...base,
    inputs,
    ranges: chunks,
    ...(sound && { audio: job.inputFrom(sound.object, 'audio', 0) }),
  })
}

class Job {
  readonly progress: Record<string, number[]> = {}
  readonly #order: JobOrder
  readonly #objects: string

  constructor(order: JobOrder) {
    this.#order = order
    this.#objects = join(order.directory, 'objects')
  }

  async run(params: TaskParams, facts: Partial<TaskBrief>): Promise<TaskResult> {
    const { profile, source, encoder, before } = this.#order
    const index = params.kind === 'encode' ? params.range.index : 0
    const taskId = taskIdFrom('job', params.kind, index)
    const brief: TaskBrief = taskBriefSchema.parse({
      taskId,
      jobId: 'job',
      index,
      attempt: 1,
      leaseToken: 'lease',
      leaseMs: 20_000,
      correlationId: 'check',
      profile,
      source: { url: source, name: basename(source) },
      params,
      inputs: [],
      outputPrefix: `jobs/job/work/${taskId}/1`,
      fleetSlots: this.#order.fleetSlots ?? this.#order.slots ?? 1,
      timeoutMs: 600_000,
      ...facts,
    })
    const directory = join(this.#order.directory, taskId)
    await mkdir(directory, { recursive: true })
    await before?.(params.kind, this.#objects)
    const seen = this.progress[taskId] = [] as number[]
    return taskResultSchema.parse(
      await taskHandlers[params.kind]({
        brief,
        encoder,
        directory,
        signal: new AbortController().signal,
        log: silentLog,
        sourceInput: brief.source.url,
        input: (input) => this.#check(input),
        publish: (file, name) => this.#publish(file, `${brief.outputPrefix}/${name}`),
        progress: (fraction) => seen.push(fraction),
        record() {},
      }),
    )
  }

  locate({ key }: ObjectRef): string {
    return join(this.#objects, key)
  }

  inputFrom(object: ObjectRef, kind: string, index: number): TaskInput {
    const url = `file://${this.locate(object)}`
    return { ...object, url, taskId: taskIdFrom('job', kind, index), index }
  }

  async #publish(file: string, key: string): Promise<ObjectRef> {
    const target = join(this.#objects, key)
    await mkdir(dirname(target), { recursive: true })
    await copyFile(file, target)
    return { key, sizeBytes: (await stat(target)).size, sha256: await hashOf(target) }
  }

  async #check(input: TaskInput): Promise<string> {
    const path = this.locate(input)
    if (await hashOf(path) === input.sha256) return path
    throw new TaskFailed({
      kind: 'damaged-input',
      code: 'WE-JOB-008',
      message: `Object "${input.key}" does not have its hash`,
      redo: [input.taskId],
    })
  }
}

async function hashOf(path: string): Promise<string> {
  return createHash('sha256').update(await readFile(path)).digest('hex')
}
