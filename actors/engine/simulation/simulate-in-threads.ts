/** Runs many schedules side by side, each thread with seeds of its own. */
import { Worker } from 'node:worker_threads'
import type { SimulationSummary } from './simulate.ts'
import type { ThreadTask } from './simulation-thread.ts'

/** The scenario lives in a module, because a thread imports it anew. */
export interface ScenarioModule {
  /** Its URL. */
  readonly module: string
  /** The name of its export. */
  readonly name: string
}

/**
 * Runs `schedules` schedules with the seeds from `firstSeed` on. Beside using the cores, a thread is free of the hooks
 * with which a test runner follows every promise: they more than double the time.
 * @param threads - at least 1. @default 2
 * @throws what a thread throws
 */
export async function simulateInThreads(
  scenario: ScenarioModule,
  { firstSeed, schedules, threads = 2 }: {
    readonly firstSeed: number
    readonly schedules: number
    readonly threads?: number
  },
): Promise<SimulationSummary> {
  const share = Math.ceil(schedules / threads)
  const tasks = Array.from({ length: threads }, (_, i): ThreadTask => ({
    module: scenario.module,
    name: scenario.name,
    firstSeed: firstSeed + i * share,
    schedules: Math.max(0, Math.min(share, schedules - i * share)),
  }))
  return (await Promise.all(tasks.map(runThread))).reduce(joined)
}

/** The compiled program has other file names. */
const threadUrl = new URL(
  `./simulation-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`,
  import.meta.url,
)

async function runThread(task: ThreadTask): Promise<SimulationSummary> {
  const thread = new Worker(threadUrl, { workerData: task })
  try {
    return await new Promise<SimulationSummary>((resolve, reject) => {
      thread.once('message', resolve)
      thread.once('error', reject)
      thread.once(
        'exit',
        () => reject(new Error('a thread of the simulation ended without a result')),
      )
    })
  } finally {
    await thread.terminate()
  }
}

function joined(one: SimulationSummary, other: SimulationSummary): SimulationSummary {
  return {
    schedules: one.schedules + other.schedules,
    transitions: one.transitions + other.transitions,
    crashes: added(one.crashes, other.crashes),
    seen: added(one.seen, other.seen),
    failed: one.failed ?? other.failed,
  }
}

function added(
  one: ReadonlyMap<string, number>,
  other: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const sums = new Map(one)
  for (const [what, times] of other) sums.set(what, (sums.get(what) ?? 0) + times)
  return sums
}
