/** What this worker can do: what the machine has, what its encoder knows, and what it was told. */
import os from 'node:os'
import process from 'node:process'
import type { EncoderEngine } from '../kernel/contract/encoder.ts'
import type { Lane } from '../kernel/contract/task.ts'
import type { WorkerCapabilities } from '../kernel/contract/worker.ts'

export interface CapabilityOptions {
  readonly encoder: Pick<EncoderEngine, 'getCapabilities'>
  /** Tasks at the same time. @default one for each core: single-thread chunks side by side beat one chunk with many threads */
  readonly slots?: number
  /** @default `cpu`, `copy` and `probe`, and the lane of the encoder's GPU */
  readonly lanes?: readonly Lane[] | undefined
}

/** Reads the machine (limits of its container included) and asks the encoder. */
export async function readCapabilities(options: CapabilityOptions): Promise<WorkerCapabilities> {
  const encoder = await options.encoder.getCapabilities()
  const cores = os.availableParallelism()
  const lanes: Lane[] = ['cpu', 'copy', 'probe']
  if (encoder.gpuType !== 'none') lanes.push(`gpu.${encoder.gpuType}`)
  return {
    slots: options.slots ?? cores,
    lanes: [...options.lanes ?? lanes],
    cores,
    memoryBytes: memoryLimitBytes(),
    encoder: encoder.name,
    encoderVersion: encoder.version,
    videoCodecs: [...encoder.videoCodecs],
    audioCodecs: [...encoder.audioCodecs],
    gpu: encoder.gpuType,
  }
}

/** Memory that this process and its children may use: the container's limit, or all that the machine has. */
export function memoryLimitBytes(): number {
  // Without a limit the runtimes answer a number beyond any machine, or 0.
  const limit = process.constrainedMemory()
  const total = os.totalmem()
  return limit > 0 && limit < total ? limit : total
}
