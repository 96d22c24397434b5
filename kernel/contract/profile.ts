/** Encoding profiles: how a source becomes an output. One table of presets, one schema for overrides. */
import { z } from 'zod'

/** Software and hardware video encoders that a profile may name; `copy` remuxes, `none` drops the video. */
export const videoCodecs = [
  'libx264',
  'libx265',
  'libvpx-vp9',
  'libaom-av1',
  'libsvtav1',
  'hevc_nvenc',
  'copy',
] as const
export const audioCodecs = ['aac', 'libopus', 'copy'] as const
export const containers = ['mp4', 'webm', 'mkv'] as const

const crfSchema = z.strictObject({
  mode: z.literal('crf'),
  /** Constant rate factor, in the encoder's own scale (0 to 63). */
  crf: z.number().min(0).max(63),
  /** Upper bound of the bit rate over `bufferBits`; absent: no cap. */
  maxrateBps: z.int().min(50_000).max(400_000_000).optional(),
  bufferBits: z.int().min(50_000).max(800_000_000).optional(),
})
const abrSchema = z.strictObject({
  mode: z.literal('abr'),
  bitrateBps: z.int().min(50_000).max(400_000_000),
  maxrateBps: z.int().min(50_000).max(400_000_000).optional(),
  bufferBits: z.int().min(50_000).max(800_000_000).optional(),
})

const videoSettingsSchema = z.strictObject({
  codec: z.enum(videoCodecs),
  /** Encoder preset (`veryfast`, `p4`) or speed number as a string (`4` for libaom `-cpu-used`). */
  preset: z.string().regex(/^[a-z0-9]{1,16}$/).optional(),
  rateControl: z.discriminatedUnion('mode', [crfSchema, abrSchema]).optional(),
  /** Box that the picture is fitted into, in pixels; absent: the size of the source, made even. */
  width: z.int().min(16).max(8192).optional(),
  height: z.int().min(16).max(8192).optional(),
  /** `contain` keeps the aspect ratio inside the box, `pad` also fills the box with black. */
  fit: z.enum(['contain', 'pad']).default('contain'),
  pixelFormat: z.enum(['yuv420p', 'yuv420p10le']).default('yuv420p'),
  codecProfile: z.string().regex(/^[a-z0-9]{1,16}$/).optional(),
  level: z.string().regex(/^\d(\.\d)?$/).optional(),
  /** Seconds between forced keyframes. Divides the chunk length. */
  gopSeconds: z.number().min(0.5).max(10).default(2),
})

const audioSettingsSchema = z.strictObject({
  codec: z.enum(audioCodecs),
  bitrateBps: z.int().min(16_000).max(1_024_000).default(128_000),
  sampleRateHz: z.union([z.literal(44_100), z.literal(48_000)]).default(48_000),
  channels: z.int().min(1).max(8).default(2),
})

export const profileSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9_]{1,64}$/),
  description: z.string().max(200),
  container: z.enum(containers),
  video: videoSettingsSchema,
  audio: audioSettingsSchema,
  /** Seconds of video per chunk, when the job is chunked. */
  chunkSeconds: z.number().min(6).max(120).default(10),
  /** Attempts of one task before the job fails. */
  maxAttempts: z.int().min(1).max(10).default(3),
})

/** What a request may change of a profile. Unknown fields are refused. */
export const profileOverridesSchema = z.strictObject({
  container: z.enum(containers).optional(),
  video: videoSettingsSchema.partial().extend({
    fit: z.enum(['contain', 'pad']).optional(),
    pixelFormat: z.enum(['yuv420p', 'yuv420p10le']).optional(),
    gopSeconds: z.number().min(0.5).max(10).optional(),
  }).optional(),
  audio: z.strictObject({
    codec: z.enum(audioCodecs).optional(),
    bitrateBps: z.int().min(16_000).max(1_024_000).optional(),
    sampleRateHz: z.union([z.literal(44_100), z.literal(48_000)]).optional(),
    channels: z.int().min(1).max(8).optional(),
  }).optional(),
  chunkSeconds: z.number().min(6).max(120).optional(),
  maxAttempts: z.int().min(1).max(10).optional(),
})

export type VideoSettings = z.infer<typeof videoSettingsSchema>
export type AudioSettings = z.infer<typeof audioSettingsSchema>
export type Profile = z.infer<typeof profileSchema>
export type ProfileOverrides = z.infer<typeof profileOverridesSchema>
