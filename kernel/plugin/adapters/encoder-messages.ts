/** Messages of `encoder.proto`, from and to the words of the encoder port. */
import type {
  EncoderCapabilities,
  EncoderOutcome,
  EncoderProgress,
  EncoderRun,
} from '../../contract/encoder.ts'

/** Every field of the message, absent ones with their defaults. */
export interface TaskSpecMessage {
  readonly taskId: string
  readonly videoCodec: string
  readonly correlationId: string
  readonly tool: string
  readonly arguments: readonly string[]
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly workingDirectory: string
  readonly expectedFrames?: number
  readonly expectedDurationSeconds?: number
  readonly timeoutMs: number
  readonly network: boolean
  readonly maxOutputBytes?: number
  readonly runId: string
}

export interface OutcomeMessage {
  readonly status: string
  readonly exitCode?: number
  readonly signal: string
  readonly stderr: string
  readonly wallMs: number
  readonly frames?: number
}

export interface TaskProgressMessage {
  readonly percent: number
  readonly speed: number
  readonly fps: number
  readonly frame?: number
  readonly outTimeSeconds?: number
  readonly fraction?: number
  readonly stdout: string
  readonly outcome: OutcomeMessage | null
}

export function taskSpecFrom(run: EncoderRun, runId: string): TaskSpecMessage {
  const { expected: { frames, durationSeconds } = {}, maxOutputBytes } = run
  return {
    runId,
    taskId: run.taskId,
    videoCodec: run.videoCodec ?? '',
    correlationId: run.correlationId,
    tool: run.tool,
    arguments: run.arguments,
    inputs: run.inputs,
    outputs: run.outputs,
    workingDirectory: run.workingDirectory,
    timeoutMs: Math.round(run.timeoutMs),
    network: run.network ?? false,
    ...(frames !== undefined && { expectedFrames: frames }),
    ...(durationSeconds !== undefined && { expectedDurationSeconds: durationSeconds }),
    ...(maxOutputBytes !== undefined && { maxOutputBytes }),
  }
}

export function encoderRunFrom(spec: TaskSpecMessage): EncoderRun {
  const { expectedFrames, expectedDurationSeconds, maxOutputBytes, videoCodec } = spec
  return {
    taskId: spec.taskId,
    correlationId: spec.correlationId,
    tool: spec.tool === 'ffprobe' ? 'ffprobe' : 'ffmpeg',
    arguments: spec.arguments,
    inputs: spec.inputs,
    outputs: spec.outputs,
    workingDirectory: spec.workingDirectory,
    timeoutMs: spec.timeoutMs,
    network: spec.network,
    expected: {
      ...(expectedFrames !== undefined && { frames: expectedFrames }),
      ...(expectedDurationSeconds !== undefined && { durationSeconds: expectedDurationSeconds }),
    },
    ...(videoCodec !== '' && { videoCodec }),
    ...(maxOutputBytes !== undefined && { maxOutputBytes }),
  }
}

/** @param progress - none yet: the message only says that the run goes on */
export function progressMessageFrom(taskId: string, progress: EncoderProgress = {}) {
  const { fraction, frame, fps, speed, outTimeSeconds } = progress
  return {
    taskId,
    percent: (fraction ?? 0) * 100,
    speed: speed ?? 0,
    fps: Math.round(fps ?? 0),
    ...(frame !== undefined && { frame }),
    ...(outTimeSeconds !== undefined && { outTimeSeconds }),
    ...(fraction !== undefined && { fraction }),
  }
}

/** Undefined for a message that tells nothing new. */
export function progressFrom(message: TaskProgressMessage): EncoderProgress | undefined {
  const { fraction, percent, frame, outTimeSeconds, fps, speed } = message
  const share = fraction ?? (percent > 0 ? percent / 100 : undefined)
  if (share === undefined && frame === undefined && outTimeSeconds === undefined) return undefined
  return {
    ...(share !== undefined && { fraction: share }),
    ...(frame !== undefined && { frame }),
    ...(outTimeSeconds !== undefined && { outTimeSeconds }),
    ...(fps > 0 && { fps }),
    ...(speed > 0 && { speed }),
  }
}

/** Everything but the standard output, which travels in pieces. */
export function outcomeMessageFrom(outcome: EncoderOutcome): OutcomeMessage {
  const { status, stderr, wallMs, frames } = outcome
  const failed = outcome.status === 'failed' ? outcome : undefined
  return {
    status,
    stderr,
    wallMs,
    signal: failed?.signal ?? '',
    ...(failed !== undefined && failed.exitCode !== null && { exitCode: failed.exitCode }),
    ...(frames !== undefined && { frames }),
  }
}

export function outcomeFrom(message: OutcomeMessage, stdout: string): EncoderOutcome {
  const { status, exitCode, signal, stderr, wallMs, frames } = message
  const facts = { stdout, stderr, wallMs, ...(frames !== undefined && { frames }) }
  if (status === 'finished' || status === 'cancelled' || status === 'timedOut') {
    return { ...facts, status }
  }
  return { ...facts, status: 'failed', exitCode: exitCode ?? null, signal: signal || null }
}

type GpuType = EncoderCapabilities['gpuType']
const gpuTypes: readonly string[] = ['nvidia', 'intel', 'amd'] satisfies GpuType[]

export interface CapabilitiesMessage {
  readonly videoCodecs: readonly string[]
  readonly audioCodecs: readonly string[]
  readonly gpuAccelerated: boolean
  readonly gpuType: string
  readonly name: string
  readonly version: string
}

export function capabilitiesFrom(message: CapabilitiesMessage): EncoderCapabilities {
  const { videoCodecs, audioCodecs, gpuAccelerated, gpuType, name, version } = message
  return {
    name: name === 'wasm' ? 'wasm' : 'ffmpeg',
    version,
    videoCodecs,
    audioCodecs,
    gpuAccelerated,
    gpuType: gpuTypes.includes(gpuType) ? gpuType as GpuType : 'none',
  }
}
