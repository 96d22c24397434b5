/** Briefs and results for tests of workers. */
import type { TaskBrief, TaskResult } from '../kernel/contract/task.ts'

/** A brief of an encode task; its id, token and keys follow `name`. */
export function briefFor(name: string, changes: Partial<TaskBrief> = {}): TaskBrief {
  const params = { kind: 'encode' as const, range: rangeOfTest }
  return {
    taskId: `job1.encode.${name}`,
    jobId: 'job1',
    index: 0,
    attempt: 1,
    leaseToken: `token-${name}`,
    leaseMs: 20_000,
    correlationId: 'req-1',
    profile: {
      name: 'test',
      description: 'for tests',
      container: 'mp4',
      video: { codec: 'libx264', fit: 'contain', pixelFormat: 'yuv420p', gopSeconds: 2 },
      audio: { codec: 'aac', bitrateBps: 128_000, sampleRateHz: 48_000, channels: 2 },
      chunkSeconds: 10,
      maxAttempts: 3,
    },
    source: { url: 'file:///media/source.mp4', name: 'source.mp4' },
    params,
    inputs: [],
    outputPrefix: `jobs/job1/work/${name}/1`,
    fleetSlots: 1,
    timeoutMs: 3_600_000,
    ...changes,
  }
}

const rangeOfTest = {
  index: 0,
  startTick: 0,
  endTick: null,
  seekSeconds: null,
  frames: 250,
  durationSeconds: 10,
}

/** What the handler of {@link briefFor} answers. */
export function encodeResult(key = 'jobs/job1/work/a/1/chunk.mp4'): TaskResult {
  const object = { key, sizeBytes: 1, sha256: '0'.repeat(64) }
  return { kind: 'encode', object, frames: 250, durationSeconds: 10, encodeMs: 1 }
}
