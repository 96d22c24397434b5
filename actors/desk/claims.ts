/** Answers claims: leases ready tasks to a worker and tells it everything that the work needs. */
import type { Clock } from '../../kernel/clock.ts'
import type { EncoderRouting } from '../../kernel/contract/encoder-routing.ts'
import type { StorageProvider } from '../../kernel/contract/storage.ts'
import type { SourceRef, TaskBrief, TaskFailure } from '../../kernel/contract/task.ts'
import type { ClaimReply, ClaimRequest } from '../../kernel/contract/worker.ts'
import type { Database } from '../../kernel/db/database.ts'
import {
  type BriefJob,
  type BriefRows,
  type BriefTask,
  readTaskForBrief,
} from '../../kernel/db/tasks.ts'
import { withDeadline } from '../../kernel/deadline.ts'
import { WebEncodeError, webEncodeErrorFrom } from '../../kernel/errors.ts'
import { createLeaseToken } from '../../kernel/ids.ts'
import type { Log } from '../../kernel/log.ts'
import type { Engine } from '../engine/engine.ts'
import { eventJson } from '../events.ts'
import { briefFrom, inputsOf } from './brief.ts'
import { mediaBucket } from './keys.ts'

export interface ClaimOptions {
  readonly engine: Pick<Engine, 'claim' | 'send'>
  readonly db: Database
  readonly storage: Pick<StorageProvider, 'getUrl'>
  readonly log: Log
  readonly clock: Pick<Clock, 'after'>
  /** How long a lease lasts without a heartbeat, in milliseconds. */
  readonly leaseMs: number
  /** What a worker opens to read a job's source. @throws WE-JOB-002, WE-STO-002 */
  readonly resolveSource: (sourceUrl: string) => Promise<SourceRef>
  /** What workers have to know of encoder plugins. @default nothing: they use what they have */
  readonly readEncoders?: () => Promise<EncoderRouting>
  /**
   * Milliseconds in which it must be known what a task reads. A worker waits twice as long for its answer, and the other tasks of
   * the claim are in it. @default 5000
   */
  readonly briefMs?: number
}

/** Seconds that the URLs of a brief are valid: longer than any lease is renewed. */
const urlSeconds = 7 * 24 * 3600

/** Creates the answer to claims of workers that have joined. */
export function createClaims(
  options: ClaimOptions,
): (request: ClaimRequest) => Promise<ClaimReply> {
  const { engine, db, log, clock, briefMs = 5000 } = options

  return async function claim({ workerId, session, lanes, region, limit }) {
    const claimed = await engine.claim(
      { workerId, session, lanes, region, limit },
      () => eventJson({ type: 'claim', workerId, leaseToken: createLeaseToken() }),
    )
    if (claimed.length === 0) return { tasks: [] }
    const [rows, encoders] = await Promise.all([
      readTaskForBrief(db, claimed.map(({ id }) => id)),
      options.readEncoders?.(),
    ])
    const tokens = new Map(claimed.map(({ id, event }) => [id, Reflect.get(event, 'leaseToken')]))
    // A task whose job ended since then has another token, or none.
    const held = rows.tasks.filter(isLeased).filter((task) =>
      tokens.get(task.id) === task.leaseToken
    )
    const briefs = await Promise.all(held.map((task) => brief(task, rows)))
    const tasks = briefs.filter((given) => given !== undefined)
    return { tasks, ...(encoders !== undefined && { encoders }) }
  }

  /** A task that cannot even be described fails like one that was tried. */
  async function brief(task: LeasedTask, rows: BriefRows): Promise<TaskBrief | undefined> {
    try {
      return await withDeadline(clock, briefMs, assemble(options, task, rows), () => late(briefMs))
    } catch (error) {
      log.warn('cannot brief a worker', { task_id: task.id, job_id: task.jobId, error })
      const failure = briefFailure(error)
      await engine.send(
        task.id,
        eventJson({ type: 'fail', leaseToken: task.leaseToken, failure }),
      )
      return undefined
    }
  }
}

function late(briefMs: number): Error {
  return new WebEncodeError(
    'WE-STO-004',
    `Cannot say what the task reads: its storages must answer within ${briefMs} ms, and did not`,
  )
}

type LeasedTask = BriefTask & { readonly leaseToken: string }

function isLeased(task: BriefTask): task is LeasedTask {
  return task.leaseToken !== null
}

async function assemble(
  { storage, leaseMs, resolveSource }: ClaimOptions,
  task: LeasedTask,
  rows: BriefRows,
): Promise<TaskBrief> {
  const job = rows.jobs.get(task.jobId)
  if (job === undefined) throw new RangeError(`Task "${task.id}" has no job`)
  const inputs = inputsOf(task, rows.results.get(task.jobId) ?? [])
  const urlOf = async (objectKey: string) => {
    const signed = await storage.getUrl({
      bucket: mediaBucket,
      objectKey,
      expirySeconds: urlSeconds,
      method: 'GET',
      audience: 'worker',
    })
    return signed.url
  }
  const read = [...inputs.inputs, ...(inputs.audio === undefined ? [] : [inputs.audio])]
  const urls = await Promise.all(
    read.map(async ({ object }) => [object.key, await urlOf(object.key)] as const),
  )
  const source = await sourceOf(task, job, { urlOf, resolveSource })
  const { fleetSlots } = rows
  return briefFrom({ task, job, inputs, source, urls: new Map(urls), fleetSlots, leaseMs })
}

/** After the probe, a source without timestamps is read from the copy that the probe made of it. */
export async function sourceOf(
  task: Pick<BriefTask, 'kind'>,
  job: Pick<BriefJob, 'sourceUrl' | 'plan'>,
  { urlOf, resolveSource }: Pick<ClaimOptions, 'resolveSource'> & {
    readonly urlOf: (key: string) => Promise<string>
  },
): Promise<SourceRef> {
  const normalized = task.kind === 'probe' ? undefined : job.plan?.normalized
  if (normalized === undefined) return await resolveSource(job.sourceUrl)
  const name = normalized.key.split('/').at(-1) ?? ''
  return { url: await urlOf(normalized.key), name, isStored: true }
}

/** Why a task that no worker has seen cannot be done. */
function briefFailure(error: unknown): TaskFailure {
  const { code, message, next } = webEncodeErrorFrom(error)
  const isSource = code === 'WE-JOB-002' || code === 'WE-STO-002'
  const kind = isSource ? (next === 'stop' ? 'invalid-input' : 'source-unavailable') : 'internal'
  return { kind, code, message: message.slice(0, 2000) }
}
