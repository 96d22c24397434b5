/** Several kernels that answer many workers in groups from one PostgreSQL: each task is given out once, and none is left. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cloneJobs } from '../../kernel/db/clone-jobs.fixture.ts'
import {
  createTestPostgres,
  skipWithoutPostgres,
  type TestPostgres,
} from '../../kernel/db/test-database.ts'
import { type BenchKernel, openBenchKernel } from '../bench/cluster/kernel.ts'
import { simulatedWorker, startJob } from '../bench/cluster/work.ts'

const kernelCount = 3
const workersEach = 10
/** Tasks that a worker has room for. */
const room = 4
const jobs = 200
/** Tasks of a started job that are ready. */
const readyEach = 3

describe('kernels on one PostgreSQL', { skip: skipWithoutPostgres, timeout: 120_000 }, () => {
  let postgres: TestPostgres
  let kernels: BenchKernel[]
  before(async () => {
    postgres = await createTestPostgres()
    const first = await openBenchKernel(postgres.url)
    kernels = [first]
    while (kernels.length < kernelCount) {
      kernels.push(await openBenchKernel(postgres.url, first.dataDirectory))
    }
  })
  after(async () => {
    for (const kernel of kernels) await kernel.close()
    await postgres.drop()
  })

  test('workers that claim from all of them at once get each task once', async () => {
    const [first] = kernels
    await cloneJobs(first!.db, await startJob(first!), { count: jobs - 1, withActors: true })
    const crew = kernels.flatMap((kernel, k) =>
      Array.from({ length: workersEach }, (_, i) => simulatedWorker(kernel, `k${k}w${i}`))
    )
    await Promise.all(crew.map((worker) => worker.join()))
    const given = await Promise.all(crew.map(async (worker) => {
      const mine: string[] = []
      for (let briefs = await worker.claim(room); briefs.length > 0;) {
        mine.push(...briefs.map(({ taskId }) => taskId))
        briefs = await worker.claim(room)
      }
      return mine
    }))
    const all = given.flat()
    assert.equal(new Set(all).size, all.length, 'a task was given out twice')
    assert.equal(all.length, jobs * readyEach)
  })
})
