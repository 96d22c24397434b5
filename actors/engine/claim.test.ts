/** Workers that ask for tasks at the same time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changesOf, storedTask } from '../../kernel/db/actor-store.samples.ts'
import type { ReadyRequest } from '../../kernel/db/actor-store.ts'
import { createEventId } from '../../kernel/ids.ts'
import { ClaimLine } from './claim.ts'
import { GroupCommit, type GroupCommitOptions } from './group-commit.ts'
import { StoreFailure } from './simulation/memory-locks.ts'
import { counterActor, createParts, settle } from './test-machines.ts'

/** Counters that pass for tasks: a claim is an `add`, or for a broken one a `fail`. */
async function lineWith(taskIds: readonly string[], options: Partial<GroupCommitOptions> = {}) {
  const parts = createParts()
  const group = new GroupCommit({ ...parts, batchSize: 256, ...options })
  const line = new ClaimLine(group, createEventId)
  await parts.store.transaction((tx) =>
    tx.write(changesOf({
      creates: taskIds.map((id) => counterActor(id)),
      tasks: taskIds.map((id) => storedTask(id)),
    }))
  )
  const claim = (request: Partial<ReadyRequest>) =>
    line.claim(
      { workerId: 'w1', lanes: ['cpu'], region: 'local', limit: 1, ...request },
      (taskId) => ({ type: taskId.startsWith('broken') ? 'fail' : 'add' }),
    )
  return { ...parts, claim }
}

const idsOf = (claimed: readonly { readonly id: string }[]) => claimed.map(({ id }) => id)

test('claim() answers all who ask at once in one transaction, each with tasks of its own', async () => {
  const { claim, clock, counters } = await lineWith(['t1', 't2', 't3', 't4', 't5'])
  const asking = ['w1', 'w2', 'w3'].map((workerId) => claim({ workerId, limit: 2 }))
  const claimed = await settle(clock, Promise.all(asking))
  assert.deepEqual(claimed.map(idsOf), [['t1', 't4'], ['t2', 't5'], ['t3']])
  assert.equal(counters.transactions, 1)
  assert.deepEqual(claimed[0]?.map(({ version, event }) => [version, event]), [
    [1, { type: 'add' }],
    [1, { type: 'add' }],
  ])
})

test('claim() answers those who ask meanwhile in the next transaction', async () => {
  const { claim, clock, counters } = await lineWith([])
  const first = claim({})
  await Promise.resolve()
  const others = [claim({}), claim({})]
  assert.deepEqual(await settle(clock, Promise.all([first, ...others])), [[], [], []])
  assert.equal(counters.transactions, 2)
})

test('claim() gives no more in one transaction than it should, but always answers the first', async () => {
  const { claim, clock, counters } = await lineWith([])
  await settle(clock, Promise.all([claim({ limit: 300 }), claim({ limit: 200 }), claim({})]))
  assert.equal(counters.transactions, 2)
})

test('claim() leaves out a task whose claim throws, and gives the others', async () => {
  const { claim, clock } = await lineWith(['broken', 't1', 't2'])
  const claimed = await settle(clock, Promise.all([claim({}), claim({ workerId: 'w2' })]))
  assert.deepEqual(claimed.map(idsOf), [['t1'], ['t2']])
})

test('claim() fails for all who asked together when the database does, and goes on after', async () => {
  let isBroken = true
  const { store } = createParts()
  const { claim, clock } = await lineWith([], {
    store: {
      ...store,
      transaction: (work) =>
        isBroken ? Promise.reject(new StoreFailure('22000', 'no')) : store.transaction(work),
    },
  })
  const asking = Promise.allSettled([claim({}), claim({})])
  const settled = await settle(clock, asking)
  assert.deepEqual(settled.map(({ status }) => status), ['rejected', 'rejected'])
  isBroken = false
  assert.deepEqual(await settle(clock, claim({})), [])
})
