/** The audio task: every track, whole, in one file; encoding it in chunks would leave silence at the seams. */
import type { AudioFacts } from '../../kernel/contract/media.ts'
import { audioArguments } from '../ffmpeg/arguments.ts'
import { invalidInput, wrongOutput } from '../ffmpeg/failure.ts'
import { orderProblem } from '../ffmpeg/packet-checks.ts'
import { endSecondsOf } from '../ffmpeg/packet-list.ts'
import type { PacketTrack } from '../ffmpeg/packet-list.ts'
import { checkFile } from './check-file.ts'
import { TaskFailed } from './context.ts'
import type { TaskHandler } from './context.ts'
import { planOf } from './plan-facts.ts'
import { createTools } from './tool.ts'

const madeList = 'made.packets'
const sourceList = 'source.packets'
/** A track may end this much before its source does: the last frame, and the resampler's tail. */
const shortestMissSeconds = 0.5
const missShare = 0.01
/** Matroska, which copied tracks are kept in, counts milliseconds. */
const copyToleranceSeconds = 0.001

/** Encodes (or copies) the audio, checks and publishes it. */
export const audio: TaskHandler = async (context) => {
  const { brief, sourceInput } = context
  const plan = planOf(brief)
  const tracks = plan.source.audio
  const isCopy = brief.profile.audio.codec === 'copy'
  const name = isCopy ? 'audio.mka' : 'audio.m4a'
  const tools = createTools(context)
  const { wallMs, stderr } = await tools.run({
    arguments: audioArguments({
      source: sourceInput,
      tracks,
      settings: brief.profile.audio,
      firstSeconds: plan.firstSeconds,
      output: name,
      packetList: madeList,
      sourceList,
    }),
    action: 'encode the audio',
    readsSource: true,
    outputs: [name, madeList, sourceList],
    expected: { durationSeconds: plan.source.durationSeconds },
    progress: [0, 0.97],
  })
  const made = await tools.packetList(madeList)
  const source = await tools.packetList(sourceList)
  refuseShort(tracks, made, source, plan.firstSeconds, stderr)
  refuseUnordered(made)
  await checkFile(tools, {
    what: 'The audio',
    file: name,
    made,
    toleranceSeconds: isCopy ? copyToleranceSeconds : 0,
  })
  context.progress(1)
  return {
    kind: 'audio',
    object: await context.publish(
      tools.path(name),
      name,
      isCopy ? 'audio/x-matroska' : 'audio/mp4',
    ),
    frames: 0,
    durationSeconds: Math.max(0, ...made.map(endSecondsOf)),
    encodeMs: wallMs,
  }
}

/** A track that ends long before its source does could not be decoded to its end. */
function refuseShort(
  tracks: readonly AudioFacts[],
  made: readonly PacketTrack[],
  source: readonly PacketTrack[],
  firstSeconds: number,
  stderr: string,
): void {
  for (const [index, { streamIndex }] of tracks.entries()) {
    const [ours, theirs] = [made[index], source[index]]
    if (ours === undefined || theirs === undefined) {
      throw new TaskFailed(wrongOutput('The audio', `track ${streamIndex} is missing`))
    }
    const wanted = endSecondsOf(theirs) - firstSeconds
    const missing = wanted - endSecondsOf(ours)
    if (missing > Math.max(shortestMissSeconds, wanted * missShare)) {
      throw new TaskFailed(invalidInput(
        `The audio of the source is damaged: track ${streamIndex} can be decoded up to ` +
          `${endSecondsOf(ours).toFixed(1)} s of ${wanted.toFixed(1)} s.`,
        stderr,
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
