/** A worker of a cluster: `npm run worker`. It reaches out to NATS and to the storage; nothing reaches in. */
import { systemClock } from '../kernel/clock.ts'
import type { Config } from '../kernel/config.ts'
import { createLifecycle } from '../kernel/lifecycle.ts'
import type { Log } from '../kernel/log.ts'
import { openClusterBus } from './box/bus.ts'
import { type Running, runProcess } from './box/process.ts'
import { startSecrets } from './box/secrets.ts'
import { startRemoteWorker } from './box/worker.ts'

process.exitCode = await runProcess(
  start,
  'Draining: tasks in hand are finished or given back.',
)

async function start(config: Config, log: Log): Promise<Running> {
  const lifecycle = createLifecycle({ log, clock: systemClock })
  const bus = await lifecycle.start(
    'bus',
    () => openClusterBus(config, 'worker', log),
    (open) => open.close(),
  )
  const secrets = await startSecrets({ config, lifecycle, log })
  const parts = { config, bus, lifecycle, log, secrets }
  const { joined, removed } = await startRemoteWorker(parts)
  const place = new URL(config.natsUrl ?? '').host
  void joined.then(() => console.log(`Worker ${config.workerId} works for ${place}`))
  return {
    greeting: [],
    ended: removed,
    stop: async () => void (await lifecycle.stop()),
  }
}
