/** From the request that creates a job to the start of its first FFmpeg process on a worker elsewhere, and recovery from kills. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { JobView } from '../../../kernel/contract/job.ts'
import { askAny, waitForEnd } from '../../checks/chaos/jobs.ts'
import { mediaDirectory } from '../../checks/product.ts'
import { Cluster } from '../../cluster/cluster.ts'
import { endLater } from '../../cluster/endings.ts'
import { LocalPostgres } from '../../cluster/postgres.ts'
import { type Figure, latencyFigures, median, type Section } from '../figure.ts'
import { commitMs, programStartMs } from '../floors.ts'
import { StartRecorder } from '../start-recorder.ts'

/** Enough that the 99th percentile is not the longest wait of all, which is that of the first job: everything is cold then. */
const jobs = 300
const kills = 5
const endMs = 60_000

/** Start latency over PostgreSQL, NATS and HTTP. */
export const startSection: Section = {
  name: 'start',
  measure: (say) =>
    withCluster(async (cluster, recorder) => {
      const waits = await recorder.time(jobs, say, async () => {
        const { id } = await askAny<JobView>(cluster, '/v1/jobs', {
          init: {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({
              source_url: pathToFileURL(join(mediaDirectory, 'sample.mp4')).href,
              profile: 'source_copy',
            }),
          },
        })
        return async () => void (await waitForEnd(cluster, id, endMs))
      })
      const floors = [await programStartMs(recorder), await commitMs(cluster.postgres.url)]
      const [programMs, durableMs] = floors.map((ms) => `${ms.toFixed(1)} ms`)
      const detail =
        `${jobs} jobs, one after the other, PostgreSQL, NATS, a worker that shares nothing; ` +
        `alone, the start of the program takes ${programMs}, and each of the two commits before it ${durableMs}`
      return latencyFigures('submit to FFmpeg start on a remote worker', waits, {
        p50: 10,
        p99: 50,
        detail,
      })
    }),
}

/** From the start of what was killed until a kernel says that it is ready. */
export const recoverySection: Section = {
  name: 'recovery',
  measure: (say) =>
    withCluster(async (cluster) => {
      const [kernel] = cluster.kernels
      if (kernel === undefined) throw new Error('there is no kernel')
      const serves = async () => {
        const deadline = performance.now() + endMs
        while (!(await isReady(kernel.ready))) {
          if (performance.now() > deadline) throw new Error('the kernel does not serve again')
        }
      }
      const ofKernel: number[] = []
      const ofPostgres: number[] = []
      for (let i = 0; i < kills; i++) {
        await kernel.kill()
        ofKernel.push(
          await secondsOf(async () => {
            await kernel.start()
            await serves()
          }),
        )
        await cluster.postgres.kill()
        await cluster.postgres.restart()
        ofPostgres.push(await secondsOf(serves))
        say(`kill ${i + 1}/${kills}`)
      }
      return [
        recoveryFigure('kill -9 of the kernel, start to serving', ofKernel, 5),
        recoveryFigure('kill -9 of PostgreSQL, its start to serving', ofPostgres, 15),
      ]
    }),
}

async function isReady(url: string): Promise<boolean> {
  const signal = AbortSignal.timeout(1_000)
  return (await fetch(new URL('/ready', url), { signal }).catch(() => undefined))?.ok === true
}

async function secondsOf(work: () => Promise<void>): Promise<number> {
  const begun = performance.now()
  await work()
  return (performance.now() - begun) / 1000
}

function recoveryFigure(name: string, seconds: readonly number[], most: number): Figure {
  const value = Math.max(...seconds)
  const detail = `the longest of ${seconds.length}; median ${median(seconds).toFixed(2)} s`
  return { name, value, unit: 's', goal: `<= ${most} s`, reached: value <= most, detail }
}

async function withCluster<T>(
  work: (cluster: Cluster, recorder: StartRecorder) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'webencode-bench-'))
  const recorder = new StartRecorder(directory, 'ffprobe')
  const starting = Cluster.start({
    directory,
    kernels: 1,
    workers: 1,
    adminToken: 'we_bench_admin_token_0123456789',
    joinToken: 'we_bench_join_token_0123456789',
    env: {
      LOG_LEVEL: 'warn',
      FFPROBE_PATH: recorder.program,
      WEBENCODE_MEDIA_ROOTS: mediaDirectory,
    },
  })
  const end = endLater(async () => {
    const cluster = await starting.catch(() => undefined) // whoever starts it hears of the failure
    await cluster?.stop()
    LocalPostgres.clear(join(directory, 'postgres'))
    rmSync(directory, { recursive: true, force: true })
  })
  try {
    return await work(await starting, recorder)
  } finally {
    await end()
  }
}
