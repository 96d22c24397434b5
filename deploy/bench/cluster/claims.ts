/** Claims through the desk: full cycles of a hundred simulated workers, and how long a claim takes when a hundred thousand tasks are ready. */
import { cloneJobs } from '../../../kernel/db/clone-jobs.fixture.ts'
import { type Figure, percentile, type Section } from '../figure.ts'
import { openBenchKernel } from './kernel.ts'
import { type LoadResult, runCallers } from './load.ts'
import { withPostgres } from './postgres.ts'
import { simulatedWorker, startJob } from './work.ts'

const workers = 100
const seconds = 5
/** Tasks of a started job that are ready. */
const readyEach = 3
const fewReady = 12_000
const manyReady = 100_000
/** A worker that claims every second, as with tasks of a second each. */
const paceMs = 1000

export const claimsSection: Section = {
  name: 'claims',
  measure: (say) => withPostgres((databaseUrl) => measure(databaseUrl, say)),
}

async function measure(databaseUrl: string, say: (line: string) => void): Promise<Figure[]> {
  const kernel = await openBenchKernel(databaseUrl)
  try {
    const [few, many] = [await startJob(kernel), await startJob(kernel)]
    await cloneJobs(kernel.db, few, { count: Math.ceil(fewReady / readyEach), withActors: true })
    const crew = Array.from({ length: workers }, (_, i) => simulatedWorker(kernel, `w${i}`))
    await Promise.all(crew.map((worker) => worker.join()))
    say(`${fewReady} tasks are ready`)
    const cycles = await runCallers({
      callers: workers,
      seconds,
      async call(caller) {
        const [brief] = await crew[caller]!.claim(1)
        if (brief === undefined) throw new Error('a worker found nothing to claim')
        await crew[caller]!.finish(brief)
      },
    })
    say(`${Math.round(cycles.perSecond)} cycles/s`)
    await cloneJobs(kernel.db, many, {
      count: Math.ceil(manyReady / readyEach),
      withActors: true,
    })
    say(`${manyReady} more tasks are ready`)
    // They were silent for longer than a worker may be.
    await Promise.all(crew.map((worker) => worker.join()))
    return figuresFrom(cycles, await timeClaims(kernel.clock, crew))
  } finally {
    await kernel.close()
  }
}

/** Each worker claims at its pace and finishes what it got; only the claim is timed. */
async function timeClaims(
  clock: Awaited<ReturnType<typeof openBenchKernel>>['clock'],
  crew: readonly ReturnType<typeof simulatedWorker>[],
): Promise<number[]> {
  const waits: number[] = []
  await Promise.all(crew.map(async (worker, i) => {
    const beginMs = performance.now() + i * paceMs / crew.length
    for (let turn = 0; turn < seconds; turn++) {
      await clock.sleep(Math.max(0, beginMs + turn * paceMs - performance.now()))
      const sentMs = performance.now()
      const briefs = await worker.claim(1)
      waits.push(performance.now() - sentMs)
      for (const brief of briefs) await worker.finish(brief)
    }
  }))
  return waits
}

function figuresFrom(cycles: LoadResult, waits: readonly number[]): Figure[] {
  const p99 = percentile(waits, 0.99)
  return [
    {
      name: 'claim and finish cycles',
      value: cycles.perSecond,
      unit: '/s',
      goal: '>= 500/s',
      reached: cycles.perSecond >= 500,
      detail:
        `${workers} workers, each claiming when its last task is finished, for ${seconds} s; p99 of a cycle ${
          percentile(cycles.waits, 0.99).toFixed(0)
        } ms`,
    },
    {
      name: `claim with ${manyReady} ready tasks, p99`,
      value: p99,
      unit: 'ms',
      goal: '<= 100 ms',
      reached: p99 <= 100,
      detail: `${waits.length} claims of ${workers} workers, one a second each; p50 ${
        percentile(waits, 0.5).toFixed(1)
      } ms`,
    },
  ]
}
