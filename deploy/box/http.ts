/** The HTTP side of the box: sign-in, API, live updates and pages, on one port. */
import type { Engine } from '../../actors/engine/engine.ts'
import { createAuditRelay } from '../../kernel/audit/relay.ts'
import { type AuditWriter, createAuditWriter } from '../../kernel/audit/writer.ts'
import type { Bus } from '../../kernel/bus/bus.ts'
import { systemClock } from '../../kernel/clock.ts'
import type { Config } from '../../kernel/config.ts'
import type { Database } from '../../kernel/db/database.ts'
import type { Gateway } from '../../kernel/gateway.ts'
import { createApp } from '../../kernel/http/app.ts'
import { defaultHttpConfig, type HttpConfig, type HttpDeps } from '../../kernel/http/deps.ts'
import { pluginLogsTopic } from '../../kernel/http/live-topic.ts'
import { pluginFamilies } from '../../kernel/http/plugin-topics.ts'
import { createLiveHub } from '../../kernel/http/ws.ts'
import type { Lifecycle } from '../../kernel/lifecycle.ts'
import type { Log } from '../../kernel/log.ts'
import type { Metrics } from '../../kernel/metrics.ts'
import { presets } from '../../kernel/profiles.ts'
import { createRuntime } from '../../kernel/runtime/serve.ts'
import type { SecretStore } from '../../kernel/plugin/secrets/store.ts'
import { createUi } from '../../ui/app.tsx'
import { watchNotes } from './audit-notes.ts'
import { openAuth } from './auth.ts'
import { openSignIn } from './sign-in.ts'
import { measureBox } from './measure.ts'
import { assetsDirectory, dataPathsOf } from './paths.ts'
import type { KernelPlugins } from './plugins.ts'
import { checkReadiness } from './readiness.ts'
import type { KernelStorages } from './storage.ts'
import { readUsage } from './usage.ts'

/** What the HTTP side is made of. */
export interface HttpParts {
  readonly config: Config
  readonly log: Log
  readonly lifecycle: Lifecycle
  readonly db: Database
  readonly bus: Bus
  readonly gateway: Gateway
  readonly storages: KernelStorages
  readonly engine: Engine
  readonly metrics: Metrics
  readonly secrets: SecretStore
  readonly plugins: KernelPlugins
  /** Not ready without a worker: it is part of this process. */
  readonly needsWorker: boolean
}

/** Where a kernel listens, and who may come in. */
export interface Listening {
  /** E.g. `http://127.0.0.1:8080`. */
  readonly url: string
  /** API token of the admin that this start created, or that the configuration fixes; empty otherwise. */
  readonly adminToken: string
  /** Signs the admin in once. */
  readonly signInUrl: string
}

/** A token may create this many jobs per second; what waits is bounded by the engine. */
const postsPerSecond = 5000

/** Starts listening. */
export async function startHttp(parts: HttpParts): Promise<Listening> {
  const { config, log, lifecycle, db, bus, engine, metrics } = parts
  const users = openAuth(config, log)
  const admin = await users.ensureAdmin()
  const { mesh } = parts.plugins
  const signIn = await openSignIn({ config, log, db, users, clock: systemClock, mesh })
  const live = await lifecycle.start(
    'live updates',
    () =>
      createLiveHub({
        bus,
        db,
        clock: systemClock,
        log,
        maxConnections: config.maxLiveConnections,
        families: pluginFamilies(parts.plugins.directory),
      }),
    (hub) => hub.close(),
  )
  parts.plugins.onLogLine((pluginId) => live.announce(pluginLogsTopic(pluginId)))
  metrics.beforeScrape(() => Promise.resolve(metrics.liveConnections(live.connectionCount)))
  await lifecycle.start(
    'metrics',
    () => measureBox({ metrics, bus, db, engineStats: () => engine.stats() }),
    (subscription) => subscription.close(),
  )
  const audit = await startAudit(parts)
  const runtime = await createRuntime()
  const app = createPagesAndApi(
    {
      ...parts,
      ...signIn,
      keptUsers: users,
      audit,
      plugins: parts.plugins.directory,
      hasEncoderRules: mesh !== undefined,
      storage: parts.storages.storage,
      storages: parts.storages.storages,
      serveObject: parts.storages.serveObject,
      profiles: presets,
      live,
      upgradeWebSocket: runtime.upgradeWebSocket,
      readiness: () => checkReadiness(db, bus, parts.needsWorker),
      config: httpConfigFrom(config),
      clock: systemClock,
    },
    parts.storages,
    config,
  )
  const { port } = await lifecycle.start(
    'http',
    () =>
      runtime.serve({
        app,
        port: config.kernelPort,
        host: config.kernelHost,
        maxConnections: maxConnectionsOf(config),
      }),
    (server) => server.close(),
  )
  const url = `http://${
    config.kernelHost.includes(':') ? `[${config.kernelHost}]` : config.kernelHost
  }:${port}`
  return {
    url,
    adminToken: config.adminToken ?? admin.token ?? '',
    signInUrl: `${config.publicUrl ?? url}/auth/link?code=${admin.oneTimeCode}`,
  }
}

/** The rows that wait are written before the relay stops, and handed to the bus before the bus closes or at the next start. */
async function startAudit({ config, lifecycle, db, bus, log }: HttpParts): Promise<AuditWriter> {
  const relay = createAuditRelay({ db, bus, clock: systemClock, log })
  await lifecycle.start('audit relay', () => relay.start(), () => relay.stop())
  const options = { db, clock: systemClock, log, onCommit: () => relay.kick() }
  const audit = await lifecycle.start(
    'audit',
    () => createAuditWriter(options),
    (writer) => writer.close(),
  )
  const directory = dataPathsOf(config.dataDirectory).auditNotes
  await lifecycle.start(
    'audit notes',
    () => watchNotes({ directory, audit, clock: systemClock, log }),
    (stop) => stop(),
  )
  return audit
}

function createPagesAndApi(deps: HttpDeps, { usage }: KernelStorages, config: Config) {
  const ui = createUi({
    ...deps,
    maxUploadBytes: deps.config.maxUploadBytes,
    assetsDirectory,
    openapi: async () => await (await app.request('/openapi.json')).json() as object,
    ...(config.natsUrl !== undefined && { workerBusUrl: shownUrl(config.natsUrl) }),
    ...(usage !== undefined && { storageUsage: () => readUsage(usage, config) }),
  })
  const app = createApp(deps, ui)
  return app
}

/** Everything that may be under way, and as many again that are idle, or come to be told that there is no room. */
function maxConnectionsOf({ maxLiveConnections, maxRequests, maxTransfers }: Config): number {
  return 2 * (maxLiveConnections + maxRequests + 2 * maxTransfers)
}

/** Without the credentials that it may hold. */
function shownUrl(text: string): string {
  const url = new URL(text)
  url.username = ''
  url.password = ''
  return url.href.replace(/\/$/, '')
}

function httpConfigFrom(config: Config): HttpConfig {
  return {
    ...defaultHttpConfig,
    ...(config.publicUrl === undefined ? {} : { publicUrl: config.publicUrl }),
    trustedProxies: config.trustedProxies,
    proxySignIn: config.proxySignIn === 'yes',
    maxBodyBytes: config.maxBodyBytes,
    maxUploadBytes: config.maxUploadBytes,
    postsPerSecond,
    maxRequests: config.maxRequests,
    maxTransfers: config.maxTransfers,
  }
}
