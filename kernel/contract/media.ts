/** Facts about a source and the plan that is made of them: what the probe task answers. */
import { z } from 'zod'

/** An object in storage, with what is needed to notice that it changed. */
export const objectRefSchema = z.strictObject({
  key: z.string().min(1).max(1024),
  sizeBytes: z.int().min(0),
  /** Lower-case hex. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})

const videoFactsSchema = z.strictObject({
  streamIndex: z.int().min(0),
  codec: z.string(),
  /** Displayed size, after rotation, in pixels. */
  width: z.int().min(1),
  height: z.int().min(1),
  pixelFormat: z.string().optional(),
  rotation: z.number().default(0),
  /** Seconds per tick as a fraction, e.g. 1/90000. */
  timeBase: z.strictObject({ num: z.int().min(1), den: z.int().min(1) }),
  averageFps: z.number().min(0).optional(),
  isHdr: z.boolean().default(false),
})

const audioFactsSchema = z.strictObject({
  streamIndex: z.int().min(0),
  codec: z.string(),
  sampleRateHz: z.int().min(1),
  channels: z.int().min(1),
  language: z.string().max(16).optional(),
})

const sourceFactsSchema = z.strictObject({
  format: z.string(),
  durationSeconds: z.number().min(0),
  sizeBytes: z.int().min(0).optional(),
  video: videoFactsSchema.optional(),
  audio: z.array(audioFactsSchema),
})

/** One chunk: what to seek to, what to keep and how many frames must come out. Ticks are in the video time base. */
export const chunkRangeSchema = z.strictObject({
  index: z.int().min(0),
  startTick: z.int(),
  /** First tick that no longer belongs to the chunk; null for the last chunk. */
  endTick: z.int().nullable(),
  /** Where to seek, in seconds on the source's own timeline; null: decode from the start. */
  seekSeconds: z.number().nullable(),
  /** Frames that the chunk must hold. */
  frames: z.int().min(0),
  durationSeconds: z.number().min(0),
  /** Digest of when those frames are shown, in ticks after the first: the output must have the same. */
  timing: z.string().regex(/^[0-9a-f]{16}$/).optional(),
})

/** The whole plan of a job. */
export const encodePlanSchema = z.strictObject({
  source: sourceFactsSchema,
  /** Set when the source had to be remuxed first (no timestamps): later tasks read this object. */
  normalized: objectRefSchema.optional(),
  /** First shown tick: time zero of the output. */
  firstTick: z.int().default(0),
  /** The source's time zero in seconds; audio is aligned to it. */
  firstSeconds: z.number().default(0),
  totalFrames: z.int().min(0),
  /** Seconds from the first to the last shown frame, plus its duration where known. */
  durationSeconds: z.number().min(0),
  chunks: z.array(chunkRangeSchema).max(4000),
  /** FFmpeg threads per chunk: 1 when several chunks run side by side. 0: FFmpeg's default. */
  threads: z.int().min(0).max(64),
  warnings: z.array(z.string().max(500)).max(20).default([]),
})

export type ObjectRef = z.infer<typeof objectRefSchema>
export type VideoFacts = z.infer<typeof videoFactsSchema>
export type AudioFacts = z.infer<typeof audioFactsSchema>
export type SourceFacts = z.infer<typeof sourceFactsSchema>
export type ChunkRange = z.infer<typeof chunkRangeSchema>
export type EncodePlan = z.infer<typeof encodePlanSchema>
