/** What the kernel tells workers of encoder plugins: the rules of the admin, and what is wanted of each plugin. */
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

export type WantedEncoder = z.infer<typeof wantedEncoderSchema>
export type EncoderRouting = z.infer<typeof encoderRoutingSchema>
