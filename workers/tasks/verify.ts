/** The verify task: the last look at the final file, as a player would take it. */
import { basename } from 'node:path'
import type { TaskBrief } from '../../kernel/contract/task.ts'
import { inspectArguments } from '../ffmpeg/check-arguments.ts'
import type { Window } from '../ffmpeg/check-arguments.ts'
import { containerRows } from '../ffmpeg/containers.ts'
import { wrongOutput } from '../ffmpeg/failure.ts'
import { endSecondsOf, startSecondsOf } from '../ffmpeg/packet-list.ts'
import type { PacketTrack } from '../ffmpeg/packet-list.ts'
import { orderProblem } from '../ffmpeg/packet-checks.ts'
import { runCheck } from './check-file.ts'
import { TaskFailed } from './context.ts'
import type { TaskHandler } from './context.ts'
import { onlyInputOf, planOf } from './plan-facts.ts'
import { createTools } from './tool.ts'

const readList = 'read.packets'
/** Seconds decoded at the start and at the end. */
const windowSeconds = 1
/** Encoders' priming and one video frame: what audio may begin before or after the video. */
const startToleranceSeconds = 0.1
const endToleranceSeconds = 0.5
/** Of the length: the last frame of a variable frame rate has no length of its own. */
const endToleranceShare = 0.25

/** Checks the final file and answers the outputs of the job. */
export const verify: TaskHandler = async (context) => {
  const { brief } = context
  const tools = createTools(context)
  const input = onlyInputOf(brief)
  const file = await context.input(input)
  const plan = planOf(brief)
  const windows = brief.profile.video.codec === 'copy' ? [] : windowsOf(plan.durationSeconds)
  await runCheck(tools, 'The result', {
    arguments: inspectArguments(file, readList, windows),
    action: 'read the result',
    inputs: [file],
    outputs: [readList],
    expected: { durationSeconds: plan.durationSeconds },
    progress: [0, 1],
  })
  const tracks = await tools.packetList(readList)
  const problem = resultProblem(tracks, brief)
  if (problem !== undefined) throw new TaskFailed(wrongOutput('The result', problem))
  context.progress(1)
  const { key, sizeBytes, sha256 } = input
  return {
    kind: 'verify',
    outputs: [{
      name: basename(key),
      type: 'final',
      object: { key, sizeBytes, sha256 },
      contentType: containerRows[brief.profile.container].contentType,
    }],
    report: {
      ...reportFrom(tracks),
      decodedSeconds: Math.min(plan.durationSeconds, secondsOf(windows)),
      sizeBytes,
    },
  }
}

/** What is wrong with the tracks of the final file, if anything. */
export function resultProblem(
  tracks: readonly PacketTrack[],
  brief: TaskBrief,
): string | undefined {
  const plan = planOf(brief)
  const video = tracks.find((track) => track.type === 'video')
  const sound = tracks.filter((track) => track.type === 'audio')
  const wanted = plan.source.audio.length
  if (sound.length !== wanted) return `it has ${sound.length} audio tracks instead of ${wanted}`
  if ((plan.source.video === undefined) !== (video === undefined)) {
    return video ? 'it has a video that was not asked for' : 'it has no video'
  }
  const isCopy = brief.profile.video.codec === 'copy'
  const problem = video && videoProblem(video, plan, isCopy)
  // What is copied keeps whatever order it had.
  if (problem !== undefined || isCopy) return problem
  const disorder = firstProblem(tracks.map(({ packets }) => orderProblem(packets)))
  if (disorder !== undefined || brief.profile.audio.codec === 'copy') return disorder
  return firstProblem(sound.map((track) => soundProblem(track, startSecondsOf(video), plan)))
}

function firstProblem(problems: readonly (string | undefined)[]): string | undefined {
  return problems.find((problem) => problem !== undefined)
}

type Plan = ReturnType<typeof planOf>

function videoProblem(video: PacketTrack, plan: Plan, isCopy: boolean): string | undefined {
  const frames = video.packets.length
  // A copy also keeps frames that the source hides or that need what came before it.
  const isComplete = isCopy ? frames >= plan.totalFrames : frames === plan.totalFrames
  if (!isComplete) return `it holds ${frames} frames instead of ${plan.totalFrames}`
  const seconds = endSecondsOf(video) - startSecondsOf(video)
  const difference = seconds - plan.durationSeconds
  const isShort =
    -difference > Math.max(endToleranceSeconds, plan.durationSeconds * endToleranceShare)
  if (!isCopy && (isShort || difference > endToleranceSeconds)) {
    return `its video lasts ${seconds.toFixed(2)} s instead of ${plan.durationSeconds.toFixed(2)} s`
  }
  return undefined
}

function soundProblem(
  track: PacketTrack,
  videoStart: number,
  plan: Plan,
): string | undefined {
  const start = startSecondsOf(track) - videoStart
  if (track.packets.length === 0) return 'an audio track is empty'
  if (Math.abs(start) > startToleranceSeconds) {
    return `its audio begins ${start.toFixed(3)} s after the video`
  }
  const longest = Math.max(plan.durationSeconds, plan.source.durationSeconds) + 1
  const end = endSecondsOf(track)
  return end > longest ? `its audio lasts ${end.toFixed(2)} s, longer than the source` : undefined
}

/** The start and the end; all of what is short. A copy keeps whatever its source had, so it is not judged. */
function windowsOf(durationSeconds: number): Window[] {
  const isLong = durationSeconds > 2 * windowSeconds
  if (!isLong) return [{ fromSeconds: 0, seconds: durationSeconds + 1 }]
  return [0, durationSeconds - windowSeconds]
    .map((fromSeconds) => ({ fromSeconds, seconds: windowSeconds }))
}

function secondsOf(windows: readonly Window[]): number {
  return windows.reduce((sum, window) => sum + window.seconds, 0)
}

function reportFrom(tracks: readonly PacketTrack[]) {
  const video = tracks.find((track) => track.type === 'video')
  const sound = tracks.filter((track) => track.type === 'audio')
  return {
    frames: video?.packets.length ?? 0,
    videoSeconds: video ? endSecondsOf(video) - startSecondsOf(video) : 0,
    audioTracks: sound.length,
    audioSeconds: Math.max(0, ...sound.map(endSecondsOf)),
  }
}
