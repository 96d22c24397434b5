/** The audio task: every track, whole, in one file; encoding it in chunks would leave silence at the seams. */
import type { TaskResult } from '../../kernel/contract/task.ts'
import { audioArguments, audioCopyArguments } from '../ffmpeg/arguments.ts'
import { readBackArguments } from '../ffmpeg/check-arguments.ts'
import { canHold } from '../ffmpeg/containers.ts'
import { invalidInput, wrongOutput } from '../ffmpeg/failure.ts'
import { orderProblem } from '../ffmpeg/packet-checks.ts'
import { endSecondsOf, secondsFrom } from '../ffmpeg/packet-list.ts'
import type { PacketTrack } from '../ffmpeg/packet-list.ts'
import { checkFile, runCheck } from './check-file.ts'
import { TaskFailed } from './context.ts'
import type { TaskContext, TaskHandler } from './context.ts'
import { planOf } from './plan-facts.ts'
import { createTools } from './tool.ts'
import type { Tools } from './tool.ts'

const madeList = 'made.packets'
const sourceList = 'source.packets'
const readList = 'read.packets'
/** Share of the task that is encoding; the rest is checking. */
const encodeShare = 0.97
/** A track may end this much before its source does: the last frame, and the resampler's tail. */
const shortestMissSeconds = 0.5
const missShare = 0.01

/** A finished audio file in the task's directory. */
interface AudioFile {
  readonly name: string
  readonly contentType: string
  readonly tracks: readonly PacketTrack[]
  readonly wallMs: number
}

/** Encodes (or copies) the audio, checks and publishes it. */
export const audio: TaskHandler = async (context): Promise<TaskResult> => {
  const tools = createTools(context)
  const isCopy = context.brief.profile.audio.codec === 'copy'
  const file = isCopy ? await copy(context, tools) : await encode(context, tools)
  context.progress(1)
  return {
    kind: 'audio',
    object: await context.publish(tools.path(file.name), file.name, file.contentType),
    frames: 0,
    durationSeconds: Math.max(0, ...file.tracks.map(endSecondsOf)),
    encodeMs: file.wallMs,
  }
}

async function encode(context: TaskContext, tools: Tools): Promise<AudioFile> {
  const { brief, sourceInput } = context
  const { source, firstSeconds } = planOf(brief)
  const name = 'audio.m4a'
  const { wallMs, stderr } = await tools.run({
    arguments: audioArguments({
      source: sourceInput,
      tracks: source.audio,
      settings: brief.profile.audio,
      firstSeconds,
      output: name,
      packetList: madeList,
      sourceList,
    }),
    action: 'encode the audio',
    readsSource: true,
    outputs: [name, madeList, sourceList],
    expected: { durationSeconds: source.durationSeconds },
    progress: [0, encodeShare],
  })
  const tracks = await tools.packetList(madeList)
  refuseShort(context, tracks, await tools.packetList(sourceList), stderr)
  refuseUnordered(tracks)
  await checkFile(tools, { what: 'The audio', file: name, made: tracks })
  return { name, contentType: 'audio/mp4', tracks, wallMs }
}

/** MP4 keeps the exact start of a track, which Matroska rounds: that is for codecs that MP4 does not take. */
async function copy(context: TaskContext, tools: Tools): Promise<AudioFile> {
  const { source, firstSeconds } = planOf(context.brief)
  const fitsMp4 = source.audio.every(({ codec }) => canHold('mp4', 'audio', codec))
  const name = fitsMp4 ? 'audio.m4a' : 'audio.mka'
  const { wallMs } = await tools.run({
    arguments: audioCopyArguments({
      source: context.sourceInput,
      tracks: source.audio,
      firstSeconds,
      muxer: fitsMp4 ? 'mp4' : 'matroska',
      output: name,
      sourceList,
    }),
    action: 'copy the audio',
    readsSource: true,
    outputs: [name, sourceList],
    expected: { durationSeconds: source.durationSeconds },
    progress: [0, encodeShare],
  })
  await runCheck(tools, 'The audio', {
    arguments: readBackArguments({ file: name, packetList: readList }),
    action: 'check the audio',
    inputs: [tools.path(name)],
    outputs: [readList],
  })
  const tracks = await tools.packetList(readList)
  refuseMissing(tracks, await tools.packetList(sourceList), firstSeconds)
  return { name, contentType: fitsMp4 ? 'audio/mp4' : 'audio/x-matroska', tracks, wallMs }
}

/** A track that ends long before its source does could not be decoded to its end. */
function refuseShort(
  { brief, sourceInput }: TaskContext,
  made: readonly PacketTrack[],
  source: readonly PacketTrack[],
  stderr: string,
): void {
  const plan = planOf(brief)
  for (const [index, { streamIndex }] of plan.source.audio.entries()) {
    const [ours, theirs] = [made[index], source[index]]
    if (ours === undefined || theirs === undefined) {
      throw new TaskFailed(wrongOutput('The audio', `track ${streamIndex} is missing`))
    }
    const wanted = endSecondsOf(theirs) - plan.firstSeconds
    const found = endSecondsOf(ours)
    if (wanted - found > Math.max(shortestMissSeconds, wanted * missShare)) {
      throw new TaskFailed(invalidInput(
        `The audio of the source is damaged: track ${streamIndex} can be decoded up to ` +
          `${found.toFixed(1)} s of ${wanted.toFixed(1)} s.`,
        stderr,
        sourceInput,
      ))
    }
  }
}

function refuseUnordered(made: readonly PacketTrack[]): void {
  for (const { packets } of made) {
    const problem = orderProblem(packets)
    if (problem !== undefined) throw new TaskFailed(wrongOutput('The audio', problem))
  }
}

/** What ended before the first picture is cut off by the copy's edit list. */
function refuseMissing(
  read: readonly PacketTrack[],
  source: readonly PacketTrack[],
  firstSeconds: number,
): void {
  for (const [index, { packets, timeBase }] of source.entries()) {
    const found = read[index]?.packets.length ?? 0
    const audible = packets.filter(({ pts, duration }) =>
      secondsFrom(pts + duration, timeBase) > firstSeconds
    ).length
    // The packet that the cut goes through may be kept or not.
    if (found >= audible - 1 && found <= packets.length && found > 0) continue
    const problem = `track ${index} holds ${found} packets instead of ${audible}`
    throw new TaskFailed(wrongOutput('The audio', problem))
  }
}
