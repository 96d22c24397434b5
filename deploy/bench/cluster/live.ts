/** Ten thousand WebSockets on one kernel process: how soon all hear of one event, what one costs in memory, and how far behind any is while a thousand jobs change each second. */
import { type Figure, percentile, type Section } from '../figure.ts'
import { type Child, startChild } from './child.ts'
import type { answers as ClientAnswers } from './live-clients.ts'
import type { answers as KernelAnswers } from './live-kernel.ts'
import { withPostgres } from './postgres.ts'

type Kernel = Child<typeof KernelAnswers>
type Clients = Child<typeof ClientAnswers>

const connections = 10_000
/** Processes that the clients are spread over. */
const processes = 2
const changingJobs = 1000
const events = 10
const settleMs = 2000
/** An event that has not arrived everywhere by then never will. */
const longestMs = 5000
const changeSeconds = 10

export const liveSection: Section = {
  name: 'live',
  measure: (say) => withPostgres((databaseUrl) => measure(databaseUrl, say)),
}

async function measure(databaseUrl: string, say: (line: string) => void): Promise<Figure[]> {
  const kernel = startChild<typeof KernelAnswers>('live-kernel.js')
  const clients = Array.from(
    { length: processes },
    () => startChild<typeof ClientAnswers>('live-clients.js'),
  )
  try {
    const jobs = await kernel.ask('open', { databaseUrl, jobs: changingJobs })
    await settle()
    const before = await kernel.ask('memoryBytes', undefined)
    await connectAll(clients, jobs)
    await settle()
    const after = await kernel.ask('memoryBytes', undefined)
    say(`${connections} connections, ${Math.round((after - before) / connections)} bytes each`)
    const event = await timeEvents(kernel, clients, jobs.sharedJob)
    say(`one event to all: p99 ${percentile(event.waits, 0.99).toFixed(0)} ms`)
    const lags = await timeChanges(kernel, clients, jobs.ownJobs)
    return figuresFrom((after - before) / connections, event, lags)
  } finally {
    await Promise.all([kernel, ...clients].map((child) => child.stop()))
  }
}

function settle(): Promise<void> {
  return new Promise((settled) => setTimeout(settled, settleMs))
}

async function connectAll(
  clients: readonly Clients[],
  jobs: Awaited<ReturnType<typeof KernelAnswers.open>>,
): Promise<void> {
  const plan = { ...jobs, clients: connections / clients.length }
  await Promise.all(clients.map((process) => process.ask('connect', plan)))
}

interface Events {
  /** From the change to each client, in ms. */
  readonly waits: readonly number[]
  /** CPU time of the kernel for one event. */
  readonly cpuMs: number
}

/** Waits from the change to each client, over several events, one after the other. */
async function timeEvents(
  kernel: Kernel,
  clients: readonly Clients[],
  jobId: string,
): Promise<Events> {
  const waits: number[] = []
  const begunCpuMs = await kernel.ask('cpuMs', undefined)
  for (let mark = 1; mark <= events; mark++) {
    await Promise.all(clients.map((process) => process.ask('expect', mark)))
    const changedMs = await kernel.ask('change', { jobId, mark })
    const arrivals = await allArrivals(clients)
    waits.push(...arrivals.map((atMs) => atMs - changedMs))
    // Whoever was not told counts as the longest wait.
    waits.push(...Array.from({ length: connections - arrivals.length }, () => longestMs))
  }
  const cpuMs = (await kernel.ask('cpuMs', undefined) - begunCpuMs) / events
  return { waits, cpuMs }
}

async function allArrivals(clients: readonly Clients[]): Promise<number[]> {
  const giveUpMs = Date.now() + longestMs
  for (;;) {
    await new Promise((next) => setTimeout(next, 500))
    const arrivals = (await Promise.all(clients.map((process) =>
      process.ask('arrivals', undefined)
    ))).flat()
    if (arrivals.length >= connections || Date.now() > giveUpMs) return arrivals
  }
}

async function timeChanges(
  kernel: Kernel,
  clients: readonly Clients[],
  jobIds: readonly string[],
): Promise<number[]> {
  const beginMs = Date.now() + 500
  await Promise.all(clients.map((process) => process.ask('beginChanges', beginMs)))
  await kernel.ask('changeAll', { jobIds, beginMs, seconds: changeSeconds })
  const endMs = Date.now() - beginMs
  return (await Promise.all(clients.map((process) => process.ask('endChanges', endMs)))).flat()
}

function figuresFrom(
  bytes: number,
  { waits, cpuMs }: Events,
  lags: readonly number[],
): Figure[] {
  const p99 = percentile(waits, 0.99)
  const worst = lags.reduce((most, lag) => Math.max(most, lag), 0)
  const each = `${connections} WebSockets on one kernel, clients in ${processes} processes`
  return [
    {
      name: 'one event to all, p99',
      value: p99,
      unit: 'ms',
      goal: '<= 250 ms',
      reached: p99 <= 250,
      detail: `${events} events from UPDATE to client, p50 ${
        percentile(waits, 0.5).toFixed(0)
      } ms, ${cpuMs.toFixed(0)} ms CPU of the kernel each, ${each}`,
    },
    {
      name: 'memory of a connection',
      value: bytes / 1024,
      unit: 'KB',
      goal: '<= 25 KB',
      reached: bytes <= 25 * 1024,
      detail: `growth of the kernel's resident memory, two topics each, ${each}`,
    },
    {
      name: 'most behind',
      value: worst,
      unit: 'ms',
      goal: '<= 1000 ms',
      reached: worst <= 1000,
      detail:
        `${changingJobs} jobs change each second, ${lags.length} updates in ${changeSeconds} s, p99 ${
          percentile(lags, 0.99).toFixed(0)
        } ms, ${each}`,
    },
  ]
}
