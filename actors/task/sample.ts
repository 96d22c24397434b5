/** A task's life that registration tries, and that tests begin with. */
import type { TaskEvent, TaskInput } from './model.ts'

/** An encode task of the first chunk. */
export const sampleTask: TaskInput = {
  jobId: 'job-1',
  kind: 'encode',
  index: 0,
  params: {
    kind: 'encode',
    range: {
      index: 0,
      startTick: 0,
      endTick: 900_000,
      seekSeconds: null,
      frames: 250,
      durationSeconds: 10,
    },
  },
  owner: 'user-1',
  priority: 0,
  lane: 'cpu',
  region: 'local',
  maxAttempts: 3,
  weight: 10,
  startSeconds: 0,
  endSeconds: 10,
  leaseMs: 20_000,
  blocked: false,
}

/** What a worker answers for {@link sampleTask}. */
export const sampleResult = {
  kind: 'encode',
  object: {
    key: 'jobs/job-1/work/job-1.encode.00000/1/video.mp4',
    sizeBytes: 1000,
    sha256: 'a'.repeat(64),
  },
  frames: 250,
  durationSeconds: 10,
  encodeMs: 1234,
} as const

/** It is hedged, loses its worker, and the hedge finishes. */
export const hedgedTaskEvents: readonly TaskEvent[] = [
  { type: 'claim', workerId: 'w1', leaseToken: 't1' },
  { type: 'hedge', leaseToken: 't1' },
  { type: 'hedgeStarted' },
  { type: 'leaseExpired', leaseToken: 't1' },
  { type: 'outdone', workerId: 'w2', result: sampleResult },
  { type: 'jobEnded' },
]

/** It fails once, is lost once, finishes, and turns out to be damaged. */
export const sampleTaskEvents: readonly TaskEvent[] = [
  { type: 'claim', workerId: 'w1', leaseToken: 't1' },
  {
    type: 'fail',
    leaseToken: 't1',
    failure: { kind: 'encoder', code: 'WE-JOB-008', message: 'FFmpeg ended with code 1' },
  },
  { type: 'requeue' },
  { type: 'claim', workerId: 'w1', leaseToken: 't2' },
  { type: 'leaseExpired', leaseToken: 't2' },
  { type: 'claim', workerId: 'w2', leaseToken: 't3' },
  { type: 'finish', leaseToken: 't3', result: sampleResult },
  { type: 'redo' },
  { type: 'jobEnded' },
]
