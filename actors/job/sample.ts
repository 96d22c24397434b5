/** A job's life that registration tries, and that tests begin with. */
import type { EncodePlan } from '../../kernel/contract/media.ts'
import { findProfile } from '../../kernel/profiles.ts'
import type { JobEvent, JobInput } from './model.ts'

/** A job with the profile `480p_fast`. */
export const sampleJob: JobInput = {
  jobId: 'job-1',
  userId: 'user-1',
  sourceType: 'url',
  sourceUrl: 'https://media.example/film.mp4',
  profile: findProfile('480p_fast'),
  priority: 0,
  region: 'local',
  leaseMs: 20_000,
  retryOf: null,
  correlationId: 'req-1',
}

/** A source of 20 s with pictures and sound, cut in two. */
export const samplePlan: EncodePlan = {
  source: {
    format: 'mov,mp4',
    durationSeconds: 20,
    sizeBytes: 1_000_000,
    video: {
      streamIndex: 0,
      codec: 'h264',
      width: 1280,
      height: 720,
      rotation: 0,
      timeBase: { num: 1, den: 90_000 },
      averageFps: 25,
      isHdr: false,
    },
    audio: [{ streamIndex: 1, codec: 'aac', sampleRateHz: 48_000, channels: 2 }],
  },
  firstTick: 0,
  firstSeconds: 0,
  totalFrames: 500,
  durationSeconds: 20,
  chunks: [
    {
      index: 0,
      startTick: 0,
      endTick: 900_000,
      seekSeconds: null,
      frames: 250,
      durationSeconds: 10,
    },
    {
      index: 1,
      startTick: 900_000,
      endTick: null,
      seekSeconds: 9.96,
      frames: 250,
      durationSeconds: 10,
    },
  ],
  threads: 1,
  warnings: [],
}

/** The accepted output of {@link sampleJob}. */
export const sampleOutput = {
  name: 'film.mp4',
  type: 'final',
  object: { key: 'jobs/job-1/out/stitch-1/film.mp4', sizeBytes: 2000, sha256: 'b'.repeat(64) },
  contentType: 'video/mp4',
} as const

/** From the first look to the verified output, with one damaged chunk on the way. */
export const sampleJobEvents: readonly JobEvent[] = [
  { type: 'taskStarted', kind: 'probe', index: 0 },
  { type: 'taskFinished', kind: 'probe', index: 0, plan: samplePlan },
  { type: 'taskFinished', kind: 'encode', index: 1 },
  { type: 'taskFinished', kind: 'audio', index: 0 },
  { type: 'taskFinished', kind: 'encode', index: 0 },
  {
    type: 'taskDamaged',
    kind: 'stitch',
    index: 0,
    failure: {
      kind: 'damaged-input',
      code: 'WE-STO-001',
      message: 'Chunk 1 is shorter than it was',
      redo: ['job-1.encode.00001'],
    },
  },
  { type: 'taskFinished', kind: 'encode', index: 1 },
  { type: 'taskFinished', kind: 'stitch', index: 0 },
  {
    type: 'taskFinished',
    kind: 'verify',
    index: 0,
    outputs: [sampleOutput],
    report: { frames: 500 },
  },
]
