import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import {
  changesOf,
  storedActor,
  storedJob,
  storedTask,
} from '../../../kernel/db/actor-store.samples.ts'
import { createActorStore } from '../../../kernel/db/actors.ts'
import { type Database, sql } from '../../../kernel/db/database.ts'
import { emptyTables, openTestPglite } from '../../../kernel/db/test-database.ts'
import { listViolations } from './invariants.ts'

let db: Database
before(async () => {
  db = await openTestPglite()
})
beforeEach(() => emptyTables(db))
after(() => db.close())

const write = (changes: Parameters<typeof changesOf>[0]) =>
  createActorStore(db).transaction((tx) => tx.write(changesOf(changes)))

const finish = (version: number) => ({
  actorId: 't1',
  version,
  eventId: `e${version}`,
  event: { type: 'finish' },
})

test('listViolations() of a database where nothing is wrong is empty', async () => {
  await write({ jobs: [storedJob('j1', { status: 'completed' })] })
  assert.deepEqual(await listViolations(db), [])
})

test('listViolations() names what did not end, what waits and what is held', async () => {
  await write({
    jobs: [storedJob('j1', { status: 'processing' })],
    tasks: [storedTask('t1', { status: 'running', leaseToken: 'token', workerId: 'w1' })],
    outbox: [{ id: 'j1:0:0', name: 'announce', params: {} }],
    timersSet: [{ actorId: 'nobody', key: 'k', uid: '0:0', delayMs: 1000, event: { type: 't' } }],
  })
  await db.query(sql`
    INSERT INTO dead_letters (id, kind, payload, error) VALUES ('e1', 'event', 'null', 'it threw')`)
  assert.deepEqual(await listViolations(db), [
    'The rule that every job ends: j1',
    'The rule that effects are carried out: j1:0:0',
    'The rule that no lease is open: t1',
    'The rule that an actor that ended has no timer: nobody',
    'The rule that nothing is set aside: e1: it threw',
  ])
})

test('listViolations() names a task with two results, unless it was made anew', async () => {
  const tasks = [storedTask('t1', { status: 'completed' })]
  const jobs = [storedJob('j1', { status: 'completed' })]
  await write({ jobs, tasks, log: [finish(1), finish(2)] })
  assert.deepEqual(await listViolations(db), [
    'The rule that a task is done once, unless its result was damaged: t1 has 2 results',
  ])
  await write({ log: [{ ...finish(3), event: { type: 'redo' } }] })
  assert.deepEqual(await listViolations(db), [])
})

test('listViolations() names an actor whose log does not lead to its snapshot', async () => {
  await write({ creates: [storedActor('a1')] })
  const [violation = ''] = await listViolations(db)
  assert.match(violation, /^The log of "a1" must lead to its snapshot: the log has 0 entries/)
})
