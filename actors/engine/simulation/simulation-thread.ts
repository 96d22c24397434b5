/** A thread that runs schedules. Started by `simulateInThreads`. */
import { parentPort, workerData } from 'node:worker_threads'
import type { Scenario } from './scenario.ts'
import { simulateMany } from './simulate.ts'

/** What the thread is told. */
export interface ThreadTask {
  /** URL of the module that exports the scenario, and the name of the export. */
  readonly module: string
  readonly name: string
  readonly firstSeed: number
  readonly schedules: number
}

const { module, name, firstSeed, schedules } = workerData as ThreadTask
const exported = (await import(module)) as Record<string, Scenario | undefined>
const scenario = exported[name]
if (scenario === undefined) throw new RangeError(`"${module}" must export a scenario "${name}"`)
parentPort?.postMessage(await simulateMany(scenario, firstSeed, schedules))
