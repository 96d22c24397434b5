/** A kernel of a cluster: `npm run kernel`. Any number of them, all alike, over one PostgreSQL and one NATS. */
import { systemClock } from '../kernel/clock.ts'
import type { Config } from '../kernel/config.ts'
import { createLifecycle } from '../kernel/lifecycle.ts'
import type { Log } from '../kernel/log.ts'
import { openClusterBus, required } from './box/bus.ts'
import { kernelGreeting } from './box/greeting.ts'
import { startKernel } from './box/kernel.ts'
import { type Running, runProcess } from './box/process.ts'

process.exitCode = await runProcess(start, 'Stopping: another kernel, or the next start, goes on.')

async function start(config: Config, log: Log): Promise<Running> {
  required('DATABASE_URL', config.databaseUrl)
  const lifecycle = createLifecycle({ log, clock: systemClock })
  const bus = await lifecycle.start(
    'bus',
    () => openClusterBus(config, 'kernel', log),
    (open) => open.close(),
  )
  const kernel = await startKernel({ config, log, lifecycle, bus, isCluster: true })
  return {
    greeting: kernelGreeting(kernel, config),
    stop: async () => void (await lifecycle.stop()),
  }
}
