/** One run of the WebAssembly encoder, from its order to its outcome. */
import { resolve } from 'node:path'
import type { EncoderOutcome, EncoderProgress, EncoderRun } from '../../kernel/contract/encoder.ts'
import { maxHeapBytes } from './core.ts'
import type { RunEnd, RunFault, RunOrder } from './messages.ts'
import { createProgressReader } from './progress.ts'
import { createTail } from './tail.ts'
import { startThread } from './thread.ts'

type Cut = { readonly kind: 'cancelled' | 'timedOut' }

const maxStderrChars = 256 * 1024
const defaultProbeBytes = 64 * 2 ** 20
const longestTimerMs = 2 ** 31 - 1

/**
 * Runs the tool in a thread of its own. The thread is gone when this resolves, however it ended.
 * @param stop - aborting it cancels the run
 */
export async function runInThread(
  module: WebAssembly.Module,
  run: EncoderRun,
  stop: AbortSignal,
  onProgress: (progress: EncoderProgress) => void,
): Promise<EncoderOutcome> {
  const url = run.arguments.find((argument) => /^[a-z][a-z0-9+.-]*:\/\//i.test(argument))
  if (url !== undefined) {
    return failedOutcome(`The WebAssembly encoder reads local files only: download ${url} first`)
  }
  const startedAt = performance.now()
  const order = orderFrom(run)
  const stderr = createTail(maxStderrChars)
  let frames: number | undefined
  const readProgress = createProgressReader(run.expected, (progress) => {
    frames = progress.frame ?? frames
    onProgress(progress)
  })
  const thread = startThread(
    { module, order },
    (stream, text) => stream === 'stderr' ? stderr.add(text) : readProgress(text),
  )
  const end = await firstOf(thread.ended, stop, run.timeoutMs)
  await thread.kill()
  return {
    ...outcomeFrom(end, run.tool, stderr.text()),
    wallMs: Math.round(performance.now() - startedAt),
    ...(frames === undefined ? {} : { frames }),
  }
}

/** The outcome of a run that never began, and why. */
export function failedOutcome(reason: string): EncoderOutcome {
  return { ...failed(null, '', line(reason)), wallMs: 0 }
}

function orderFrom(run: EncoderRun): RunOrder {
  const absolute = (path: string) => resolve(run.workingDirectory, path)
  return {
    tool: run.tool,
    arguments: run.arguments,
    workingDirectory: absolute('.'),
    readable: run.inputs.map(absolute),
    writable: run.outputs.map(absolute),
    maxOutputBytes: run.maxOutputBytes ?? (run.tool === 'ffprobe' ? defaultProbeBytes : 0),
  }
}

/** Whichever comes first: the end of the thread, the end of its time, or the order to stop. */
function firstOf(
  ended: Promise<RunEnd | RunFault>,
  stop: AbortSignal,
  timeoutMs: number,
): Promise<RunEnd | RunFault | Cut> {
  return new Promise((settle) => {
    const finish = (end: RunEnd | RunFault | Cut) => {
      clearTimeout(timer)
      stop.removeEventListener('abort', cancel)
      settle(end)
    }
    const cancel = () => finish({ kind: 'cancelled' })
    const timer = setTimeout(
      () => finish({ kind: 'timedOut' }),
      Math.min(timeoutMs, longestTimerMs),
    )
    stop.addEventListener('abort', cancel)
    if (stop.aborted) cancel()
    void ended.then(finish)
  })
}

function outcomeFrom(end: RunEnd | RunFault | Cut, tool: EncoderRun['tool'], stderr: string) {
  switch (end.kind) {
    case 'cancelled':
    case 'timedOut':
      return { status: end.kind, stdout: '', stderr } as const
    case 'fault': {
      const reason = `The WebAssembly encoder broke: ${end.message}`
      return failed(null, '', stderr + line(reason) + memoryNote(end, stderr))
    }
    case 'end': {
      const { exitCode, stdout } = end
      if (tool === 'ffprobe' && end.isStdoutCut) {
        const reason = 'The tool printed more than it was allowed to.'
        return failed(exitCode, stdout, stderr + line(reason))
      }
      if (exitCode === 0) return { status: 'finished', stdout, stderr } as const
      return failed(exitCode, stdout, stderr + memoryNote(end, stderr))
    }
  }
}

function failed(exitCode: number | null, stdout: string, stderr: string) {
  return { status: 'failed', exitCode, signal: null, stdout, stderr } as const
}

/**
 * The heap grows by at most 96 MiB at once, so a run that ended this close to the limit met it; one
 * that asked for much at once says so itself.
 */
function memoryNote({ heapBytes }: { readonly heapBytes: number }, stderr: string): string {
  const isFull = heapBytes > maxHeapBytes - 96 * 2 ** 20
  const isRefused = /out of memory|cannot allocate memory|malloc of size \d+ failed/i.test(stderr)
  if (!isFull && !isRefused) return ''
  return line('Cannot allocate memory: the WebAssembly encoder has at most 2 GiB')
}

/** A message in the form of FFmpeg's own. */
function line(message: string): string {
  return `[error] ${message}\n`
}
