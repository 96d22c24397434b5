/** Copies of a job's rows. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { changesOf, storedActor, storedJob, storedTask } from './actor-store.samples.ts'
import { createActorStore } from './actors.ts'
import { cloneJobs } from './clone-jobs.fixture.ts'
import { readJobs } from './jobs.ts'
import { listTasksByJob } from './tasks.ts'
import { describeOnDatabases, emptyTables } from './test-database.ts'

describeOnDatabases('cloneJobs()', (db) => {
  const jobId = '7d444840-9dc0-11d1-b245-5ffdce74fad2'
  beforeEach(async () => {
    await emptyTables(db())
    await createActorStore(db()).transaction((tx) =>
      tx.write(changesOf({
        creates: [storedActor(jobId), storedActor(`${jobId}.probe.00000`)],
        jobs: [storedJob(jobId)],
        tasks: [storedTask(`${jobId}.probe.00000`, { jobId })],
      }))
    )
  })

  test('copies job, tasks and actors under ids of their own, each older than the one before', async () => {
    const ids = await cloneJobs(db(), jobId, { count: 3, withActors: true })
    assert.equal(new Set([jobId, ...ids]).size, 4)
    const jobs = await readJobs(db(), [jobId, ...ids])
    const times = [jobId, ...ids].map((id) => Date.parse(jobs.get(id)?.created_at ?? ''))
    assert.deepEqual(times.slice(1).map((time, i) => (times[i] ?? 0) - time), [1000, 1000, 1000])
    const tasks = await listTasksByJob(db(), ids)
    assert.deepEqual(
      ids.map((id) => tasks.get(id)?.map((task) => task.id)),
      ids.map((id) => [`${id}.probe.00000`]),
    )
    const store = createActorStore(db())
    for (const id of ids) assert.ok(await store.readActor(`${id}.probe.00000`))
  })

  test('goes on where an earlier call ended', async () => {
    const before = await cloneJobs(db(), jobId, { count: 2, withActors: false })
    const after = await cloneJobs(db(), jobId, { count: 2, first: 3, withActors: false })
    assert.equal((await readJobs(db(), [...before, ...after])).size, 4)
  })
})
