/** How rows and manifests of plugins become what people see. Pure. */
import { basename } from 'node:path'
import type {
  FoundPlugin,
  MethodStats,
  PluginManifest,
  PluginState,
} from '../../kernel/contract/plugin.ts'
import type {
  PluginInstanceView,
  PluginMethodView,
  PluginView,
} from '../../kernel/contract/plugin-view.ts'
import type { PluginConfig } from '../../kernel/db/plugin-configs.ts'
import type { PluginInstanceRecord } from '../../kernel/db/plugin-instances.ts'

/** A part of the kernel that is shown among the plugins. */
export interface BuiltInPlugin {
  readonly manifest: PluginManifest
  /** When the kernel began, in milliseconds; absent for what other processes have. */
  readonly startedAtMs?: number
}

/** What is known of a built-in one besides. */
interface BuiltInFacts {
  readonly nowMs: number
  readonly canBeDisabled: boolean
  readonly isEnabled: boolean
  /** With a folder that has its id. */
  readonly problem: string | null
}

/** Everything that is known of one plugin. */
export interface PluginFacts {
  readonly id: string
  readonly found: FoundPlugin | undefined
  readonly config: PluginConfig | undefined
  readonly instances: readonly PluginInstanceRecord[]
  /** The kernel that answers. */
  readonly kernelId: string
  /** Whether a process of that kernel is called now. */
  readonly isServing: boolean
  readonly nowMs: number
}

/** The plugin of a folder; a folder bears the id as its name. */
export function idOfFound(found: FoundPlugin): string {
  return 'manifest' in found ? found.manifest.id : basename(found.folder)
}

/** A plugin that runs in processes of its own, or might. */
export function pluginViewFrom(facts: PluginFacts): PluginView {
  const { id, found, config, instances, kernelId, isServing, nowMs } = facts
  const manifest = found !== undefined && 'manifest' in found ? found.manifest : undefined
  const missing = found === undefined ? `Its folder "${id}" is not in PLUGIN_DIR` : null
  const fault = found !== undefined && 'problem' in found ? found.problem : missing
  const shown = instances.filter(({ isFresh, kernelId: other }) => isFresh || other === kernelId)
  const kernels = shown
    .map((instance) => instance.kernelId === kernelId ? asItIs(instance, isServing) : instance)
    .map((instance) => instanceViewFrom(instance, nowMs))
  const own = kernels.find(({ kernel_id }) => kernel_id === kernelId) ?? kernels[0]
  const worst = worstOf(kernels)
  return {
    id,
    type: manifest?.type ?? config?.pillar ?? null,
    version: own?.version ?? manifest?.version ?? null,
    protocol_version: manifest?.protocolVersion ?? null,
    state: worst?.state ?? 'disabled',
    problem: worst?.problem ?? fault,
    is_enabled: config?.isEnabled ?? false,
    is_built_in: false,
    can_be_disabled: true,
    runs: manifest === undefined ? null : isSandboxed(manifest) ? 'sandbox' : 'process',
    priority: config?.priority ?? 0,
    ...(own === undefined ? nothingMeasured : figuresOf(own)),
    upgrade: kernels.find(({ upgrade }) => upgrade.phase !== 'none')?.upgrade ?? own?.upgrade ??
      noUpgrade,
    capabilities: { ...manifest?.capabilities },
    config_schema: { ...manifest?.configSchema },
    kernels,
  }
}

/** What a kernel wrote before it ended is not true any more when it begins anew: nothing serves yet. */
function asItIs(instance: PluginInstanceRecord, isServing: boolean): PluginInstanceRecord {
  const isSaidToServe = instance.state === 'healthy' || instance.state === 'degraded'
  if (isServing || !isSaidToServe) return instance
  return { ...instance, state: 'starting', startedAt: null, stats: null }
}

/** A script that did not ask for more than a sandbox gives. */
function isSandboxed({ main, isolation }: PluginManifest): boolean {
  return isolation === 'sandbox' && /\.[cm]?[jt]s$/.test(main)
}

/** A part of the kernel, or of its worker. */
export function builtInViewFrom(
  { manifest, startedAtMs }: BuiltInPlugin,
  { nowMs, canBeDisabled, isEnabled, problem }: BuiltInFacts,
): PluginView {
  return {
    id: manifest.id,
    type: manifest.type,
    version: manifest.version,
    protocol_version: manifest.protocolVersion,
    state: isEnabled ? 'healthy' : 'disabled',
    problem,
    is_enabled: isEnabled,
    is_built_in: true,
    can_be_disabled: canBeDisabled,
    // A worker has it run beside itself; everything else is a part of the kernel.
    runs: manifest.type === 'encoder' ? 'process' : 'kernel',
    priority: 0,
    ...nothingMeasured,
    uptime_seconds: startedAtMs === undefined ? null : Math.max(0, (nowMs - startedAtMs) / 1000),
    upgrade: noUpgrade,
    capabilities: { ...manifest.capabilities },
    config_schema: { ...manifest.configSchema },
    kernels: [],
  }
}

const noUpgrade = { phase: 'none', outcome: null, version: null, problem: null } as const
const nothingMeasured = {
  uptime_seconds: null,
  restarts: 0,
  calls: null,
  error_rate: null,
  p50_ms: null,
  p95_ms: null,
  p99_ms: null,
  methods: [],
}

function instanceViewFrom(instance: PluginInstanceRecord, nowMs: number): PluginInstanceView {
  const { stats, upgrade: { phase, end }, startedAt } = instance
  return {
    kernel_id: instance.kernelId,
    state: instance.state,
    version: instance.version,
    problem: instance.problem,
    upgrade: {
      phase,
      outcome: end?.outcome ?? null,
      version: end?.version ?? null,
      problem: end?.problem ?? null,
    },
    uptime_seconds: startedAt === null ? null : Math.max(0, (nowMs - startedAt.getTime()) / 1000),
    restarts: instance.restarts,
    calls: stats?.calls ?? null,
    error_rate: stats === null ? null : stats.calls === 0 ? 0 : stats.errors / stats.calls,
    p50_ms: stats?.p50Ms ?? null,
    p95_ms: stats?.p95Ms ?? null,
    p99_ms: stats?.p99Ms ?? null,
    methods: stats?.methods.map(methodViewFrom) ?? [],
  }
}

function methodViewFrom(stats: MethodStats): PluginMethodView {
  const { method, calls, errors, p50Ms, p95Ms, p99Ms } = stats
  return { method, calls, errors, p50_ms: p50Ms, p95_ms: p95Ms, p99_ms: p99Ms }
}

function figuresOf(
  { uptime_seconds, restarts, calls, error_rate, p50_ms, p95_ms, p99_ms, methods }:
    PluginInstanceView,
) {
  return { uptime_seconds, restarts, calls, error_rate, p50_ms, p95_ms, p99_ms, methods }
}

const order: readonly PluginState[] = [
  'failed',
  'restarting',
  'disabled',
  'starting',
  'degraded',
  'healthy',
]

function worstOf(kernels: readonly PluginInstanceView[]): PluginInstanceView | undefined {
  return [...kernels].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state))[0]
}
