/** The probe task: reads the source once without decoding it, and answers the plan of the job. */
import { stat } from 'node:fs/promises'
import type { AudioFacts, EncodePlan, ObjectRef, SourceFacts } from '../../kernel/contract/media.ts'
import type { Profile } from '../../kernel/contract/profile.ts'
import { needsGpu } from '../../kernel/video-codecs.ts'
import {
  normalizeArguments,
  packetArguments,
  probeArguments,
  trialArguments,
  trialList,
} from '../ffmpeg/arguments.ts'
import { canHold } from '../ffmpeg/containers.ts'
import { invalidInput } from '../ffmpeg/failure.ts'
import { parseSourcePackets, secondsFrom } from '../ffmpeg/packet-list.ts'
import type { SourcePacket } from '../ffmpeg/packet-list.ts'
import { parseProbeReport } from '../ffmpeg/probe-report.ts'
import type { ProbeReport } from '../ffmpeg/probe-report.ts'
import { truncationOf } from './completeness.ts'
import { TaskFailed } from './context.ts'
import type { TaskContext, TaskHandler } from './context.ts'
import { gridFrom } from './grid.ts'
import { outputName } from './output-name.ts'
import { soundPlanFrom } from './sound-plan.ts'
import { createTools, isRemote } from './tool.ts'
import type { Tools } from './tool.ts'

/** More packets without a time than this share, and the source gets new ones first. */
const untimedShare = 0.01
const mostWarnings = 20

interface Reading {
  readonly report: ProbeReport
  readonly packets: readonly SourcePacket[]
  readonly trial: Trial
}

/** Which streams can be decoded. */
interface Trial {
  readonly decoded: ReadonlySet<number>
  readonly stderr: string
}

/** Plans the job. @throws TaskFailed `invalid-input` with a sentence when the source cannot be used */
export const probe: TaskHandler = async (context) => {
  const tools = createTools(context)
  await refuseMissingEncoder(context)
  await refuseEmpty(context.sourceInput)
  const first = await read(tools, context.sourceInput)
  const untimed = first.packets.filter(({ pts }) => pts === undefined).length
  const isUntimed = untimed > first.packets.length * untimedShare
  const normal = isUntimed ? await normalize(context, tools, first.report.facts) : undefined
  const { report, packets, trial } = normal ?? first
  const usable = usableOf(report, trial)
  refuseUncopyable(usable.facts, context.brief.profile)
  const plan = planFrom(context, usable, packets)
  return { kind: 'probe', plan: normal ? { ...plan, normalized: normal.object } : plan }
}

/** Before hours of work: a GPU's encoder is on another worker, every other one must be on this one. */
async function refuseMissingEncoder({ encoder, brief: { profile } }: TaskContext): Promise<void> {
  const { codec } = profile.video
  if (codec === 'copy' || needsGpu(codec)) return
  const { name, version, videoCodecs } = await encoder.getCapabilities()
  if (videoCodecs.includes(codec)) return
  const what = name === 'wasm' ? 'FFmpeg as WebAssembly' : `FFmpeg ${version}`
  throw new TaskFailed({
    kind: 'invalid-input',
    code: 'WE-JOB-003',
    message:
      `The encoder of this worker (${what}) cannot encode with ${codec}: choose a profile with ` +
      `${
        videoCodecs.includes('libx264') ? 'libx264' : videoCodecs[0] ?? 'source_copy'
      }, or install an FFmpeg that can.`,
  })
}

async function refuseEmpty(sourceInput: string): Promise<void> {
  if (isRemote(sourceInput)) return
  const found = await stat(sourceInput).catch((cause: unknown) => {
    throw new TaskFailed({
      kind: 'source-unavailable',
      code: 'WE-JOB-002',
      message: 'The source cannot be read: there is no such file.',
    }, cause)
  })
  if (found.size === 0) refuse('The source is empty: the file has no bytes.')
}

/** Facts of the source, then its packets and what of it can be decoded, side by side. */
async function read(tools: Tools, source: string): Promise<Reading> {
  const report = await readReport(tools, source)
  const { facts } = report
  const stream = facts.video ?? facts.audio[0]
  if (stream === undefined) refuse('The source has no video and no audio that can be decoded.')
  const streams = [...(facts.video ? [facts.video] : []), ...facts.audio]
  const [packets, trial] = await Promise.allSettled([
    readPackets(tools, source, report, stream.streamIndex),
    decodableStreams(tools, source, streams.map(({ streamIndex }) => streamIndex)),
  ])
  // Both have ended, and what the packets show says more than a failed trial.
  if (packets.status === 'rejected') throw packets.reason
  if (trial.status === 'rejected') throw trial.reason
  return { report, packets: packets.value, trial: trial.value }
}

/** @throws TaskFailed when the source breaks off, or is shorter than it says */
async function readPackets(
  tools: Tools,
  source: string,
  { facts, announcedFrames, timeBase }: ProbeReport,
  streamIndex: number,
): Promise<SourcePacket[]> {
  const { stdout, stderr } = await tools.run({
    tool: 'ffprobe',
    arguments: packetArguments(source, streamIndex),
    action: 'read the packets of the source',
    readsSource: true,
  })
  const packets = parseSourcePackets(stdout)
  if (/Input\/output error|Stream ends prematurely|Connection (reset|timed)/.test(stderr)) {
    throw new TaskFailed({
      kind: 'source-unavailable',
      code: 'WE-JOB-002',
      message: 'The source cannot be read: the connection to it broke off.',
    })
  }
  const truncation = truncationOf({
    format: facts.format,
    announcedSeconds: facts.durationSeconds,
    readSeconds: secondsFrom(lastTickOf(packets), timeBase),
    ...(announcedFrames !== undefined && { announcedFrames }),
    readFrames: packets.length,
    stderr,
  })
  if (truncation !== undefined) refuse(truncation, stderr)
  return packets
}

async function readReport(tools: Tools, source: string): Promise<ProbeReport> {
  const { stdout } = await tools.run({
    tool: 'ffprobe',
    arguments: probeArguments(source),
    action: 'read the source',
    readsSource: true,
  })
  return parseProbeReport(stdout)
}

/** A copy of the source in which every packet has a time; later tasks read it instead. */
async function normalize(
  context: TaskContext,
  tools: Tools,
  facts: SourceFacts,
): Promise<Reading & { path: string; object: ObjectRef }> {
  const name = 'normalized.mkv'
  const streams = [...(facts.video ? [facts.video] : []), ...facts.audio]
  await tools.run({
    arguments: normalizeArguments(
      context.sourceInput,
      streams.map((stream) => stream.streamIndex),
      name,
    ),
    action: 'give the source time stamps',
    readsSource: true,
    outputs: [name],
  })
  const path = tools.path(name)
  const reading = await read(tools, path)
  const object = await context.publish(
    path,
    outputName(context.brief.source.name, 'mkv'),
    'video/x-matroska',
  )
  return { ...reading, path, object }
}

/** What of the source can be used: a codec that is named is not yet one that can be decoded. */
function usableOf(report: ProbeReport, { decoded, stderr }: Trial): ProbeReport {
  const { facts, warnings } = report
  if (facts.video && !decoded.has(facts.video.streamIndex)) {
    refuse(
      `The video of the source (${facts.video.codec}) cannot be decoded: it is damaged or unsupported.`,
      stderr,
    )
  }
  const audio = facts.audio.filter(({ streamIndex }) => decoded.has(streamIndex))
  if (!facts.video && audio.length === 0) {
    refuse('The audio of the source cannot be decoded: it is damaged or unsupported.', stderr)
  }
  const lost = facts.audio.filter((track) => !audio.includes(track)).map(undecodable)
  return { ...report, facts: { ...facts, audio }, warnings: [...warnings, ...lost] }
}

function undecodable({ streamIndex, codec }: AudioFacts): string {
  return `Audio track ${streamIndex} (${codec}) cannot be decoded and was left out.`
}

/** Decodes the first frame of every stream. One that cannot be decoded may end the trial of all, so then each is tried alone. */
async function decodableStreams(
  tools: Tools,
  source: string,
  indexes: readonly number[],
): Promise<Trial> {
  const { status, stderr } = await tools.attempt({
    arguments: trialArguments(source, indexes),
    action: 'decode the source',
    readsSource: true,
    inputs: [source],
    outputs: indexes.map(trialList),
  })
  const decoded = new Set<number>()
  for (const index of indexes) {
    const [track] = await tools.packetList(trialList(index))
    if (track && track.packets.length > 0) decoded.add(index)
    else if (status !== 'finished' && indexes.length > 1) {
      const alone = await decodableStreams(tools, source, [index])
      for (const one of alone.decoded) decoded.add(one)
    }
  }
  return { decoded, stderr }
}

/** What is copied must fit the container: better said now than after the work. */
function refuseUncopyable(facts: SourceFacts, { container, video, audio }: Profile): void {
  const found =
    video.codec === 'copy' && facts.video && !canHold(container, 'video', facts.video.codec)
      ? `${facts.video.codec} video`
      : audio.codec === 'copy'
      ? facts.audio.filter(({ codec }) => !canHold(container, 'audio', codec))
        .map(({ codec }) => `${codec} audio`)[0]
      : undefined
  if (found) {
    refuse(
      `${container} cannot hold the ${found} of the source as it is: choose a profile that encodes it.`,
    )
  }
}

function planFrom(
  { brief }: TaskContext,
  { facts, warnings, timeBase }: ProbeReport,
  packets: readonly SourcePacket[],
): EncodePlan {
  const { fleetSlots, profile } = brief
  const all = {
    source: facts,
    warnings: [...warnings, ...colourWarnings(facts, profile)].slice(0, mostWarnings),
  }
  if (facts.video === undefined) {
    const plan = soundPlanFrom(packets, timeBase)
    if (plan === undefined) refuse('The audio of the source holds no sound.')
    return { ...all, ...plan }
  }
  const grid = gridFrom({ facts, packets, fleetSlots, profile })
  if (grid === undefined) refuse('The video of the source holds no frame that can be shown.')
  return { ...all, ...grid }
}

function colourWarnings({ video }: SourceFacts, { video: wanted }: Profile): string[] {
  if (!video?.isHdr || wanted.codec === 'copy' || wanted.pixelFormat !== 'yuv420p') return []
  return ['The source is HDR: the output keeps its colours, in 8 bits, and needs an HDR screen.']
}

function lastTickOf(packets: readonly SourcePacket[]): number {
  let last = 0
  for (const { pts, duration = 0 } of packets) last = Math.max(last, (pts ?? 0) + duration)
  return last
}

function refuse(message: string, stderr?: string): never {
  throw new TaskFailed(invalidInput(message, stderr))
}
