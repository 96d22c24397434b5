/** Plugins of a kernel: where they are, what runs them, and what people see and do about them. */
import { existsSync, readdirSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Engine } from '../../actors/engine/engine.ts'
import { createPluginDirectory } from '../../actors/gateway/plugin-directory.ts'
import type { BuiltInPlugin } from '../../actors/gateway/plugin-views.ts'
import { createPluginCommands } from '../../actors/gateway/plugins.ts'
import { createFolders } from '../../actors/plugin/folders.ts'
import { usualTiming } from '../../actors/plugin/model.ts'
import { usualRunTiming } from '../../actors/plugin/run.ts'
import { createSupervisor } from '../../actors/plugin/supervisor.ts'
import type { Bus } from '../../kernel/bus/bus.ts'
import { systemClock } from '../../kernel/clock.ts'
import type { Config } from '../../kernel/config.ts'
import { builtInEncoderId } from '../../kernel/contract/encoder-routing.ts'
import type {
  FoundPlugin,
  PluginManifest,
  PluginState,
  SecretResolver,
} from '../../kernel/contract/plugin.ts'
import type { PluginMesh } from '../../kernel/contract/plugin-mesh.ts'
import type { Database } from '../../kernel/db/database.ts'
import { listPluginInstances } from '../../kernel/db/plugin-instances.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'
import type { Metrics } from '../../kernel/metrics.ts'
import type { PluginCommands, PluginDirectory } from '../../kernel/plugin-desk.ts'
import { dataPathsOf } from './paths.ts'
import { version } from './version.ts'

export interface PluginParts {
  readonly config: Config
  readonly log: Log
  readonly db: Database
  readonly bus: Bus
  readonly engine: Engine
  readonly metrics: Metrics
  /** @default there is none: a plugin that needs a secret says so */
  readonly secrets?: SecretResolver
  readonly isCluster: boolean
}

/** The plugins of a kernel. */
export interface KernelPlugins {
  readonly directory: PluginDirectory
  readonly commands: PluginCommands
  /** Absent without `PLUGIN_DIR`. */
  readonly mesh: PluginMesh | undefined
  /** Says which plugin wrote a line. */
  onLogLine(listen: (pluginId: string) => void): void
  start(): Promise<void>
  stop(): Promise<void>
}

const pluginsOfTheProduct = fileURLToPath(new URL('../../plugins/', import.meta.url))

/** Prepares plugins. Nothing runs, and gRPC is not even loaded, before one is enabled or tried. */
export function createKernelPlugins(parts: PluginParts): KernelPlugins {
  const { config, db, engine, log, isCluster } = parts
  const listeners: ((pluginId: string) => void)[] = []
  const kernelId = config.kernelId ?? (isCluster ? `${hostname()}-${config.kernelPort}` : 'local')
  const running = config.pluginDirectory === undefined ? undefined : openRunning(
    parts,
    config.pluginDirectory,
    kernelId,
    (pluginId) => listeners.forEach((listen) => listen(pluginId)),
  )
  const directory = createPluginDirectory({
    db,
    folders: running?.folders,
    logs: running?.supervisor.logs ?? { add() {}, read: () => [] },
    kernelId,
    isServing: (pluginId) => running?.supervisor.isServing(pluginId) ?? false,
    readBuiltIn: createBuiltInReader(isCluster),
    clock: systemClock,
  })
  return {
    directory,
    commands: createPluginCommands({ engine, db, log, clock: systemClock, directory, running }),
    mesh: running?.supervisor.mesh,
    onLogLine: (listen) => void listeners.push(listen),
    async start() {
      await running?.start()
    },
    async stop() {
      await running?.supervisor.stop()
    },
  }
}

function openRunning(
  parts: PluginParts,
  pluginDirectory: string,
  kernelId: string,
  onLogLine: (pluginId: string) => void,
) {
  const { config, db, log, metrics, secrets = noSecrets } = parts
  const stateDirectory = dataPathsOf(config.dataDirectory).plugins
  const folders = createFolders({
    directory: pluginDirectory,
    scan: () => scanFolders(pluginDirectory),
    readFolder,
    now: Date.now,
    taken: new Set(builtInIds),
  })
  const supervisor = createSupervisor({
    ...parts,
    folders,
    async openHost() {
      const { openPluginHost } = await import('../../kernel/plugin/host.ts')
      return await openPluginHost({
        directory: pluginDirectory,
        stateDirectory,
        kernelVersion: version,
        secrets,
        log,
      })
    },
    clock: systemClock,
    kernelId,
    timing: usualTiming,
    runTiming: usualRunTiming,
    onCall: (pluginId, call) => metrics.pluginCall(pluginId, call),
    onLogLine,
  })
  metrics.beforeScrape(async () => {
    const instances = await listPluginInstances(db, { kernelId })
    for (const { pluginId, state } of instances) {
      const isServing = supervisor.isServing(pluginId)
      metrics.pluginHealth(pluginId, isServing ? healthOf(state) : 0)
    }
  })
  metrics.alsoExpose(() => supervisor.metrics())
  const start = async () => {
    await mkdir(pluginDirectory, { recursive: true })
    // Opening the host ends what a killed kernel left behind.
    if (hasLeftovers(join(stateDirectory, 'running'))) await supervisor.host()
    await supervisor.start()
  }
  return { supervisor, folders, pluginDirectory, readFolder, start }
}

/** Manifests are read by libraries that nobody needs before there are plugins. */
async function scanFolders(directory: string): Promise<readonly FoundPlugin[]> {
  const { scanPluginFolders } = await import('../../kernel/plugin/folders.ts')
  return await scanPluginFolders(directory, version)
}

async function readFolder(folder: string): Promise<FoundPlugin> {
  const { readPluginFolder } = await import('../../kernel/plugin/folders.ts')
  return await readPluginFolder(folder, version)
}

/** What every kernel has in itself, and the encoder that every worker has. */
const builtInIds: readonly string[] = ['auth-basic', 'storage-fs', builtInEncoderId]

/** Only in a box does the encoder run since the kernel does. */
function createBuiltInReader(isCluster: boolean): () => Promise<readonly BuiltInPlugin[]> {
  const startedAtMs = Date.now()
  let read: Promise<readonly BuiltInPlugin[]> | undefined
  const builtInFrom = (manifest: PluginManifest): BuiltInPlugin =>
    isCluster && manifest.id === builtInEncoderId ? { manifest } : { manifest, startedAtMs }
  return () =>
    read ??= Promise.all(builtInIds.map((id) => readFolder(join(pluginsOfTheProduct, id)))).then((
      found,
    ) => found.flatMap((plugin) => 'manifest' in plugin ? [builtInFrom(plugin.manifest)] : []))
}

function hasLeftovers(directory: string): boolean {
  return existsSync(directory) && readdirSync(directory).length > 0
}

function healthOf(state: PluginState): number {
  if (state === 'healthy') return 1
  return state === 'degraded' ? 0.5 : 0
}

const noSecrets: SecretResolver = {
  resolve: (reference) =>
    Promise.reject(
      new WebEncodeError('WE-PLG-003', `Cannot resolve "${reference}": there is no secret store`),
    ),
}
