/** Whether a long history slows the present: lists, claims and events with a thousand finished jobs, and with a hundred thousand. */
import { sampleWorker } from '../../../actors/worker/sample.ts'
import type { Json } from '../../../kernel/contract/json.ts'
import { cloneJobs } from '../../../kernel/db/clone-jobs.fixture.ts'
import { type JobQuery, listJobs } from '../../../kernel/db/jobs.ts'
import { type Figure, percentile, type Section } from '../figure.ts'
import { type BenchKernel, openBenchKernel } from './kernel.ts'
import { createDatabase, withPostgres } from './postgres.ts'
import { finishJob, simulatedWorker, startJob } from './work.ts'

const few = 1000
const many = 100_000
/** Operations of each kind, one after the other. */
const samples = 1000
/** Unmeasured before them: statements are prepared, code is compiled. */
const warmUps = 200
/** Started jobs, so that a claim chooses among some; each has three ready tasks. */
const started = Math.ceil((samples + warmUps) / 3)
const mostTimesSlower = 1.3

/** Something to be timed, over and over. */
interface Operation {
  work(i: number): Promise<unknown>
  /** What is to be done before the next, unmeasured. */
  tidy?(): Promise<void>
}

const operations: Readonly<Record<string, (kernel: BenchKernel) => Promise<Operation>>> = {
  list: prepareLists,
  claim: prepareClaims,
  apply: prepareEvents,
}

export const historySection: Section = {
  name: 'history',
  measure: (say) =>
    withPostgres(async (serverUrl) => {
      const kernels = [
        await openWithHistory(serverUrl, 'short', few),
        await openWithHistory(serverUrl, 'long', many),
      ] as const
      try {
        say(`${few} and ${many} finished jobs`)
        const figures: Figure[] = []
        for (const [kind, prepare] of Object.entries(operations)) {
          const [short, long] = [await prepare(kernels[0]), await prepare(kernels[1])]
          figures.push(figureFrom(kind, await timeByTurns(short, long)))
          say(figures.at(-1)?.detail ?? '')
        }
        return figures
      } finally {
        await Promise.all(kernels.map((kernel) => kernel.close()))
      }
    }),
}

async function openWithHistory(
  serverUrl: string,
  name: string,
  jobs: number,
): Promise<BenchKernel> {
  const kernel = await openBenchKernel(await createDatabase(serverUrl, name))
  await cloneJobs(kernel.db, await finishJob(kernel), { count: jobs, withActors: true })
  return kernel
}

/** The lists that people look at, by turns. */
async function prepareLists({ db }: BenchKernel): Promise<Operation> {
  const { nextCursor } = await listJobs(db)
  const queries: JobQuery[] = [
    {},
    { status: 'completed' },
    { userId: 'bench' },
    ...nextCursor === null ? [] : [{ cursor: nextCursor }],
  ]
  return { work: (i) => listJobs(db, queries[i % queries.length]) }
}

/** Only the claim is timed; what was claimed is finished before the next. */
async function prepareClaims(kernel: BenchKernel): Promise<Operation> {
  await cloneJobs(kernel.db, await startJob(kernel), { count: started, withActors: true })
  const worker = simulatedWorker(kernel, 'w1')
  let briefs: Awaited<ReturnType<typeof worker.claim>> = []
  return {
    async work(i) {
      // Not before: a worker may not be silent while the other database is prepared.
      if (i === 0) await worker.join()
      briefs = await worker.claim(1, ['cpu'])
    },
    async tidy() {
      if (briefs.length === 0) throw new Error('there was nothing to claim')
      for (const brief of briefs) await worker.finish(brief)
      // Both databases together may take longer than a worker may be silent.
      await worker.heartbeat()
    },
  }
}

/** By turns a worker falls silent and joins again. */
async function prepareEvents({ engine }: BenchKernel): Promise<Operation> {
  const actorId = 'worker:w2'
  const identity = { ...sampleWorker, workerId: 'w2', session: 'session-1' }
  const events = [{ type: 'silent', session: identity.session }, { type: 'join', ...identity }]
  await engine.create('worker', actorId, identity as Json)
  return { work: (i) => engine.send(actorId, events[i % 2]!) }
}

/** One after the other, so that whatever else the machine does slows both alike. */
async function timeByTurns(short: Operation, long: Operation) {
  const waits = { short: [] as number[], long: [] as number[] }
  for (let i = 0; i < warmUps + samples; i++) {
    const [shortMs, longMs] = [await timeOne(short, i), await timeOne(long, i)]
    if (i < warmUps) continue
    waits.short.push(shortMs)
    waits.long.push(longMs)
  }
  return waits
}

async function timeOne({ work, tidy }: Operation, i: number): Promise<number> {
  const begunMs = performance.now()
  await work(i)
  const waitMs = performance.now() - begunMs
  await tidy?.()
  return waitMs
}

function figureFrom(
  kind: string,
  { short, long }: { readonly short: readonly number[]; readonly long: readonly number[] },
): Figure {
  const value = percentile(long, 0.99) / percentile(short, 0.99)
  const line = (share: number) =>
    `${percentile(long, share).toFixed(1)} against ${percentile(short, share).toFixed(1)} ms`
  return {
    name: `${kind}, ${many} against ${few} finished jobs`,
    value,
    unit: 'x',
    goal: `<= ${mostTimesSlower}x`,
    reached: value <= mostTimesSlower,
    detail: `p99 ${line(0.99)}, p50 ${line(0.5)}, ${samples} of each by turns`,
  }
}
