/** The whole product in one process: a kernel and one worker, joined by a bus in memory. */
import { createMemoryBus } from '../kernel/bus/memory.ts'
import { systemClock } from '../kernel/clock.ts'
import type { Config } from '../kernel/config.ts'
import { createLifecycle } from '../kernel/lifecycle.ts'
import type { Log } from '../kernel/log.ts'
import type { Listening } from './box/http.ts'
import { startKernel } from './box/kernel.ts'
import { startLocalWorker } from './box/worker.ts'

/** A running product. */
export interface Box extends Listening {
  /** Stops every part in reverse order. */
  stop(): Promise<void>
}

/**
 * Starts the product.
 * @throws the first part's failure, named; everything that was started before it is stopped
 */
export async function startBox(config: Config, log: Log): Promise<Box> {
  const lifecycle = createLifecycle({ log, clock: systemClock })
  const bus = await lifecycle.start(
    'bus',
    () => createMemoryBus({ clock: systemClock, log }),
    (open) => open.close(),
  )
  const kernel = await startKernel({ config, log, lifecycle, bus })
  await startLocalWorker({ ...kernel, config, bus, lifecycle, log })
  const { url, adminToken, signInUrl } = kernel
  return { url, adminToken, signInUrl, stop: async () => void (await lifecycle.stop()) }
}
