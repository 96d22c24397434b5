/** What people and programs see of plugins. */
import { z } from 'zod'
import { pillars, pluginStates } from './plugin.ts'

/** How the calls of one method went in the last five minutes. */
export const pluginMethodSchema = z.strictObject({
  /** As the service of the pillar names it; `Health`, `SelfTest` and `Metrics` are the kernel's own calls. */
  method: z.string(),
  calls: z.int(),
  errors: z.int(),
  p50_ms: z.number(),
  p95_ms: z.number(),
  p99_ms: z.number(),
})
export type PluginMethodView = z.infer<typeof pluginMethodSchema>

/** Latency and errors of the calls of the last five minutes; null before something was measured. */
const figures = {
  /** Seconds that the process which serves has been there. */
  uptime_seconds: z.number().nullable(),
  restarts: z.int(),
  calls: z.int().nullable(),
  /** 0 to 1. */
  error_rate: z.number().nullable(),
  p50_ms: z.number().nullable(),
  p95_ms: z.number().nullable(),
  p99_ms: z.number().nullable(),
  /** Those that were called, by name. */
  methods: z.array(pluginMethodSchema),
}

const pluginUpgradeSchema = z.strictObject({
  /** `testing`: in the shadow; `watching`: it serves, and the old version waits. */
  phase: z.enum(['none', 'testing', 'watching']),
  /** How the last one ended. */
  outcome: z.enum(['kept', 'refused', 'rolled-back']).nullable(),
  version: z.string().nullable(),
  problem: z.string().nullable(),
})

/** A plugin in one kernel. */
const pluginInstanceSchema = z.strictObject({
  kernel_id: z.string(),
  state: z.enum(pluginStates),
  version: z.string(),
  problem: z.string().nullable(),
  upgrade: pluginUpgradeSchema,
  ...figures,
})
export type PluginInstanceView = z.infer<typeof pluginInstanceSchema>

/** A plugin; its figures are those of the kernel that answers, its state the worst of all kernels. */
export const pluginViewSchema = z.strictObject({
  id: z.string(),
  type: z.enum(pillars).nullable(),
  version: z.string().nullable(),
  protocol_version: z.string().nullable(),
  state: z.enum(pluginStates),
  /** Why it is not healthy. */
  problem: z.string().nullable(),
  is_enabled: z.boolean(),
  /** It is a part of the kernel, and not a process. */
  is_built_in: z.boolean(),
  /** Whether it can be enabled and disabled; of what is built in, only the encoder, where there may be others. */
  can_be_disabled: z.boolean(),
  /** Where it runs: inside the kernel, in a process that reaches what its manifest names, or in one without walls. */
  runs: z.enum(['kernel', 'sandbox', 'process']).nullable(),
  priority: z.int(),
  ...figures,
  upgrade: pluginUpgradeSchema,
  capabilities: z.record(z.string(), z.unknown()),
  /** JSON Schema of its configuration. */
  config_schema: z.record(z.string(), z.unknown()),
  kernels: z.array(pluginInstanceSchema),
})
export type PluginView = z.infer<typeof pluginViewSchema>

export const pluginLogLineSchema = z.strictObject({
  at: z.string(),
  level: z.enum(['debug', 'info', 'warn', 'error']),
  message: z.string(),
  correlation_id: z.string().optional(),
})
export type PluginLogView = z.infer<typeof pluginLogLineSchema>

/** How a test of the connection went. */
export const pluginTestSchema = z.strictObject({
  ok: z.boolean(),
  duration_ms: z.number(),
  problem: z.string().nullable(),
})
export type PluginTest = z.infer<typeof pluginTestSchema>
