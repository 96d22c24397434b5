/** Single jobs that are read together. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { changesOf, storedJob } from './actor-store.samples.ts'
import { createActorStore } from './actors.ts'
import type { Reader } from './database.ts'
import { createJobReader } from './job-reader.ts'
import { describeOnDatabases, emptyTables } from './test-database.ts'

describeOnDatabases('createJobReader()', (db) => {
  const statements: string[] = []
  const counting: Reader = {
    query(statement) {
      statements.push(statement.text)
      return db().query(statement)
    },
  }
  beforeEach(async () => {
    await emptyTables(db())
    await createActorStore(db()).transaction((tx) =>
      tx.write(changesOf({ jobs: [storedJob('j1'), storedJob('j2')] }))
    )
    statements.length = 0
  })

  test('reads what is asked for in one tick with one query', async () => {
    const readJob = createJobReader(counting)
    const ids = ['j1', 'j2', 'nothing', 'j1']
    const jobs = await Promise.all(ids.map((id) => readJob(id)))
    assert.deepEqual(jobs.map((job) => job?.id), ['j1', 'j2', undefined, 'j1'])
    assert.equal(statements.length, 1)
  })

  test('reads again what is asked for later', async () => {
    const readJob = createJobReader(counting)
    await readJob('j1')
    await db().query({ text: `UPDATE jobs SET phase = 'probing' WHERE id = 'j1'`, values: [] })
    assert.equal((await readJob('j1'))?.phase, 'probing')
    assert.equal(statements.length, 2)
  })

  test('fails everybody in a query that fails, and nobody after', async () => {
    let isAway = true
    const readJob = createJobReader({
      query: (statement) => isAway ? Promise.reject(new Error('away')) : counting.query(statement),
    })
    const failed = await Promise.allSettled([readJob('j1'), readJob('j2')])
    assert.ok(failed.every(({ status }) => status === 'rejected'))
    isAway = false
    assert.equal((await readJob('j1'))?.id, 'j1')
  })
})
