/** One kernel on PostgreSQL for the cluster benchmark: everything that `deploy/box.ts` starts, but a worker. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { actorDefinitions } from '../../../actors/definitions.ts'
import { createDesk } from '../../../actors/desk/desk.ts'
import { busHandlers } from '../../../actors/engine/bus-effects.ts'
import { createEngine } from '../../../actors/engine/engine.ts'
import { createRegistry } from '../../../actors/engine/registry.ts'
import { createGateway } from '../../../actors/gateway/gateway.ts'
import { createCleaner } from '../../../actors/gateway/objects.ts'
import { createMemoryBus } from '../../../kernel/bus/memory.ts'
import { systemClock } from '../../../kernel/clock.ts'
import { readConfig } from '../../../kernel/config.ts'
import { createActorStore } from '../../../kernel/db/actors.ts'
import { createLifecycle } from '../../../kernel/lifecycle.ts'
import { createLog } from '../../../kernel/log.ts'
import { createOutbound } from '../../../kernel/outbound.ts'
import { createMetrics } from '../../../kernel/metrics.ts'
import { presets } from '../../../kernel/profiles.ts'
import { createSources } from '../../../kernel/sources.ts'
import { openDatabase } from '../../box/database.ts'
import { startHttp } from '../../box/http.ts'
import { createKernelPlugins } from '../../box/plugins.ts'
import { startSecrets } from '../../box/secrets.ts'
import { openStorages } from '../../box/storage.ts'
import { endLater } from '../../cluster/endings.ts'

/** Bearer token of the benchmark's administrator. */
export const benchToken = 'we_bench_admin_token_0123456789'

/** A running kernel; `close` stops it and deletes its folder. */
export type BenchKernel = Awaited<ReturnType<typeof openBenchKernel>>

/**
 * Starts a kernel on the database at `databaseUrl`, which it migrates, with a bus and a storage of its own.
 * @param mediaRoot - a folder whose files may be sources, beside its own
 */
export async function openBenchKernel(databaseUrl: string, mediaRoot?: string) {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'webencode-bench-'))
  const clear = endLater(() => rmSync(dataDirectory, { recursive: true, force: true }))
  const config = readConfig({
    KERNEL_PORT: '0',
    WEBENCODE_DATA_DIR: dataDirectory,
    WEBENCODE_ADMIN_TOKEN: benchToken,
    WEBENCODE_MEDIA_ROOTS: [dataDirectory, ...(mediaRoot ? [mediaRoot] : [])].join(delimiter),
    DATABASE_URL: databaseUrl,
  })
  const [clock, log] = [systemClock, createLog('error')]
  const lifecycle = createLifecycle({ log, clock })
  const db = await openDatabase(config, log)
  const store = createActorStore(db)
  const bus = createMemoryBus({ clock, log })
  const storages = await openStorages(config, log)
  const { storage } = storages
  const outbound = createOutbound({ allowedHosts: [] })
  const sources = createSources({
    roots: config.mediaRoots,
    storage,
    outbound,
    uploadsBucket: 'media',
  })
  const engine = createEngine({
    store,
    registry: createRegistry(actorDefinitions),
    clock,
    log,
    handlers: { ...busHandlers(bus), clean: createCleaner({ storage, db }) },
  })
  const common = { engine, store, db, bus, storage, clock, log, leaseMs: config.leaseMs }
  const gateway = createGateway({ ...common, profiles: presets, sources, region: 'local' })
  const desk = createDesk({
    ...common,
    heartbeatMs: config.heartbeatMs,
    admission: 'open',
    resolveSource: sources.resolveSource,
  })
  engine.start()
  await desk.start()
  return {
    ...common,
    dataDirectory,
    gateway,
    /** Starts answering HTTP and WebSockets. @returns the URL */
    async listen(): Promise<string> {
      const metrics = createMetrics()
      const isCluster = true
      const secrets = await startSecrets({ config, log, lifecycle })
      const common = { config, log, db, bus, engine, metrics, secrets }
      const plugins = createKernelPlugins({ ...common, isCluster })
      const parts = { config, log, lifecycle, db, bus, gateway, storages, engine, secrets }
      return (await startHttp({ ...parts, metrics, plugins, needsWorker: false })).url
    },
    async close(): Promise<void> {
      await lifecycle.stop()
      await desk.stop()
      await engine.stop()
      await bus.close()
      await storages.close()
      await db.close()
      await clear()
    },
  }
}
