/** The encoder that needs no FFmpeg on the machine: FFmpeg as WebAssembly, one thread for each run. */
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import type {
  EncoderCapabilities,
  EncoderEngine,
  EncoderOutcome,
  EncoderRun,
} from '../../kernel/contract/encoder.ts'
import { messageOf } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'
import { coreBinaryUrl } from './core.ts'
import { failedOutcome, runInThread } from './run.ts'
import { createSlots } from '../slots.ts'

/** What the encoder is made of. */
export interface WasmEncoderOptions {
  readonly log: Log
  /** Runs at the same time; more of them wait. @default the number of cores */
  readonly threads?: number
}

type RunOptions = NonNullable<Parameters<EncoderEngine['run']>[1]>

/** The build also has libx265, which never ends without threads, and libvpx-vp9, which traps. */
const capabilities: EncoderCapabilities = {
  name: 'wasm',
  version: '5.1.4',
  videoCodecs: ['libx264'],
  audioCodecs: ['aac', 'libopus'],
  gpuAccelerated: false,
  gpuType: 'none',
}

/**
 * An encoder that runs FFmpeg 5.1.4 inside this process. It sees the declared local files of a run and
 * nothing else: a run that names a URL fails, as does one that needs more than 2 GiB of memory or
 * decodes AV1. Each run has a thread and an FFmpeg of its own, so a run that traps or never ends
 * harms no other. The code is compiled once, when it is first needed.
 */
export function createWasmEncoder(
  { log, threads = availableParallelism() }: WasmEncoderOptions,
): EncoderEngine {
  const slots = createSlots(threads)
  const closing = new AbortController()
  const runs = new Set<Promise<EncoderOutcome>>()
  let compiling: Promise<WebAssembly.Module> | undefined
  const compile = () =>
    compiling ??= readFile(coreBinaryUrl).then((code) => WebAssembly.compile(code))

  const runInSlot = async (run: EncoderRun, { signal, onProgress = () => {} }: RunOptions) => {
    const stop = AbortSignal.any(signal === undefined ? [closing.signal] : [closing.signal, signal])
    const giveBack = await slots.take(stop).catch(() => undefined)
    if (giveBack === undefined) return cancelledOutcome
    try {
      return await runInThread(await compile(), run, stop, onProgress)
    } catch (error) {
      log.error('the WebAssembly encoder cannot start', { task_id: run.taskId, error })
      return failedOutcome(`The WebAssembly encoder cannot start: ${messageOf(error)}`)
    } finally {
      giveBack()
    }
  }

  return {
    async getCapabilities() {
      await compile()
      return capabilities
    },
    async run(run, options = {}) {
      const outcome = runInSlot(run, options)
      runs.add(outcome)
      return await outcome.finally(() => runs.delete(outcome))
    },
    async close() {
      closing.abort()
      await Promise.all(runs)
    },
  }
}

/** A run that was stopped while it waited for a slot. */
const cancelledOutcome: EncoderOutcome = { status: 'cancelled', stdout: '', stderr: '', wallMs: 0 }
