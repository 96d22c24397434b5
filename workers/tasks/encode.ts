/** The encode task: one chunk of the video, proved to hold exactly its frames before it counts. */
import type { ChunkRange } from '../../kernel/contract/media.ts'
import { chunkArguments } from '../ffmpeg/arguments.ts'
import { encoderRows, isSlow, videoEncoderArguments } from '../ffmpeg/encoders.ts'
import { invalidInput, wrongOutput } from '../ffmpeg/failure.ts'
import { chunkProblem } from '../ffmpeg/packet-checks.ts'
import type { PacketTrack } from '../ffmpeg/packet-list.ts'
import { pictureFilters } from '../ffmpeg/scale.ts'
import { checkFile } from './check-file.ts'
import { TaskFailed } from './context.ts'
import type { TaskContext, TaskHandler } from './context.ts'
import { encodedVideo, paramsOf, planOf, videoOf } from './plan-facts.ts'
import { createTools } from './tool.ts'

/** Share of the task that is encoding; the rest is checking. */
const encodeShare = 0.97
const madeList = 'made.packets'

/** Encodes one chunk, checks and publishes it. */
export const encode: TaskHandler = async (context) => {
  const { brief } = context
  const { range } = paramsOf(brief, 'encode')
  const tools = createTools(context)
  const name = `chunk-${String(range.index).padStart(5, '0')}.mp4`
  const { wallMs, stderr } = await tools.run({
    videoCodec: encodedVideo(brief).codec,
    arguments: argumentsFor(context, range, name),
    action: `encode chunk ${range.index}`,
    readsSource: true,
    outputs: [name, madeList],
    expected: { frames: range.frames },
    progress: [0, encodeShare],
  })
  const made = await tools.packetList(madeList)
  refuseWrongFrames(context, range, made[0], stderr)
  const video = encodedVideo(brief)
  await checkFile(tools, {
    what: `Chunk ${range.index}`,
    file: name,
    made,
    packetFilter: encoderRows[video.codec].packetFilter,
    decode: isSlow(video) ? 'all' : 'keyframes',
  })
  context.progress(1)
  return {
    kind: 'encode',
    object: await context.publish(tools.path(name), name, 'video/mp4'),
    frames: range.frames,
    durationSeconds: range.durationSeconds,
    encodeMs: wallMs,
  }
}

function argumentsFor(context: TaskContext, range: ChunkRange, output: string): string[] {
  const { brief, sourceInput } = context
  const source = videoOf(brief)
  const video = encodedVideo(brief)
  return chunkArguments({
    source: sourceInput,
    streamIndex: source.streamIndex,
    range,
    filters: pictureFilters(source, video),
    encoder: videoEncoderArguments(video, planOf(brief).threads, source.averageFps),
    ticksPerSecond: source.timeBase.den,
    packetFilter: encoderRows[video.codec].packetFilter,
    output,
    packetList: madeList,
  })
}

/** Frames that are missing because the source is damaged would be missing again; others may not be. */
function refuseWrongFrames(
  context: TaskContext,
  range: ChunkRange,
  made: PacketTrack | undefined,
  stderr: string,
): void {
  const { timeBase } = videoOf(context.brief)
  const track = made ?? { timeBase, type: 'video', packets: [] }
  const problem = chunkProblem(track, range, timeBase)
  if (problem === undefined) return
  const { sourceInput } = context
  if (/Input\/output error|Stream ends prematurely|Connection (reset|timed)/.test(stderr)) {
    throw new TaskFailed({
      kind: 'source-unavailable',
      code: 'WE-JOB-002',
      message: 'The source cannot be read: the connection to it broke off.',
    })
  }
  if (track.packets.length < range.frames && hasDecoderErrors(stderr)) {
    const from = (range.startTick * timeBase.num) / timeBase.den -
      planOf(context.brief).firstSeconds
    throw new TaskFailed(invalidInput(
      `The source is damaged: of ${range.frames} frames from ${from.toFixed(1)} s to ` +
        `${
          (from + range.durationSeconds).toFixed(1)
        } s only ${track.packets.length} can be decoded.`,
      stderr,
      sourceInput,
    ))
  }
  throw new TaskFailed(wrongOutput(`Chunk ${range.index}`, problem))
}

function hasDecoderErrors(stderr: string): boolean {
  return /Error while decoding|error while decoding|Invalid data found|corrupt|partial file|Invalid NAL/i
    .test(stderr)
}
