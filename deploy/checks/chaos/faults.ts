/** The faults: each breaks something, waits, and heals it. */
import type { ClusterProcess } from '../../cluster/process.ts'
import type { Stage } from './stage.ts'

/** Something that goes wrong. */
export interface Fault {
  readonly name: string
  /** Why it cannot be had here; absent where it can. */
  readonly missing?: (stage: Stage) => string | undefined
  /** Breaks and heals. */
  readonly strike: (stage: Stage) => Promise<void>
}

/** Longer than a lease of the chaos, so that whoever is silent for it has lost its tasks. */
const pastLeaseMs = 6_000

/** Every fault, in the order of the first round. */
export const faults: readonly Fault[] = [
  {
    name: 'kill -9 a worker',
    strike: async (stage) => await killAndRestart(stage, stage.pick(stage.cluster.workers)),
  },
  {
    name: 'kill -9 a kernel',
    strike: async (stage) => {
      const kernel = stage.pick(stage.cluster.kernels)
      await kernel.kill()
      await stage.measure('kernel', async () => {
        await kernel.start()
        await stage.serves(kernel)
      })
    },
  },
  {
    name: 'kill -9 nats-server',
    strike: async ({ cluster, wait }) => {
      await cluster.nats.kill()
      await wait(2_000)
      await cluster.nats.restart()
    },
  },
  {
    name: 'wipe the NATS store',
    strike: ({ cluster }) => cluster.nats.restart({ wipe: true }),
  },
  {
    name: 'kill -9 PostgreSQL',
    strike: async (stage) => {
      await stage.cluster.postgres.kill()
      await stage.wait(1_000)
      await stage.cluster.postgres.restart()
      await stage.measure('postgres', () => stage.allServe())
    },
  },
  {
    name: 'restart PostgreSQL again and again',
    strike: async ({ cluster, wait }) => {
      for (let i = 0; i < 3; i++) {
        await cluster.postgres.stop('fast')
        await wait(500)
        await cluster.postgres.restart()
        await wait(3_000)
      }
    },
  },
  {
    name: 'stop a worker past its lease, then go on',
    strike: async ({ cluster, pick, wait }) => {
      const worker = pick(cluster.workers)
      worker.pause()
      await wait(pastLeaseMs)
      worker.resume()
    },
  },
  {
    name: 'cut a worker off NATS',
    strike: (stage) => withLink(stage.natsLinkOf(stage.pick(stage.cluster.workers)), 'cut', stage),
  },
  {
    name: 'a half-open connection between a worker and NATS',
    strike: (stage) =>
      withLink(stage.natsLinkOf(stage.pick(stage.cluster.workers)), 'stall', stage),
  },
  {
    name: 'cut a kernel off PostgreSQL',
    strike: (stage) =>
      withLink(stage.databaseLinkOf(stage.pick(stage.cluster.kernels)), 'cut', stage),
  },
  {
    name: 'a half-open connection between a kernel and PostgreSQL',
    strike: (stage) =>
      withLink(stage.databaseLinkOf(stage.pick(stage.cluster.kernels)), 'stall', stage),
  },
  {
    name: 'cut the connection during COMMIT',
    strike: async (stage) => {
      const link = stage.databaseLinkOf(stage.pick(stage.cluster.kernels))
      for (const when of ['before', 'after', 'before', 'after'] as const) {
        link.cutNextCommit(when)
        await stage.wait(700)
      }
    },
  },
  {
    name: 'duplicate and reordered deliveries',
    strike: (stage) => stage.repeatDeliveries(),
  },
  {
    name: 'the clock of one process an hour off',
    missing: ({ hasFakeTime }) => hasFakeTime ? undefined : 'faketime is not installed',
    strike: async (stage) => await stage.shiftClock(stage.pick(stage.cluster.processes)),
  },
  {
    name: 'the disk of a worker is full',
    missing: ({ canMount }) => canMount ? undefined : 'only root may mount a small disk',
    strike: (stage) => stage.fillDisk(stage.pick(stage.cluster.workers)),
  },
  {
    name: 'rolling restart of everything',
    strike: async ({ cluster }) => {
      for (const process of cluster.processes) {
        await process.stop()
        await process.start()
      }
    },
  },
]

async function killAndRestart({ wait }: Stage, process: ClusterProcess): Promise<void> {
  await process.kill()
  await wait(1_000)
  await process.start()
}

async function withLink(
  link: { set(mode: 'pass' | 'cut' | 'stall'): void },
  mode: 'cut' | 'stall',
  { wait }: Stage,
): Promise<void> {
  link.set(mode)
  await wait(pastLeaseMs)
  link.set('pass')
}
