/** Routing of calls to plugins: rules that an admin edits, and requests that they decide. */
import { z } from 'zod'
import { pillars } from './plugin.ts'

/** A rule: what it matches goes to its plugin. */
export const pluginRuleSchema = z.strictObject({
  /**
   * Storage: the beginning of a URL (`s3://`, `s3://media/`). Encoder: a video codec (`av1`) or one encoder of it (`libsvtav1`). Publisher: a platform. Live: a protocol.
   * Auth: a method (`basic`, `bearer`, `api-key`). `*` matches everything.
   */
  matches: z.string().min(1).max(500),
  /** Only for requests that prefer a GPU, and first for those. */
  gpu: z.boolean().default(false),
  plugin_id: z.string().min(1).max(100),
  /** The higher one is asked first. */
  priority: z.int().min(-1000).max(1000).default(0),
})
export type PluginRule = z.infer<typeof pluginRuleSchema>

/** The rules of one pillar. */
export const pillarRulesSchema = z.array(pluginRuleSchema).max(200)

/** The rules of every pillar. */
export const pluginRoutesSchema = z.strictObject(
  Object.fromEntries(pillars.map((pillar) => [pillar, pillarRulesSchema])) as Record<
    (typeof pillars)[number],
    typeof pillarRulesSchema
  >,
)
export type PluginRoutes = z.infer<typeof pluginRoutesSchema>
