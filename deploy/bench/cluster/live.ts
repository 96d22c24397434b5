/** Ten thousand WebSockets on one kernel process: how soon all hear of one event, what one costs in memory, and how far behind any is while a thousand jobs change each second. */
import { type Figure, percentile, type Section } from '../figure.ts'
import { type Child, startChild } from './child.ts'
import { createCrowd, type Crowd, crowdProcesses, crowdSize } from './crowd.ts'
import type { answers as KernelAnswers } from './live-kernel.ts'
import { withPostgres } from './postgres.ts'

type Kernel = Child<typeof KernelAnswers>

const changingJobs = 1000
const events = 10
const settleMs = 2000
const changeSeconds = 10

export const liveSection: Section = {
  name: 'live',
  measure: (say) => withPostgres((databaseUrl) => measure(databaseUrl, say)),
}

async function measure(databaseUrl: string, say: (line: string) => void): Promise<Figure[]> {
  const kernel = startChild<typeof KernelAnswers>('live-kernel.js')
  const crowd = createCrowd()
  try {
    const jobs = await kernel.ask('open', { databaseUrl, jobs: changingJobs })
    await settle()
    const before = await kernel.ask('memoryBytes', undefined)
    await crowd.connect(jobs)
    await settle()
    const bytesEach = (await kernel.ask('memoryBytes', undefined) - before) / crowdSize
    say(`${crowdSize} connections, ${Math.round(bytesEach)} bytes each`)
    const event = await timeEvents(kernel, crowd, jobs.sharedJob)
    say(`one event to all: p99 ${percentile(event.waits, 0.99).toFixed(0)} ms`)
    const lags = await timeChanges(kernel, crowd, jobs.ownJobs)
    return [eventFigure(event), memoryFigure(bytesEach), lagFigure(lags)]
  } finally {
    await Promise.all([kernel.stop(), crowd.stop()])
  }
}

function settle(): Promise<void> {
  return new Promise((settled) => setTimeout(settled, settleMs))
}

interface Events {
  /** From the change to each client, in ms. */
  readonly waits: readonly number[]
  /** CPU time of the kernel for one event. */
  readonly cpuMs: number
}

/** Several events, one after the other. */
async function timeEvents(kernel: Kernel, crowd: Crowd, jobId: string): Promise<Events> {
  const waits: number[] = []
  const begunCpuMs = await kernel.ask('cpuMs', undefined)
  for (let mark = 1; mark <= events; mark++) {
    const change = () => kernel.ask('change', { jobId, mark })
    waits.push(...await crowd.timeUpdate(`"eta_seconds":${mark},`, change))
  }
  return { waits, cpuMs: (await kernel.ask('cpuMs', undefined) - begunCpuMs) / events }
}

async function timeChanges(
  kernel: Kernel,
  crowd: Crowd,
  jobIds: readonly string[],
): Promise<number[]> {
  const beginMs = Date.now() + 500
  await crowd.beginChanges(beginMs)
  await kernel.ask('changeAll', { jobIds, beginMs, seconds: changeSeconds })
  return await crowd.endChanges(Date.now() - beginMs)
}

const each = `${crowdSize} WebSockets on one kernel, clients in ${crowdProcesses} processes`

function eventFigure({ waits, cpuMs }: Events): Figure {
  const [p50, p99] = [percentile(waits, 0.5), percentile(waits, 0.99)]
  return {
    name: 'one event to all, p99',
    value: p99,
    unit: 'ms',
    goal: '<= 250 ms',
    reached: p99 <= 250,
    detail: `${events} events from UPDATE to client, p50 ${p50.toFixed(0)} ms, ${
      cpuMs.toFixed(0)
    } ms CPU of the kernel each, ${each}`,
  }
}

function memoryFigure(bytesEach: number): Figure {
  return {
    name: 'memory of a connection',
    value: bytesEach / 1024,
    unit: 'KB',
    goal: '<= 25 KB',
    reached: bytesEach <= 25 * 1024,
    detail: `growth of the kernel's resident memory, two topics each, ${each}`,
  }
}

function lagFigure(lags: readonly number[]): Figure {
  const worst = lags.reduce((most, lag) => Math.max(most, lag), 0)
  return {
    name: 'most behind',
    value: worst,
    unit: 'ms',
    goal: '<= 1000 ms',
    reached: worst <= 1000,
    detail:
      `${changingJobs} jobs change each second, ${lags.length} updates in ${changeSeconds} s, p99 ${
        percentile(lags, 0.99).toFixed(0)
      } ms, ${each}`,
  }
}
