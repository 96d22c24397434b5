/** An encoder plugin as the encoder port: the end of whoever has it run. */
import { randomUUID } from 'node:crypto'
import type { EncoderEngine, EncoderOutcome, EncoderRun } from '../../contract/encoder.ts'
import type { PluginInstance } from '../../contract/plugin.ts'
import { WebEncodeError } from '../../errors.ts'
import {
  capabilitiesFrom,
  type CapabilitiesMessage,
  outcomeFrom,
  progressFrom,
  type TaskProgressMessage,
  taskSpecFrom,
} from './encoder-messages.ts'

/** A run that says nothing for so long is given up, in milliseconds. */
const silenceMs = 30_000
/** Finding out what a machine can do starts programs on it. */
const capabilitiesMs = 30_000
const cancelMs = 5_000

type Instance = Pick<PluginInstance, 'call' | 'readStream' | 'manifest'>
type RunOptions = NonNullable<Parameters<EncoderEngine['run']>[1]>

/** The port. Whoever started the plugin stops it. */
export function encoderFrom(instance: Instance): EncoderEngine {
  return {
    async getCapabilities() {
      const options = { timeoutMs: capabilitiesMs }
      const answer = await instance.call('GetCapabilities', {}, options)
      return capabilitiesFrom(answer as CapabilitiesMessage)
    },
    run: (run, options = {}) => runThrough(instance, run, options),
    close: async () => {},
  }
}

/** A cancelled run is waited for: its files may be removed only when nothing writes them any more. */
async function runThrough(
  instance: Instance,
  run: EncoderRun,
  { signal, onProgress }: RunOptions,
): Promise<EncoderOutcome> {
  const startedAt = performance.now()
  const cancelled = (): EncoderOutcome => {
    const wallMs = Math.round(performance.now() - startedAt)
    return { status: 'cancelled', stdout: '', stderr: '', wallMs }
  }
  if (signal?.aborted === true) return cancelled()
  const runId = randomUUID()
  const giveUp = new AbortController()
  const cancel = () =>
    void instance.call('Cancel', { runId }, { timeoutMs: cancelMs })
      .catch((failure: unknown) => giveUp.abort(failure))
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    const stream = instance.readStream('Transcode', taskSpecFrom(run, runId), {
      timeoutMs: silenceMs,
      signal: giveUp.signal,
      correlationId: run.correlationId,
    })
    return await readOutcome(stream as AsyncIterable<TaskProgressMessage>, instance, onProgress)
  } catch (failure) {
    if (giveUp.signal.aborted) return cancelled()
    throw failure
  } finally {
    signal?.removeEventListener('abort', cancel)
  }
}

async function readOutcome(
  stream: AsyncIterable<TaskProgressMessage>,
  { manifest: { id } }: Instance,
  onProgress: RunOptions['onProgress'],
): Promise<EncoderOutcome> {
  const pieces: string[] = []
  for await (const message of stream) {
    if (message.stdout !== '') pieces.push(message.stdout)
    if (message.outcome !== null) return outcomeFrom(message.outcome, pieces.join(''))
    const progress = progressFrom(message)
    if (progress !== undefined) onProgress?.(progress)
  }
  const sentence = `Plugin "${id}" must end a run with its outcome, and ended without`
  throw new WebEncodeError('WE-PLG-004', sentence)
}
