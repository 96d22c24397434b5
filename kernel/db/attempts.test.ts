/** Attempts as the events of their tasks tell them. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { changesOf, storedJob, storedTask } from './actor-store.samples.ts'
import { createActorStore } from './actors.ts'
import { readAttempt } from './attempts.ts'
import { describeOnDatabases, emptyTables } from './test-database.ts'

const claim = (workerId: string, leaseToken: string) => ({ type: 'claim', workerId, leaseToken })

describeOnDatabases('attempts', (db) => {
  beforeEach(() => emptyTables(db()))

  async function write(leaseToken: string | null, events: readonly { type: string }[]) {
    const held = { kind: 'audio', workerId: 'w1', leaseToken } as const
    const log = events.map((event, i) => ({
      actorId: 't1',
      version: i + 1,
      eventId: `e${i}`,
      event,
    }))
    const changes = changesOf({ jobs: [storedJob('j1')], tasks: [storedTask('t1', held)], log })
    await createActorStore(db()).transaction((tx) => tx.write(changes))
  }

  const read = (leaseToken: string, workerId = 'w1', taskId = 't1') =>
    readAttempt(db(), { workerId, taskId, leaseToken })

  test('readAttempt() counts the leases and knows the one that is held', async () => {
    await write('b', [claim('w2', 'a'), { type: 'workerLost' }, claim('w1', 'b')])
    const held = await read('b')
    assert.deepEqual(held, {
      taskId: 't1',
      jobId: 'j1',
      kind: 'audio',
      attempt: 2,
      isHeld: true,
      isAdopted: false,
      job: { sourceUrl: storedJob('j1').sourceUrl, plan: null },
    })
    const earlier = await read('a', 'w2')
    assert.deepEqual([earlier?.attempt, earlier?.isHeld], [1, false])
  })

  test('readAttempt() knows whose result was accepted', async () => {
    const finish = { type: 'finish', leaseToken: 'b' }
    await write(null, [claim('w1', 'a'), claim('w1', 'b'), finish])
    assert.deepEqual([(await read('a'))?.isAdopted, (await read('b'))?.isAdopted], [false, true])
    assert.equal((await read('b'))?.isHeld, false)
  })

  test('readAttempt() answers nothing for another worker, task or token', async () => {
    await write('a', [claim('w1', 'a')])
    for (const found of [read('a', 'w2'), read('b'), read('a', 'w1', 't2')]) {
      assert.equal(await found, undefined)
    }
  })
})
