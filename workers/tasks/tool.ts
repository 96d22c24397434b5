/** Runs FFmpeg for one task: within its time, its directory and its signal, with failures typed. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EncoderOutcome, EncoderRun } from '../../kernel/contract/encoder.ts'
import { failureFrom } from '../ffmpeg/failure.ts'
import { parsePacketList } from '../ffmpeg/packet-list.ts'
import type { PacketTrack } from '../ffmpeg/packet-list.ts'
import type { TaskContext } from './context.ts'
import { TaskFailed } from './context.ts'

/** One run. */
export interface ToolOrder {
  /** @default 'ffmpeg' */
  readonly tool?: EncoderRun['tool']
  /** The encoder that the arguments name. */
  readonly videoCodec?: string
  readonly arguments: readonly string[]
  /** Completes "FFmpeg could not …". */
  readonly action: string
  /** The run reads the source: over the network when it is there, and failures may be its fault. */
  readonly readsSource?: boolean
  /** Other local files that it reads. */
  readonly inputs?: readonly string[]
  /** Files that it writes, by name in the task's directory. */
  readonly outputs?: readonly string[]
  readonly expected?: EncoderRun['expected']
  /** Share of the task's progress that this run is. */
  readonly progress?: readonly [from: number, to: number]
}

export type FinishedOutcome = Extract<EncoderOutcome, { status: 'finished' }>

/** FFmpeg in the hands of one task. */
export interface Tools {
  /** Runs to the end. @throws TaskFailed unless it finished */
  run(order: ToolOrder): Promise<FinishedOutcome>
  /** Runs to the end, however that is. */
  attempt(order: ToolOrder): Promise<EncoderOutcome>
  /** The packet list that a run wrote; empty when it did not come to that. */
  packetList(name: string): Promise<PacketTrack[]>
  /** Full path of a file in the task's directory. */
  path(name: string): string
}

/** A day of 60 frames a second lists about 100 MB of packets. */
const packetOutputBytes = 256 * 1024 * 1024
const shortestRunMs = 1000

/** Creates the tools of a task. Its time limit starts now and is shared by all runs. */
export function createTools(context: TaskContext): Tools {
  const { brief, directory, sourceInput, signal } = context
  const deadline = performance.now() + brief.timeoutMs

  async function attempt(order: ToolOrder): Promise<EncoderOutcome> {
    const { tool = 'ffmpeg', readsSource = false } = order
    const run: EncoderRun = {
      taskId: brief.taskId,
      correlationId: brief.correlationId,
      tool,
      arguments: order.arguments,
      inputs: [
        ...new Set([...(readsSource ? [sourceInput] : []), ...(order.inputs ?? [])]),
      ].filter((input) => !isRemote(input)),
      outputs: (order.outputs ?? []).map((name) => join(directory, name)),
      workingDirectory: directory,
      timeoutMs: Math.max(shortestRunMs, deadline - performance.now()),
      network: readsSource && isRemote(sourceInput),
      ...(order.videoCodec !== undefined && { videoCodec: order.videoCodec }),
      ...(order.expected && { expected: order.expected }),
      ...(tool === 'ffprobe' && { maxOutputBytes: packetOutputBytes }),
    }
    const outcome = await context.encoder.run(run, {
      signal,
      onProgress: (progress) => report(context, order, progress),
    })
    context.record(describeRun(run, outcome, sourceInput))
    return outcome
  }

  return {
    attempt,
    async run(order) {
      const outcome = await attempt(order)
      if (outcome.status === 'finished' && !hasLostOutput(outcome.stderr)) return outcome
      const failed = outcome.status === 'finished'
        ? { ...outcome, status: 'failed', exitCode: 0, signal: null } as const
        : outcome
      const source = order.readsSource ? { source: sourceInput } : {}
      throw new TaskFailed(failureFrom(failed, { action: order.action, ...source }))
    },
    packetList: async (name) => parsePacketList(await readIfThere(join(directory, name))),
    path: (name) => join(directory, name),
  }
}

/** FFmpeg exits with 0 when one of several outputs could not be written. */
function hasLostOutput(stderr: string): boolean {
  return /Slave muxer #\d+ failed|Error writing trailer|av_interleaved_write_frame\(\)/.test(stderr)
}

/** Whether the source is read over the network. */
export function isRemote(sourceInput: string): boolean {
  return /^https?:\/\//.test(sourceInput)
}

function report(
  context: TaskContext,
  { progress: share }: ToolOrder,
  progress: { fraction?: number; fps?: number; speed?: number },
): void {
  if (share === undefined || progress.fraction === undefined) return
  const [from, to] = share
  const { fps, speed } = progress
  context.progress(from + (to - from) * progress.fraction, {
    ...(fps !== undefined && { fps }),
    ...(speed !== undefined && { speed }),
  })
}

/** The run as a person would type it, how it ended, and what it complained about. */
function describeRun(run: EncoderRun, outcome: EncoderOutcome, sourceInput: string): string {
  const quoted = run.arguments.map((text) => /[^\w@%+=:,./-]/.test(text) ? `'${text}'` : text)
  const command = [run.tool, ...quoted].join(' ')
  const complaint = outcome.stderr.trim().slice(-2000)
  const text = `$ ${command}\n${outcome.status} after ${outcome.wallMs} ms` +
    (complaint === '' ? '' : `\n${complaint}`)
  return isRemote(sourceInput) ? text.replaceAll(sourceInput, '<source>') : text
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw failure
  }
}
