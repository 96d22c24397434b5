/** Proves that a file on disk is what the encoder made, and that it can be decoded. */
import { readBackArguments } from '../ffmpeg/check-arguments.ts'
import { failureFrom, wrongOutput } from '../ffmpeg/failure.ts'
import { exactTimes } from '../ffmpeg/containers.ts'
import { readBackProblem } from '../ffmpeg/packet-checks.ts'
import type { TimeTolerance } from '../ffmpeg/packet-checks.ts'
import type { PacketTrack } from '../ffmpeg/packet-list.ts'
import { TaskFailed } from './context.ts'
import type { ToolOrder, Tools } from './tool.ts'

/** What is checked. */
export interface FileCheck {
  /** Begins the sentence of a failure, e.g. `Chunk 3`. */
  readonly what: string
  /** Name of the file in the task's directory. */
  readonly file: string
  /** The packets as they left the encoder, before they were written. */
  readonly made: readonly PacketTrack[]
  readonly packetFilter?: string
  /** What is decoded beside. @default nothing */
  readonly decode?: 'all' | 'keyframes'
  /** What the container does to times. @default nothing */
  readonly tolerance?: TimeTolerance
}

const readList = 'read.packets'

/** Reads the file back and compares. @throws TaskFailed `wrong-output` when anything differs */
export async function checkFile(tools: Tools, check: FileCheck): Promise<PacketTrack[]> {
  await runCheck(tools, check.what, {
    arguments: readBackArguments({
      file: check.file,
      packetList: readList,
      ...(check.packetFilter !== undefined && { packetFilter: check.packetFilter }),
      ...(check.decode !== undefined && { decode: check.decode }),
    }),
    action: `check ${check.what}`,
    inputs: [tools.path(check.file)],
    outputs: [readList],
  })
  const read = await tools.packetList(readList)
  const problem = readBackProblem(check.made, read, check.tolerance ?? exactTimes)
  if (problem !== undefined) throw new TaskFailed(wrongOutput(check.what, problem))
  return read
}

/** Runs a check: that FFmpeg fails at the file is a verdict on the file, unless the machine is to blame. */
export async function runCheck(tools: Tools, what: string, order: ToolOrder): Promise<void> {
  const outcome = await tools.attempt(order)
  if (outcome.status === 'finished') return
  const failure = failureFrom(outcome, { action: order.action })
  if (failure.kind !== 'encoder') throw new TaskFailed(failure)
  const detail = failure.detail === undefined ? {} : { detail: failure.detail }
  throw new TaskFailed({
    ...wrongOutput(what, 'it cannot be read and decoded without errors'),
    ...detail,
  })
}
