/** What kernel and workers tell each other of encoder plugins: which a worker has, what the admin wants of each, and the rules. */
import { z } from 'zod'
import { pluginRuleSchema } from './plugin-route.ts'

/** Stands in rules for the encoder that every worker has: FFmpeg, or its WebAssembly build where there is none. */
export const builtInEncoderId = 'encoder-ffmpeg'

/** What an admin wants of one encoder plugin. Part of an answer, so what a newer kernel adds is left out. */
export const wantedEncoderSchema = z.object({
  id: z.string(),
  isEnabled: z.boolean(),
  /** The higher one is asked first where no rule decides. */
  priority: z.int(),
  /** One that was uploaded and has tested itself; null, or where the worker has it not: the one of its folder. */
  version: z.string().nullable(),
  /** As it is stored: secrets are references, which the worker's own host resolves. */
  config: z.record(z.string(), z.unknown()),
})

export const encoderRoutingSchema = z.object({
  rules: z.array(z.object(pluginRuleSchema.shape)),
  /** Those that somebody wanted anything of; every other plugin is not to be used, but for the built-in one. */
  plugins: z.array(wantedEncoderSchema),
})

/** One encoder plugin that a worker has, whether anybody wants it or not. Part of a question, so it is strict. */
const installedEncoderSchema = z.strictObject({
  id: z.string().min(1).max(100),
  version: z.string().max(100),
  /** Encoders of video that it has on that machine; absent: nobody knows before it runs. */
  videoCodecs: z.array(z.string().max(100)).max(500).optional(),
  /** Programs that it runs for tasks which name no encoder. */
  tools: z.array(z.string().max(100)).max(20),
})

/** Most encoder plugins that a worker tells of. */
export const mostEncoders = 64
export const installedEncodersSchema = z.array(installedEncoderSchema).max(mostEncoders)

export type InstalledEncoder = z.infer<typeof installedEncoderSchema>
/** What decides who may do what: rules, and which plugins are wanted. */
export type EncoderRules = Pick<EncoderRouting, 'rules'> & {
  readonly plugins: readonly Pick<WantedEncoder, 'id' | 'isEnabled' | 'priority'>[]
}
export type WantedEncoder = z.infer<typeof wantedEncoderSchema>
export type EncoderRouting = z.infer<typeof encoderRoutingSchema>
