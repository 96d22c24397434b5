import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { changesOf, storedJob, storedTask, storedWorker } from '../db/actor-store.samples.ts'
import { createActorStore } from '../db/actors.ts'
import type { Database } from '../db/database.ts'
import { openTestPglite } from '../db/test-database.ts'
import { topicFamilies } from './live-topic.ts'

let db: Database
before(async () => {
  db = await openTestPglite()
  const task = storedTask('t1', { status: 'running', workerId: 'w.1', leaseToken: 'secret' })
  await createActorStore(db).transaction((tx) =>
    tx.write(changesOf({ workers: [storedWorker('w.1')], jobs: [storedJob('j1')], tasks: [task] }))
  )
})
after(() => db.close())

const familyOf = (topic: string) => topicFamilies.find(({ has }) => has(topic))
const read = async (topic: string) => (await familyOf(topic)?.read(db, [topic]))?.get(topic)

test('topicFamilies know each topic once, and nothing else', () => {
  for (const topic of ['dashboard:stats', 'job:j1:updates', 'workers:list', 'worker:w.1:updates']) {
    assert.equal(topicFamilies.filter(({ has }) => has(topic)).length, 1, topic)
  }
  for (
    const topic of ['', 'users:all', 'worker::updates', 'worker:a b:updates', 'workers:list:x']
  ) {
    assert.equal(familyOf(topic), undefined, topic)
  }
})

test('workers:list carries all workers, worker:{id}:updates one with its tasks', async () => {
  const workers = await read('workers:list') as { id: string }[]
  assert.deepEqual(workers.map(({ id }) => id), ['w.1'])
  const worker = await read('worker:w.1:updates') as { id: string; tasks: { id: string }[] }
  assert.deepEqual([worker.id, worker.tasks.map(({ id }) => id)], ['w.1', ['t1']])
  assert.doesNotMatch(JSON.stringify(worker), /secret/)
  assert.equal(await read('worker:nobody:updates'), undefined)
})
