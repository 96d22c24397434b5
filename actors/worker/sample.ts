/** A worker's life that registration tries, and that tests begin with. */
import type { WorkerEvent, WorkerIdentity } from './model.ts'

/** A worker with two slots and software encoders. */
export const sampleWorker: WorkerIdentity = {
  workerId: 'w1',
  session: 'session-1',
  hostname: 'box',
  version: '0.1.0',
  region: 'local',
  capabilities: {
    slots: 2,
    lanes: ['probe', 'cpu', 'copy'],
    cores: 2,
    memoryBytes: 8_000_000_000,
    encoder: 'ffmpeg',
    encoderVersion: '5.1',
    videoCodecs: ['libx264'],
    audioCodecs: ['aac'],
    gpu: 'none',
  },
}

/** It falls silent, comes back as another process, is drained, restarted and undrained, and is removed. */
export const sampleWorkerEvents: readonly WorkerEvent[] = [
  { type: 'silent', session: 'session-1' },
  { type: 'join', ...sampleWorker, session: 'session-2' },
  { type: 'drain', by: 'Ann' },
  { type: 'restart', by: 'Ann' },
  { type: 'leave', session: 'session-2' },
  { type: 'join', ...sampleWorker, session: 'session-3' },
  { type: 'undrain', by: 'Ann' },
  { type: 'remove', by: 'Ann' },
  { type: 'leave', session: 'session-3' },
]
