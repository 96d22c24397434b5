/** The workers of the product: the one inside the box, which shares its disk, and one of a cluster, which shares nothing. */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Bus } from '../../kernel/bus/bus.ts'
import { systemClock } from '../../kernel/clock.ts'
import type { Config } from '../../kernel/config.ts'
import type { EncoderRouting } from '../../kernel/contract/encoder-routing.ts'
import type { SecretResolver } from '../../kernel/contract/plugin.ts'
import type { StorageProvider } from '../../kernel/contract/storage.ts'
import type { Lifecycle } from '../../kernel/lifecycle.ts'
import type { Log } from '../../kernel/log.ts'
import { createOutbound, type Outbound } from '../../kernel/outbound.ts'
import { type AgentOptions, createAgent } from '../../workers/agent.ts'
import { readCapabilities } from '../../workers/capabilities.ts'
import { createCredentialFile } from '../../workers/credential.ts'
import { taskHandlers } from '../../workers/handlers.ts'
import { createKernelLink } from '../../workers/kernel-link.ts'
import { createObjectQuestions } from '../../workers/object-questions.ts'
import { createRemoteObjects } from '../../workers/remote-objects.ts'
import { createSourceProxy } from '../../workers/source-proxy.ts'
import { createLocalObjects, type WorkerObjects } from '../../workers/transfer.ts'
import { createTransferMeter } from '../../workers/transfer-meter.ts'
import { chooseEncoder } from './encoder.ts'
import { dataPathsOf } from './paths.ts'
import { version } from './version.ts'
import { WorkerLife } from './worker-life.ts'

interface WorkerParts {
  readonly config: Config
  /** Resolves what configurations of encoder plugins refer to. */
  readonly secrets: SecretResolver
  readonly bus: Bus
  readonly lifecycle: Lifecycle
  readonly log: Log
}

interface LocalWorkerParts extends WorkerParts {
  readonly storage: StorageProvider
  /** What the kernel says of encoders; absent: nothing. */
  readonly readEncoders: (() => Promise<EncoderRouting>) | undefined
  /** The objects are files that the worker can open. */
  readonly hasFiles: boolean
  readonly outbound: Outbound
}

/** Tasks of the box get this long when the process is asked to stop; then they are given back, and go on after the next start. */
const boxDrainMs = 2_000

/** Starts the worker as parts of the box's lifecycle. A restart by people makes it anew; without it the box goes on. */
export async function startLocalWorker(parts: LocalWorkerParts): Promise<void> {
  const { storage, hasFiles, outbound, lifecycle, log, readEncoders } = parts
  const sources = await lifecycle.start(
    'source proxy',
    () => createSourceProxy({ open: outbound.open, log }),
    (proxy) => proxy.close(),
  )
  await startLife(parts, {
    drainMs: boxDrainMs,
    ...(readEncoders !== undefined && { readEncoders }),
    onRemoved: () => log.warn('the worker of this box was removed; it works again after a start'),
    agentParts() {
      if (hasFiles) return { sources, objects: createLocalObjects({ storage }) }
      const session = randomUUID()
      return { sources, session, objects: remoteObjectsOf(parts, session) }
    },
  })
}

/** What becomes of a worker of a cluster. */
export interface RemoteWorker {
  /** Resolves when a kernel has taken it in for the first time. */
  readonly joined: Promise<void>
  /** Resolves when people have removed the worker, and its process is to end. */
  readonly removed: Promise<void>
}

/** Starts a worker; it joins when there is a kernel that takes it. */
export async function startRemoteWorker(parts: WorkerParts): Promise<RemoteWorker> {
  const { config, lifecycle, log } = parts
  const { joinToken, workerId, dataDirectory } = config
  const outbound = createOutbound({ allowedHosts: config.sourceHosts })
  const meter = createTransferMeter()
  const sources = await lifecycle.start(
    'source proxy',
    () => createSourceProxy({ open: outbound.open, log, onTransfer: meter.count }),
    (proxy) => proxy.close(),
  )
  const { promise: joined, resolve: onJoined } = Promise.withResolvers<void>()
  const { promise: removed, resolve: onRemoved } = Promise.withResolvers<void>()
  await startLife(parts, {
    drainMs: config.drainSeconds * 1000,
    onRemoved,
    agentParts() {
      const session = randomUUID()
      return {
        sources,
        session,
        joinToken,
        credentials: createCredentialFile(join(dataDirectory, `credential-${workerId}`)),
        readTransferred: meter.read,
        onChange: ({ state }) => state === 'working' && onJoined(),
        objects: remoteObjectsOf(parts, session, meter.count),
      }
    },
  })
  return { joined, removed }
}

/** Objects that are read and written by URLs which the kernel signs. */
function remoteObjectsOf(
  { config: { workerId, dataDirectory, workerCacheBytes }, bus, log }: WorkerParts,
  session: string,
  onTransfer?: (direction: 'in' | 'out', bytes: number) => void,
): WorkerObjects {
  return createRemoteObjects({
    ...createObjectQuestions(createKernelLink(bus), { workerId, session }),
    cacheDirectory: join(dataDirectory, 'cache'),
    cacheBytes: workerCacheBytes,
    clock: systemClock,
    log,
    ...(onTransfer !== undefined && { onTransfer }),
  })
}

interface Life {
  readonly drainMs: number
  readonly onRemoved: () => void
  readonly readEncoders?: () => Promise<EncoderRouting>
  /** What is made anew for every agent. */
  readonly agentParts: () =>
    & Pick<AgentOptions, 'sources' | 'objects'>
    & Partial<
      Pick<
        AgentOptions,
        'session' | 'joinToken' | 'credentials' | 'readTransferred' | 'onChange'
      >
    >
}

/** The drain, and what is left to do when it is over. */
const stopGraceMs = 15_000

async function startLife(
  { config, bus, lifecycle, log, secrets }: WorkerParts,
  { drainMs, onRemoved, readEncoders, agentParts }: Life,
): Promise<void> {
  const life = new WorkerLife({
    async open(ends) {
      const routing = await readEncoders?.()
      const encoder = await chooseEncoder(config, log, {
        secrets,
        ...(routing !== undefined && { routing }),
      })
      const agent = createAgent({
        ...ends,
        ...agentParts(),
        bus,
        encoder,
        followEncoders: encoder.follow,
        listEncoders: encoder.listInstalled,
        handlers: taskHandlers,
        workDirectory: dataPathsOf(config.dataDirectory).work,
        clock: systemClock,
        log,
        workerId: config.workerId,
        hostname: hostname(),
        version,
        region: config.workerRegion,
        capabilities: await readCapabilities({
          encoder: { getCapabilities: encoder.getInstalled },
          slots: config.workerSlots,
          lanes: config.workerLanes,
        }),
      })
      return { agent, close: () => encoder.close() }
    },
    onRemoved,
    drainMs,
    clock: systemClock,
    log,
  })
  await lifecycle.start('worker', () => life.start(), () => life.stop(), {
    stopTimeoutMs: drainMs + stopGraceMs,
  })
}
