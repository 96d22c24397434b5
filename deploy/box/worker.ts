/** The worker inside the box: it claims over the bus like any other, and reads and writes objects in place. */
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Bus } from '../../kernel/bus/bus.ts'
import { systemClock } from '../../kernel/clock.ts'
import type { Config } from '../../kernel/config.ts'
import type { StorageProvider } from '../../kernel/contract/storage.ts'
import type { Lifecycle } from '../../kernel/lifecycle.ts'
import type { Log } from '../../kernel/log.ts'
import type { Outbound } from '../../kernel/outbound.ts'
import { createAgent } from '../../workers/agent.ts'
import { readCapabilities } from '../../workers/capabilities.ts'
import { taskHandlers } from '../../workers/handlers.ts'
import { createSourceProxy } from '../../workers/source-proxy.ts'
import { createLocalObjects } from '../../workers/transfer.ts'
import { chooseEncoder } from './encoder.ts'
import { dataPathsOf } from './paths.ts'
import { version } from './version.ts'
import { WorkerLife } from './worker-life.ts'

/** Tasks in hand get this long when the process is asked to stop; then they are given back. */
const drainMs = 2_000

interface WorkerParts {
  readonly config: Config
  readonly bus: Bus
  readonly storage: StorageProvider
  readonly outbound: Outbound
  readonly lifecycle: Lifecycle
  readonly log: Log
}

/** Starts the worker as parts of the box's lifecycle. A restart by people makes it anew; without it the box goes on. */
export async function startLocalWorker(
  { config, bus, storage, outbound, lifecycle, log }: WorkerParts,
): Promise<void> {
  const sources = await lifecycle.start(
    'source proxy',
    () => createSourceProxy({ open: outbound.open, log }),
    (proxy) => proxy.close(),
  )
  const life = new WorkerLife({
    async open(ends) {
      const encoder = await chooseEncoder(config, join(config.dataDirectory, 'run'), log)
      const agent = createAgent({
        ...ends,
        bus,
        encoder,
        handlers: taskHandlers,
        objects: createLocalObjects({ storage }),
        sources,
        workDirectory: dataPathsOf(config.dataDirectory).work,
        clock: systemClock,
        log,
        workerId: config.workerId,
        hostname: hostname(),
        version,
        region: config.workerRegion,
        capabilities: await readCapabilities({
          encoder,
          slots: config.workerSlots,
          lanes: config.workerLanes,
        }),
      })
      return { agent, close: () => encoder.close() }
    },
    onRemoved: () => log.warn('the worker of this box was removed; it works again after a start'),
    drainMs,
    clock: systemClock,
    log,
  })
  await lifecycle.start('worker', () => life.start(), () => life.stop())
}
