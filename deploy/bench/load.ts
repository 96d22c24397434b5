/** The load of the specification with npm alone: `npm run bench:load [-- SECTION ...]` prints a table and writes `load-results.json`. */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  createDataDirectory,
  mediaDirectory,
  type Product,
  startProduct,
  stopProducts,
  submit,
  upload,
} from '../checks/product.ts'
import { createCrowd, crowdSize } from './cluster/crowd.ts'
import { withPostgres } from './cluster/postgres.ts'
import { type Figure, percentile, type Section } from './figure.ts'
import { runSections } from './run.ts'

const submissionsPerSecond = 100
const submissionSeconds = 20
/** FFmpeg has the other core. */
const workerSlots = '1'

/** A hundred requests each second, whether or not those before were answered. */
const submissionsSection: Section = {
  name: 'submissions',
  measure: (say) =>
    withProduct({}, async (product, source_url) => {
      const waits: number[] = []
      let refused = 0
      const beginMs = performance.now()
      const sendOne = async (i: number) => {
        const dueMs = beginMs + i * 1000 / submissionsPerSecond
        await new Promise((next) => setTimeout(next, Math.max(0, dueMs - performance.now())))
        try {
          await submit(product, { source_url, profile: '480p_fast' })
        } catch {
          refused++
        }
        waits.push(performance.now() - dueMs)
      }
      const jobs = submissionsPerSecond * submissionSeconds
      await Promise.all(Array.from({ length: jobs }, (_, i) => sendOne(i)))
      say(`${jobs} jobs submitted, ${refused} refused`)
      return [refusedFigure(refused, jobs), waitFigure('submission, p99', waits, 'over HTTP')]
    }),
}

/** Ten thousand clients watch a job, and hear of its end. */
const webSocketsSection: Section = {
  name: 'websockets',
  measure: (say) =>
    withProduct({ FFPROBE_PATH: writeSleeper() }, async (product, source_url) => {
      const crowd = createCrowd()
      try {
        const { id } = await submit(product, { source_url, profile: '480p_fast' })
        const { url, token } = product
        await crowd.connect({ url, token, sharedJob: id, ownJobs: [id] })
        say(`${crowdSize} connections`)
        const waits = await crowd.timeUpdate('"status":"cancelled"', async () => {
          const nowMs = performance.timeOrigin + performance.now()
          await product.fetch(`/v1/jobs/${id}/cancel`, { method: 'POST' })
          return nowMs
        })
        return [waitFigure('a job is cancelled, p99', waits, `told to ${crowdSize} WebSockets`)]
      } finally {
        await crowd.stop()
      }
    }),
}

await runSections([submissionsSection, webSocketsSection], 'load-results.json')

/** Runs `work` with a product on PostgreSQL and the URL of an uploaded video. */
async function withProduct<T>(
  more: Readonly<Record<string, string>>,
  work: (product: Product, sourceUrl: string) => Promise<T>,
): Promise<T> {
  return await withPostgres(async (databaseUrl) => {
    try {
      const env = { DATABASE_URL: databaseUrl, WEBENCODE_WORKER_SLOTS: workerSlots, ...more }
      const product = await startProduct({ env })
      return await work(product, await upload(product, join(mediaDirectory, 'sample.mp4')))
    } finally {
      await stopProducts()
    }
  })
}

/** An ffprobe that never ends, so that a job waits until it is cancelled. */
function writeSleeper(): string {
  const path = join(createDataDirectory(), 'ffprobe')
  writeFileSync(path, '#!/bin/sh\ncase "$*" in *-version) exit ;; esac\nexec sleep 600\n')
  chmodSync(path, 0o755)
  return path
}

function refusedFigure(refused: number, jobs: number): Figure {
  return {
    name: 'submissions refused',
    value: refused,
    unit: '',
    goal: '0',
    reached: refused === 0,
    detail: `${jobs} jobs, ${submissionsPerSecond} a second, while FFmpeg encodes`,
  }
}

function waitFigure(name: string, waits: readonly number[], how: string): Figure {
  const p99 = percentile(waits, 0.99)
  return {
    name,
    value: p99,
    unit: 'ms',
    goal: '<= 250 ms',
    reached: p99 <= 250,
    detail: `${waits.length} waits, p50 ${percentile(waits, 0.5).toFixed(0)} ms, ${how}`,
  }
}
