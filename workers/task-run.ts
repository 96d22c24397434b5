/** One attempt at a task: its directory, its source, its handler, and whatever comes out of them. */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../kernel/clock.ts'
import type { EncoderEngine } from '../kernel/contract/encoder.ts'
import type { EncoderRouting } from '../kernel/contract/encoder-routing.ts'
import type { TaskInput, TaskKind, TaskResult } from '../kernel/contract/task.ts'
import type { ReportRequest } from '../kernel/contract/worker.ts'
import type { Log } from '../kernel/log.ts'
import { taskFailureFrom } from './failure.ts'
import type { Lease } from './lease.ts'
import type { SourceProxy } from './source-proxy.ts'
import type { TaskLog } from './task-log.ts'
import { localSource, type OpenSource, openSource } from './source.ts'
import { type TaskContext, TaskFailed, type TaskHandler } from './tasks/context.ts'
import { DamagedObject, type ObjectLease, type WorkerObjects } from './transfer.ts'

/** After a task was told to stop, its handler has this long to end; then it is given up. */
const stopGraceMs = 30_000

/** What every task of a worker uses. */
export interface TaskTools {
  readonly encoder: EncoderEngine
  /** Told with every task what the kernel says of encoders. @default the encoder needs no telling */
  readonly followEncoders?: (routing: EncoderRouting) => void
  readonly handlers: Readonly<Record<TaskKind, TaskHandler>>
  readonly objects: WorkerObjects
  readonly sources: SourceProxy
  /** Directory of this worker alone. */
  readonly workDirectory: string
  readonly clock: Clock
  readonly log: Log
}

/** How an attempt ended. A lost one has nothing to report. */
export type TaskOutcome = ReportRequest['outcome'] | { readonly status: 'lost' }

/**
 * Runs the handler of a lease to its end. Never throws; afterwards the directory and the source's URL are gone.
 * @param onProgress - called when the lease's progress changed
 */
export async function runTask(
  lease: Lease,
  tools: TaskTools,
  taskLog: TaskLog,
  onProgress: () => void,
): Promise<TaskOutcome> {
  const { brief } = lease
  const directory = join(tools.workDirectory, lease.name)
  const cancelTimeout = tools.clock.after(brief.timeoutMs, () => lease.stop('timedOut'))
  taskLog.record(`For request ${brief.correlationId}`)
  let source: OpenSource | undefined
  try {
    lease.signal.throwIfAborted()
    if (brief.encoders !== undefined) tools.followEncoders?.(brief.encoders)
    await makeEmpty(directory)
    source = openSource(brief.source, tools, objectLeaseOf(lease))
    if (source.proxied !== undefined && !(await readsNetwork(tools.encoder))) {
      source = await localSource(source, directory, lease.signal)
    }
    // A handler hears of a stop only by the event, which may have been meanwhile.
    lease.signal.throwIfAborted()
    const context = contextOf(lease, tools, { directory, source, taskLog, onProgress })
    const result = await untilGivenUp(
      tools.handlers[brief.params.kind](context),
      lease,
      tools.clock,
    )
    return lease.ended === 'lost' ? { status: 'lost' } : finishedWith(result, brief.params.kind)
  } catch (thrown) {
    return outcomeOf(thrown, lease, tools.log, source?.proxied?.failure())
  } finally {
    cancelTimeout()
    if (source?.proxied !== undefined) {
      taskLog.record(`Read ${source.proxied.bytes()} bytes of the source over the network`)
      source.proxied.close()
    }
    tools.objects.release(objectLeaseOf(lease))
    await removeDirectory(directory, tools.log)
  }
}

/** Mostly there is nothing to remove: one step then, not two. */
async function makeEmpty(directory: string): Promise<void> {
  try {
    await mkdir(directory)
  } catch {
    await rm(directory, { recursive: true, force: true })
    await mkdir(directory, { recursive: true })
  }
}

function objectLeaseOf({ brief: { taskId, leaseToken }, signal }: Lease): ObjectLease {
  return { taskId, leaseToken, signal }
}

/** The WebAssembly build of FFmpeg sees local files only. */
async function readsNetwork(encoder: EncoderEngine): Promise<boolean> {
  return (await encoder.getCapabilities()).name !== 'wasm'
}

interface Surroundings {
  readonly directory: string
  readonly source: OpenSource
  readonly taskLog: TaskLog
  readonly onProgress: () => void
}

function contextOf(lease: Lease, tools: TaskTools, around: Surroundings): TaskContext {
  const { brief, signal } = lease
  const { taskId, jobId, correlationId } = brief
  return {
    brief,
    signal,
    encoder: tools.encoder,
    directory: around.directory,
    sourceInput: around.source.input,
    log: tools.log.child({ task_id: taskId, job_id: jobId, correlation_id: correlationId }),
    input: (input) => readInput(input, tools.objects, objectLeaseOf(lease)),
    async publish(file, name, contentType) {
      signal.throwIfAborted()
      const key = `${brief.outputPrefix.replace(/\/$/, '')}/${name}`
      lease.published.push(key)
      return await tools.objects.put(key, file, contentType, objectLeaseOf(lease))
    },
    progress(fraction, facts) {
      lease.advance(fraction, facts)
      around.onProgress()
    },
    record: (line) => around.taskLog.record(line),
  }
}

async function readInput(
  input: TaskInput,
  objects: WorkerObjects,
  lease: ObjectLease,
): Promise<string> {
  try {
    return await objects.read(input, lease)
  } catch (failure) {
    if (!(failure instanceof DamagedObject)) throw failure
    const { message } = failure
    const redo = [input.taskId]
    throw new TaskFailed({ kind: 'damaged-input', code: 'WE-STO-001', message, redo }, failure)
  }
}

/** The handler's result; after the task was told to stop, waits for the handler only so long. */
async function untilGivenUp(
  run: Promise<TaskResult>,
  lease: Lease,
  clock: Clock,
): Promise<TaskResult> {
  const { promise: givenUp, reject } = Promise.withResolvers<never>()
  let cancel = () => {}
  const onStop = () => {
    cancel = clock.after(stopGraceMs, () => reject(new Error('The task did not stop when told to')))
  }
  lease.signal.addEventListener('abort', onStop, { once: true })
  try {
    return await Promise.race([run, givenUp])
  } finally {
    lease.signal.removeEventListener('abort', onStop)
    cancel()
  }
}

function finishedWith(result: TaskResult, kind: TaskKind): TaskOutcome {
  if (result.kind === kind) return { status: 'finished', result }
  throw new Error(`The handler of ${kind} answered the result of ${result.kind}`)
}

function outcomeOf(thrown: unknown, lease: Lease, log: Log, sourceFailure?: string): TaskOutcome {
  if (lease.ended === 'lost') return { status: 'lost' }
  if (lease.ended === 'drained') return { status: 'released' }
  const failure = lease.ended === 'timedOut'
    ? taskFailureFrom(lease.signal.reason)
    : taskFailureFrom(thrown, sourceFailure)
  const level = failure.kind === 'internal' ? 'error' : 'warn'
  log[level]('a task failed', { task_id: lease.brief.taskId, failure: failure.kind, error: thrown })
  return { status: 'failed', failure }
}

async function removeDirectory(directory: string, log: Log): Promise<void> {
  try {
    await rm(directory, { recursive: true, force: true, maxRetries: 3, retryDelay: 100 })
  } catch (error) {
    log.error('cannot remove the directory of a task', { directory, error })
  }
}
