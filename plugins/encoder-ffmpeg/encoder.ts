/** The encoder engine on native FFmpeg: one process group a run, its outcome a value. */
import type {
  EncoderCapabilities,
  EncoderEngine,
  EncoderOutcome,
  EncoderProgress,
  EncoderRun,
} from '../../kernel/contract/encoder.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'
import { commandFrom, environmentFrom } from './command.ts'
import { detectFfmpeg } from './detect.ts'
import { noNotes, openNotes } from './leftovers.ts'
import { keepFirst, keepLast } from './output.ts'
import { startGroup } from './process-group.ts'
import type { GroupEnd, ProcessGroup } from './process-group.ts'
import { createProgressReader } from './progress.ts'

/** Characters of standard error that are kept: its end, where the reason stands. */
const stderrLimit = 256 * 1024
const probeOutputLimit = 64 * 1024 * 1024

/** What an FFmpeg engine needs. */
export interface FfmpegEncoderOptions {
  /** @default 'ffmpeg', found in PATH */
  readonly ffmpegPath?: string
  /** @default 'ffprobe', found in PATH */
  readonly ffprobePath?: string
  readonly log: Log
  /** Where running groups are noted; those that a former life left running are killed at once. */
  readonly pidDirectory?: string
}

type RunOptions = { signal?: AbortSignal; onProgress?: (progress: EncoderProgress) => void }
type StopReason = 'cancelled' | 'timedOut' | 'overflow'

/** Creates the engine. `close()` stops every run that is still going. */
export function createFfmpegEncoder(options: FfmpegEncoderOptions): EncoderEngine {
  const paths = {
    ffmpeg: options.ffmpegPath ?? 'ffmpeg',
    ffprobe: options.ffprobePath ?? 'ffprobe',
  }
  const notes = options.pidDirectory ? openNotes(options.pidDirectory, options.log) : noNotes
  const environment = environmentFrom(process.env)
  const running = new Set<Promise<EncoderOutcome>>()
  const closing = new AbortController()
  let capabilities: Promise<EncoderCapabilities> | undefined

  async function run(run: EncoderRun, { signal, onProgress }: RunOptions): Promise<EncoderOutcome> {
    const startedAt = performance.now()
    const stop = AbortSignal.any([closing.signal, ...(signal ? [signal] : [])])
    if (stop.aborted) return { status: 'cancelled', stdout: '', stderr: '', wallMs: 0 }
    let reason: StopReason | undefined
    let frames: number | undefined
    const halt = (why: StopReason) => {
      reason ??= why
      group?.stop()
    }
    const stdout = keepFirst(
      run.maxOutputBytes ?? (run.tool === 'ffprobe' ? probeOutputLimit : 0),
      () => run.tool === 'ffprobe' && halt('overflow'),
    )
    const stderr = keepLast(stderrLimit)
    const readProgress = createProgressReader(run.expected ?? {}, (progress) => {
      frames = progress.frame ?? frames
      onProgress?.(progress)
    })
    const group: ProcessGroup | undefined = startGroup(commandFrom(run, paths), {
      directory: run.workingDirectory,
      environment,
      onStdout(text) {
        stdout.add(text)
        if (run.tool === 'ffmpeg') readProgress(text)
      },
      onStderr: (text) => stderr.add(text),
    })
    if (group.pid !== undefined) notes.write(group.pid)
    const timer = setTimeout(() => halt('timedOut'), run.timeoutMs)
    const onAbort = () => halt('cancelled')
    stop.addEventListener('abort', onAbort, { once: true })
    const end = await group.ended
    clearTimeout(timer)
    stop.removeEventListener('abort', onAbort)
    if (group.pid !== undefined) notes.remove(group.pid)
    const facts = {
      stdout: stdout.text(),
      stderr: stderrFrom(stderr.text(), end, reason),
      wallMs: Math.round(performance.now() - startedAt),
      ...(frames !== undefined && { frames }),
    }
    return { ...facts, ...statusFrom(end, reason) }
  }

  return {
    getCapabilities: () => (capabilities ??= capabilitiesOf(paths.ffmpeg)),
    async run(request, runOptions = {}) {
      const outcome = run(request, runOptions)
      running.add(outcome)
      try {
        return await outcome
      } finally {
        running.delete(outcome)
      }
    },
    async close() {
      closing.abort()
      await Promise.allSettled(running)
    },
  }
}

function statusFrom(end: GroupEnd, reason: StopReason | undefined) {
  if (reason === 'cancelled' || reason === 'timedOut') return { status: reason } as const
  if (end.exitCode === 0 && reason === undefined) return { status: 'finished' } as const
  return { status: 'failed', exitCode: end.exitCode, signal: end.signal } as const
}

function stderrFrom(text: string, end: GroupEnd, reason: StopReason | undefined): string {
  if (end.startError !== undefined) return `${text}[error] ${end.startError}\n`
  if (reason === 'overflow') return `${text}[error] The tool printed more than it was allowed to.\n`
  return text
}

async function capabilitiesOf(path: string): Promise<EncoderCapabilities> {
  const found = await detectFfmpeg(path)
  if (found) return found
  throw new WebEncodeError(
    'WE-PLG-004',
    `Cannot use FFmpeg: "${path}" does not run or is not FFmpeg`,
  )
}
