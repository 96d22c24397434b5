/** The stitch task: chunks and audio into the final file, by copying; every packet is compared. */
import { writeFile } from 'node:fs/promises'
import type { TaskInput } from '../../kernel/contract/task.ts'
import { concatList, stitchArguments } from '../ffmpeg/arguments.ts'
import { containerRows } from '../ffmpeg/containers.ts'
import { readDecoderConfig } from '../ffmpeg/decoder-config.ts'
import { encoderRows } from '../ffmpeg/encoders.ts'
import { wrongOutput } from '../ffmpeg/failure.ts'
import { joinedProblem } from '../ffmpeg/packet-checks.ts'
import type { PacketTrack } from '../ffmpeg/packet-list.ts'
import { checkFile } from './check-file.ts'
import { TaskFailed } from './context.ts'
import type { TaskContext, TaskHandler } from './context.ts'
import { outputName } from './output-name.ts'
import { encodedVideo, planOf, rangesOf, videoOf } from './plan-facts.ts'
import { createTools } from './tool.ts'
import type { Tools } from './tool.ts'

const madeList = 'made.packets'
const listFile = 'chunks.ffconcat'

/** Joins the chunks with the audio, checks and publishes the final file. */
export const stitch: TaskHandler = async (context) => {
  const { brief } = context
  const { container } = brief.profile
  const tools = createTools(context)
  const paths = await Promise.all(brief.inputs.map((input) => context.input(input)))
  await refuseMixedDecoders(brief.inputs, paths)
  const audio = brief.audio === undefined ? undefined : await context.input(brief.audio)
  const name = outputName(brief.source.name, containerRows[container].extension)
  if (paths.length > 0) await writeList(context, tools, paths)
  const packetFilter = paths.length > 0
    ? encoderRows[encodedVideo(brief).codec].packetFilter
    : undefined
  const { wallMs } = await tools.run({
    arguments: stitchArguments({
      ...(paths.length > 0 && { list: tools.path(listFile), ...videoOptions(context) }),
      ...(audio !== undefined && { audio }),
      ...(packetFilter !== undefined && { packetFilter }),
      container,
      ticksPerSecond: paths.length > 0 ? videoOf(brief).timeBase.den : 1,
      output: name,
      packetList: madeList,
    }),
    action: 'join the chunks',
    inputs: [...paths, ...(audio === undefined ? [] : [audio]), tools.path(listFile)],
    outputs: [name, madeList],
    expected: { durationSeconds: planOf(brief).durationSeconds },
    progress: [0, 0.7],
  })
  const made = await tools.packetList(madeList)
  if (paths.length > 0) refuseWrongVideo(context, made[0])
  await checkFile(tools, {
    what: 'The joined file',
    file: name,
    made,
    ...(packetFilter !== undefined && { packetFilter }),
    tolerance: containerRows[container].tolerance,
  })
  context.progress(1)
  const { contentType } = containerRows[container]
  return {
    kind: 'stitch',
    object: await context.publish(tools.path(name), name, contentType),
    frames: made.find((track) => track.type === 'video')?.packets.length ?? 0,
    durationSeconds: planOf(brief).durationSeconds,
    encodeMs: wallMs,
  }
}

async function writeList(
  context: TaskContext,
  tools: Tools,
  paths: readonly string[],
): Promise<void> {
  const ranges = rangesOf(context.brief)
  const chunks = paths.map((path, index) => {
    const range = ranges[index]
    const isLast = range === undefined || range.endTick === null
    return { path, ...(!isLast && { durationSeconds: range.durationSeconds }) }
  })
  await writeFile(tools.path(listFile), concatList(chunks))
}

function videoOptions({ brief }: TaskContext): { mp4Tag?: string } {
  const { mp4Tag } = encoderRows[encodedVideo(brief).codec]
  return mp4Tag === undefined ? {} : { mp4Tag }
}

/**
 * One file has one set of decoder parameters, so all chunks must have been made with the same. Workers with
 * other builds of an encoder may differ: their chunks are made again.
 */
async function refuseMixedDecoders(
  inputs: readonly TaskInput[],
  paths: readonly string[],
): Promise<void> {
  const configs = await Promise.all(paths.map(readDecoderConfig))
  const redo = inputs.filter((_, index) => configs[index] !== configs[0])
  if (redo.length === 0) return
  throw new TaskFailed({
    kind: 'damaged-input',
    code: 'WE-JOB-008',
    message:
      `${redo.length} of ${inputs.length} chunks were made by another build of the encoder and cannot ` +
      'be joined with the first.',
    redo: redo.map((input) => input.taskId),
  })
}

function refuseWrongVideo({ brief }: TaskContext, track: PacketTrack | undefined): void {
  const { timeBase } = videoOf(brief)
  const problem = track ? joinedProblem(track, rangesOf(brief), timeBase) : 'it has no video'
  if (problem !== undefined) throw new TaskFailed(wrongOutput('The joined file', problem))
}
