/** The whole product in one process: database, engine, HTTP, pages and one worker, started and stopped in order. */
import { actorDefinitions } from '../actors/definitions.ts'
import { createDesk } from '../actors/desk/desk.ts'
import { busHandlers } from '../actors/engine/bus-effects.ts'
import { createEngine } from '../actors/engine/engine.ts'
import { createRegistry } from '../actors/engine/registry.ts'
import { createGateway } from '../actors/gateway/gateway.ts'
import { createCleaner } from '../actors/gateway/objects.ts'
import { createMemoryBus } from '../kernel/bus/memory.ts'
import { systemClock } from '../kernel/clock.ts'
import type { Config } from '../kernel/config.ts'
import { createActorStore } from '../kernel/db/actors.ts'
import { createLifecycle } from '../kernel/lifecycle.ts'
import type { Log } from '../kernel/log.ts'
import { createOutbound } from '../kernel/outbound.ts'
import { presets } from '../kernel/profiles.ts'
import { createRetention, type KeepTimes } from '../kernel/retention.ts'
import { createSources } from '../kernel/sources.ts'
import { createFsStorage } from '../plugins/storage-fs/storage.ts'
import { openDatabase } from './box/database.ts'
import { startHttp } from './box/http.ts'
import { dataPathsOf, objectsPath } from './box/paths.ts'
import { readOrCreateKey } from './box/secret-file.ts'
import { startWorker } from './box/worker.ts'

/** A running product. */
export interface Box {
  /** Where it listens, e.g. `http://127.0.0.1:8080`. */
  readonly url: string
  /** API token of the admin that this start created, or that the configuration fixes; empty otherwise. */
  readonly adminToken: string
  /** Signs the admin in once; only on the start that created it. */
  readonly signInUrl: string | undefined
  /** Stops every part in reverse order. */
  stop(): Promise<void>
}

const clock = systemClock

/**
 * Starts the product.
 * @throws the first part's failure, named; everything that was started before it is stopped
 */
export async function startBox(config: Config, log: Log): Promise<Box> {
  const lifecycle = createLifecycle({ log, clock })
  const paths = dataPathsOf(config.dataDirectory)
  const db = await lifecycle.start(
    'database',
    () => openDatabase(config, log),
    (open) => open.close(),
  )
  const signingKey = await readOrCreateKey(paths.signingKey)
  const storage = await lifecycle.start(
    'storage',
    () =>
      createFsStorage({
        root: paths.objects,
        signingKey,
        publicPath: objectsPath,
        now: clock.now,
        mediaRoots: config.mediaRoots,
        log,
      }),
    (open) => open.close(),
  )
  const bus = await lifecycle.start(
    'bus',
    () => createMemoryBus({ clock, log }),
    (open) => open.close(),
  )
  const outbound = createOutbound({ allowedHosts: config.sourceHosts })
  const sources = createSources({
    roots: config.mediaRoots,
    storage,
    outbound,
    uploadsBucket: 'media',
  })
  const store = createActorStore(db)
  const engine = createEngine({
    store,
    registry: createRegistry(actorDefinitions),
    clock,
    log,
    handlers: { ...busHandlers(bus), clean: createCleaner({ storage, db }) },
  })
  const gateway = createGateway({
    engine,
    store,
    db,
    storage,
    profiles: presets,
    sources,
    clock,
    log,
    region: config.workerRegion,
    leaseMs: config.leaseMs,
  })
  const desk = createDesk({
    engine,
    store,
    db,
    bus,
    storage,
    clock,
    log,
    leaseMs: config.leaseMs,
    heartbeatMs: config.heartbeatMs,
    resolveSource: sources.resolveSource,
  })
  await lifecycle.start('engine', () => engine.start(), () => engine.stop())
  await lifecycle.start('desk', () => desk.start(), () => desk.stop())

  const listening = await startHttp({ config, log, lifecycle, db, bus, gateway, storage, engine })
  await startWorker({ config, bus, storage, outbound, lifecycle, log })
  const retention = createRetention({ db, storage, gateway, keep: keepTimesOf(config), clock, log })
  await lifecycle.start('retention', () => retention.start(), () => retention.stop())
  return { ...listening, stop: async () => void (await lifecycle.stop()) }
}

function keepTimesOf({ keepJobsDays, keepUploadsHours, keepLogsDays }: Config): KeepTimes {
  return { jobsDays: keepJobsDays, uploadsHours: keepUploadsHours, logsDays: keepLogsDays }
}
