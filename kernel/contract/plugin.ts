/** Plugins: what a manifest says, what a running one can be asked, and how its health is named. */

export const pillars = ['auth', 'storage', 'encoder', 'live', 'publisher'] as const
export type Pillar = (typeof pillars)[number]

/** What a sandboxed plugin may reach. Every list is empty unless the manifest names something. */
export interface PluginPermissions {
  /** `host`, `host:port`, or `*`. */
  readonly net: readonly string[]
  /** Folders; a relative one is below the plugin's own. */
  readonly read: readonly string[]
  readonly write: readonly string[]
  /** Names of environment variables. */
  readonly env: readonly string[]
  /** Programs. */
  readonly run: readonly string[]
}

/**
 * `sandbox`: a script runs under Deno with the manifest's permissions and no others. `process`: it runs as the kernel's own
 * runtime would, with a clean environment and no other wall, because it must do what no sandbox allows.
 */
export const isolations = ['sandbox', 'process'] as const

/** `plugin.toml`, read and checked. */
export interface PluginManifest {
  /** Also the name of its folder: `storage-s3`. */
  readonly id: string
  readonly type: Pillar
  /** Semantic version. */
  readonly version: string
  readonly protocolVersion: string
  readonly supportedKernelVersions: readonly string[]
  /** Relative to the folder. A `.ts` or `.js` file runs sandboxed under Deno, anything else as a program. */
  readonly main: string
  readonly isolation: (typeof isolations)[number]
  readonly capabilities: Readonly<Record<string, unknown>>
  /** JSON Schema of the configuration. */
  readonly configSchema: Readonly<Record<string, unknown>>
  readonly permissions: PluginPermissions
  /** @default 512 MiB of memory */
  readonly limits?: PluginLimits
}

/** What a plugin may use up. Kept where the sandbox can: Deno's heap is bounded, another program's memory is not. */
export interface PluginLimits {
  readonly memoryMb: number
}

export const pluginStates = [
  'starting',
  'healthy',
  'degraded',
  'failed',
  'restarting',
  'disabled',
] as const
/** The specification's health model. */
export type PluginState = (typeof pluginStates)[number]

/** One call that ended: what health, latency and error rate are made of. */
export interface PluginCall {
  readonly method: string
  readonly durationMs: number
  readonly ok: boolean
}

/** How the process of a plugin ended. */
export interface PluginExit {
  readonly exitCode: number | null
  readonly signal: string | null
  /** It was told to. */
  readonly isExpected: boolean
}

export interface PluginLogLine {
  readonly at: string
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly correlationId?: string
}

/** Latency and errors of calls of the last five minutes. */
export interface CallFigures {
  readonly calls: number
  readonly errors: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
}

/** The figures of one method. */
export interface MethodStats extends CallFigures {
  readonly method: string
}

/** The figures of a plugin, and of each method that was called, by name. */
export interface PluginStats extends CallFigures {
  readonly methods: readonly MethodStats[]
}

export interface CallOptions {
  /** @default 10 000 */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  readonly correlationId?: string
}

/** A plugin process that shook hands. */
export interface PluginInstance {
  readonly manifest: PluginManifest
  readonly pid: number
  readonly startedAt: string
  /** Resolves once, when the process is gone. Never rejects. */
  readonly exited: Promise<PluginExit>
  /**
   * Calls a unary method of the pillar's service: `call('GetObjectMetadata', {bucket, path})`.
   * @throws WE-PLG-004 when the process is gone; WE-PLG-005 when it does not answer in time; the plugin's own WE-code otherwise
   */
  call(method: string, request: object, options?: CallOptions): Promise<unknown>
  /** Calls a method that answers with a stream. */
  readStream(method: string, request: object, options?: CallOptions): AsyncIterable<unknown>
  /** Calls a method that is given a stream, with back-pressure. */
  writeStream(
    method: string,
    requests: AsyncIterable<object>,
    options?: CallOptions,
  ): Promise<unknown>
  /** `grpc.health.v1` alone: quick, and harmless as often as one likes. @throws when it is not serving */
  ping(options?: CallOptions): Promise<void>
  /** `grpc.health.v1`, and the plugin's self-test where it has one. @throws when it is not serving */
  check(options?: CallOptions): Promise<void>
  stats(): PluginStats
  /** What the plugin itself counts, as Prometheus text; empty when it counts nothing. */
  metrics(options?: CallOptions): Promise<string>
  /** The last lines, oldest first; at most 500 are kept. */
  logs(): readonly PluginLogLine[]
  /** Says each new line. @returns stops it */
  onLog(listen: (line: PluginLogLine) => void): () => void
  onCall(listen: (call: PluginCall) => void): () => void
  /** SIGTERM, then SIGKILL to the whole process group after `graceMs`. @default 5000 */
  stop(graceMs?: number): Promise<PluginExit>
}

/** Resolves references to secrets. @throws WE-PLG-003 when there is none under that name */
export interface SecretResolver {
  resolve(reference: string): Promise<string>
}

/** A folder of a plugin, or why it cannot be used. */
export type FoundPlugin =
  | { readonly folder: string; readonly manifest: PluginManifest }
  | { readonly folder: string; readonly problem: string }

export interface StartPlugin {
  readonly folder: string
  readonly manifest: PluginManifest
  /** Checked against the manifest's schema before. */
  readonly config: Readonly<Record<string, unknown>>
}

/** Finds, checks and starts plugins. */
export interface PluginHost {
  /** Reads every `plugin.toml` one folder below `PLUGIN_DIR`. */
  scan(): Promise<readonly FoundPlugin[]>
  /** @throws WE-PLG-003 with `path` when the configuration breaks the schema */
  checkConfig(manifest: PluginManifest, config: unknown): Record<string, unknown>
  /** @throws WE-PLG-004 when it does not shake hands in time, or ends while it starts */
  start(plugin: StartPlugin): Promise<PluginInstance>
  /** Stops all that run. */
  close(): Promise<void>
}
