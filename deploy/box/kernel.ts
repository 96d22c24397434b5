/** The parts of a kernel: database, storage, engine, desk, HTTP and pages, whatever bus joins them to the workers. */
import { hostname } from 'node:os'
import { actorDefinitions } from '../../actors/definitions.ts'
import { createDesk } from '../../actors/desk/desk.ts'
import { busHandlers } from '../../actors/engine/bus-effects.ts'
import { createEngine, type Engine } from '../../actors/engine/engine.ts'
import { createRegistry } from '../../actors/engine/registry.ts'
import { createGateway } from '../../actors/gateway/gateway.ts'
import { createCleaner } from '../../actors/gateway/objects.ts'
import { createHedging, type HedgingOptions } from '../../actors/hedge/hedging.ts'
import { type RehearsalParts, rehearse } from '../../actors/rehearsal.ts'
import type { Bus } from '../../kernel/bus/bus.ts'
import { systemClock } from '../../kernel/clock.ts'
import type { Config } from '../../kernel/config.ts'
import { createActorStore } from '../../kernel/db/actors.ts'
import type { Database } from '../../kernel/db/database.ts'
import { readEncoderRouting } from '../../kernel/db/encoder-routing.ts'
import type { EncoderRouting } from '../../kernel/contract/encoder-routing.ts'
import type { SecretResolver } from '../../kernel/contract/plugin.ts'
import type { Lifecycle } from '../../kernel/lifecycle.ts'
import type { Log } from '../../kernel/log.ts'
import type { PluginMesh } from '../../kernel/contract/plugin-mesh.ts'
import { createMetrics } from '../../kernel/metrics.ts'
import { createOutbound, type Outbound } from '../../kernel/outbound.ts'
import { presets } from '../../kernel/profiles.ts'
import { createMeshStorages } from '../../kernel/plugin/mesh-storages.ts'
import { createRetention, type KeepTimes, type RetentionOptions } from '../../kernel/retention.ts'
import { createSources, type Sources } from '../../kernel/sources.ts'
import type { PluginStorages } from '../../kernel/storages.ts'
import { openDatabase } from './database.ts'
import { type Listening, startHttp } from './http.ts'
import { createKernelPlugins } from './plugins.ts'
import { startSecrets } from './secrets.ts'
import { type KernelStorages, openStorages } from './storage.ts'
import { routeSource } from './source-routes.ts'
import { version } from './version.ts'

/** What a kernel is started with. */
export interface KernelSetup {
  readonly config: Config
  readonly log: Log
  readonly lifecycle: Lifecycle
  readonly bus: Bus
  /** Workers are elsewhere: they need leave to join, and read and write by signed URLs. */
  readonly isCluster?: boolean
}

/** A kernel that serves. */
export interface Kernel extends Listening, Pick<KernelStorages, 'storage' | 'hasFiles'> {
  readonly outbound: Outbound
  /** Absent without `PLUGIN_DIR`. */
  readonly mesh: PluginMesh | undefined
  /** What workers are told of encoders; absent without `PLUGIN_DIR`: nobody can want anything of a plugin. */
  readonly readEncoders: (() => Promise<EncoderRouting>) | undefined
  readonly secrets: SecretResolver
}

const clock = systemClock

/** Starts the parts in order. @throws the first part's failure, named; everything that was started before it is stopped */
export async function startKernel(setup: KernelSetup): Promise<Kernel> {
  const { config, log, lifecycle, bus, isCluster = false } = setup
  /** Known once it listens; nobody asks before. */
  let storageUrl = config.storageUrl ?? ''
  let plugged: PluginStorages | undefined
  let mesh: PluginMesh | undefined
  const openDb = () => openDatabase(config, log)
  const db = await lifecycle.start('database', openDb, (open) => open.close())
  const opened = await lifecycle.start(
    'storage',
    () =>
      openStorages(config, log, isCluster ? () => storageUrl : undefined, {
        list: () => plugged?.list() ?? [],
        find: (id) => plugged?.find(id),
      }),
    (open) => open.close(),
  )
  const secrets = await startSecrets(setup)
  const { storage, hasFiles } = opened
  const outbound = createOutbound({ allowedHosts: config.sourceHosts })
  const sources = createKernelSources(setup, { db, opened, outbound, mesh: () => mesh })
  const metrics = createMetrics()
  // As for the workers: without plugins of its own, a kernel has no say in theirs.
  const hasEncoderRules = config.pluginDirectory !== undefined
  const store = createActorStore(db, { hasEncoderRules })
  const registry = createRegistry(actorDefinitions)
  const engine = createEngine({
    store,
    registry,
    clock,
    log,
    handlers: { ...busHandlers(bus), clean: createCleaner({ storage, db }) },
  })
  const plugins = createKernelPlugins({ config, log, db, bus, engine, metrics, isCluster, secrets })
  mesh = plugins.mesh
  if (mesh !== undefined) plugged = createMeshStorages(mesh)
  const readEncoders = mesh && (() => readEncoderRouting(db))
  const ground = { engine, store, db, storage, clock, log }
  const gateway = createGateway({
    ...ground,
    profiles: presets,
    sources,
    plugins: plugins.commands,
    region: config.workerRegion,
    leaseMs: config.leaseMs,
  })
  const desk = createDesk({
    ...ground,
    bus,
    leaseMs: config.leaseMs,
    heartbeatMs: config.heartbeatMs,
    onRefused: (code) => metrics.workerRefused(code),
    admission: isCluster ? { joinToken: config.joinToken, version } : 'open',
    resolveSource: sources.resolveSource,
    ...(readEncoders !== undefined && { readEncoders }),
  })
  await startEngine(lifecycle, engine, { store, registry, db })
  // Before the calls of people, after the engine that its actors live in.
  await lifecycle.start('plugins', () => plugins.start(), () => plugins.stop())
  const listening = await startHttp({
    ...setup,
    db,
    gateway,
    storages: opened,
    engine,
    metrics,
    secrets,
    plugins,
    needsWorker: !isCluster,
  })
  storageUrl ||= addressForOthers(listening.url)
  await lifecycle.start('desk', () => desk.start(), () => desk.stop())
  await startHedging(lifecycle, { engine, db, clock, log, onHedged: () => metrics.chunkHedged() })
  await startRetention(lifecycle, { db, storage, gateway, keep: keepTimesOf(config), clock, log })
  return { ...listening, storage, hasFiles, outbound, mesh, readEncoders, secrets }
}

interface SourceParts {
  readonly db: Database
  readonly opened: KernelStorages
  readonly outbound: Outbound
  /** Known when the plugins are. */
  readonly mesh: () => PluginMesh | undefined
}

function createKernelSources(
  { config, isCluster = false }: KernelSetup,
  { db, opened, outbound, mesh }: SourceParts,
): Sources {
  return createSources({
    roots: config.mediaRoots,
    storage: opened.storage,
    outbound,
    uploadsBucket: 'media',
    storages: opened.storages,
    routeStorage: (url) => routeSource(url, { db, mesh: mesh(), main: opened.storages.main }),
    ...(isCluster && { getMediaUrl: opened.getMediaUrl }),
  })
}

async function startEngine(
  lifecycle: Lifecycle,
  engine: Engine,
  parts: RehearsalParts,
): Promise<void> {
  await rehearse(parts)
  await lifecycle.start('engine', () => engine.start(), () => engine.stop())
}

async function startRetention(lifecycle: Lifecycle, options: RetentionOptions): Promise<void> {
  const retention = createRetention(options)
  await lifecycle.start('retention', () => retention.start(), () => retention.stop())
}

async function startHedging(lifecycle: Lifecycle, options: HedgingOptions): Promise<void> {
  const hedging = createHedging(options)
  await lifecycle.start('hedging', async () => hedging.start(), () => hedging.stop())
}

/** A server that listens on every address is known to others by the name of its machine. */
function addressForOthers(url: string): string {
  const address = new URL(url)
  if (address.hostname === '0.0.0.0' || address.hostname === '[::]') address.hostname = hostname()
  return address.origin
}

function keepTimesOf(config: Config): KeepTimes {
  return {
    jobsDays: config.keepJobsDays,
    uploadsHours: config.keepUploadsHours,
    logsDays: config.keepLogsDays,
    auditDays: config.keepAuditDays,
  }
}
