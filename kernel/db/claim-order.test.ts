/** The order of the claim, without a store. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReadyRequest } from './actor-store.ts'
import type { Lane } from '../contract/task.ts'
import {
  agedFirst,
  bestFirst,
  dealOut,
  type FleetWorker,
  groupsOf,
  isNearEnough,
  isSafeWith,
  type PriorityHead,
  type ReadyTask,
} from './claim-order.ts'
import type { EncoderFit } from './encoder-fit.ts'

function task(id: string, facts: Partial<ReadyTask> = {}): ReadyTask {
  return {
    id,
    lane: 'cpu',
    videoCodec: '',
    region: 'local',
    owner: 'a',
    deadlineMs: null,
    waitedMs: 0,
    weight: 1,
    avoidWorkerId: null,
    isHedge: false,
    ...facts,
  }
}

function request(workerId: string, facts: Partial<ReadyRequest> = {}): ReadyRequest {
  return { workerId, lanes: ['cpu'], region: 'local', limit: 2, ...facts }
}

function worker(id: string, facts: Partial<FleetWorker> = {}): FleetWorker {
  return {
    id,
    region: 'local',
    lanes: ['cpu'],
    status: 'healthy',
    session: 's1',
    encoders: null,
    ...facts,
  }
}

const head = (lane: Lane, videoCodec: string): PriorityHead => {
  return { lane, videoCodec, priority: 0, waitedMs: 0 }
}

const anything: EncoderFit = () => true

const idsOf = (tasks: readonly ReadyTask[]) => tasks.map(({ id }) => id).join(' ')

test('agedFirst() adds a point for each 30 s of the longest wait; equals go by the priority given', () => {
  const head = (priority: number, seconds: number) => ({ priority, waitedMs: seconds * 1000 })
  assert.deepEqual(agedFirst([head(0, 29), head(1, 0)]), [1, 0])
  assert.deepEqual(agedFirst([head(0, 30), head(1, 0)]), [1, 0])
  assert.deepEqual(agedFirst([head(0, 60), head(1, 0)]), [0, 1])
  assert.deepEqual(agedFirst([head(-100, 6029), head(100, 0)]), [100, -100])
  assert.deepEqual(agedFirst([head(-100, 6030), head(100, 0)]), [-100, 100])
  assert.deepEqual(agedFirst([]), [])
})

test('bestFirst() shares by weight: twice the weight, twice the tasks', () => {
  const waiting = (owner: string) =>
    Array.from({ length: 6 }, (_, i) => task(`${owner}${i}`, { owner, waitedMs: 10 - i }))
  const loads = new Map([
    ['a', { running: 0, weight: 2 }],
    ['b', { running: 0, weight: 1 }],
  ])
  const best = bestFirst([...waiting('a'), ...waiting('b')], 'local', loads)
  assert.equal(idsOf(best.slice(0, 6)), 'a0 b0 a1 b1 a2 a3')
  assert.equal(best.slice(0, 9).filter(({ owner }) => owner === 'a').length, 6)
})

test('bestFirst() counts what runs already', () => {
  const tasks = [task('a1', { waitedMs: 9 }), task('b1', { owner: 'b' })]
  const busy = new Map([['a', { running: 3, weight: 2 }], ['b', { running: 1, weight: 1 }]])
  assert.equal(idsOf(bestFirst(tasks, 'local', busy)), 'b1 a1')
  const busier = new Map([['a', { running: 3, weight: 4 }], ['b', { running: 1, weight: 1 }]])
  assert.equal(idsOf(bestFirst(tasks, 'local', busier)), 'a1 b1')
})

test('bestFirst() compares deadline, share, region, GPU, lane, wait and id, in this order', () => {
  const tasks = [
    task('late', { deadlineMs: 2000 }),
    task('early', { deadlineMs: 1000, owner: 'busy' }),
    task('busy', { owner: 'busy', waitedMs: 1000 }),
    task('far-gpu', { owner: 'b', region: 'far', lane: 'gpu.amd', waitedMs: 500 }),
    task('near', { owner: 'c' }),
    task('near-gpu', { owner: 'd', lane: 'gpu.amd' }),
    task('near-long', { owner: 'e', waitedMs: 100 }),
    task('near-copy', { owner: 'g', lane: 'copy' }),
    task('near-z', { owner: 'f' }),
  ]
  const loads = new Map([['busy', { running: 5, weight: 1 }]])
  assert.equal(
    idsOf(bestFirst(tasks, 'local', loads)),
    'early late near-gpu near-copy near-long near near-z far-gpu busy',
  )
})

test('isNearEnough() keeps a task for its region only while somebody there can do it', () => {
  const far = task('t', { region: 'far', waitedMs: 9_999 })
  const there = (facts: Partial<FleetWorker>) => [worker('w', { region: 'far', ...facts })]
  const isNear = (task: ReadyTask, region: string, fleet: FleetWorker[], fit = anything) =>
    isNearEnough(task, region, fleet, fit)
  assert.equal(isNear(far, 'far', there({})), true)
  assert.equal(isNear(far, 'local', there({})), false)
  assert.equal(isNear(far, 'local', there({ lanes: ['copy'] })), true)
  assert.equal(isNear(far, 'local', there({ status: 'draining' })), true)
  assert.equal(isNear({ ...far, waitedMs: 10_000 }, 'local', there({})), true)
  assert.equal(isNear(far, 'local', there({}), () => false), true)
})

test('groupsOf() puts together who asks for the same, and leaves out who drains or is offline', () => {
  const requests = [
    request('w1', { lanes: ['cpu', 'copy'] }),
    request('w2', { region: 'far', lanes: ['copy', 'cpu'] }),
    request('w3', { lanes: ['copy', 'cpu'] }),
    request('w4', { lanes: ['copy', 'cpu'] }),
    request('stranger'),
  ]
  const fleet = [worker('w1'), worker('w3', { status: 'draining' })]
  const heads = [head('cpu', ''), head('copy', '')]
  const groups = groupsOf(requests, { fleet, heads }, anything)
  assert.deepEqual(groups.map(({ members }) => members), [[0, 3], [1], [4]])
})

test('groupsOf() keeps from each worker what its encoders cannot do, and parts only whom that parts', () => {
  const withSet = (id: string, key: string) => worker(id, { encoders: { key, encoders: [] } })
  const fleet = [withSet('w1', 'old'), withSet('w2', 'new'), withSet('w3', 'newer')]
  const heads = [head('cpu', 'av1'), head('cpu', ''), head('copy', '')]
  const fit: EncoderFit = ({ encoders }, { videoCodec }) =>
    videoCodec !== 'av1' || encoders?.key !== 'old'
  const groups = groupsOf(['w1', 'w2', 'w3'].map((id) => request(id)), { fleet, heads }, fit)
  assert.deepEqual(
    groups.map(({ members, heads }) => [members, heads.map(({ videoCodec }) => videoCodec)]),
    [[[0], ['']], [[1, 2], ['av1', '']]],
  )
})

test('dealOut() goes round, stops at each limit, and passes by whoever a task avoids', () => {
  const fleet = [worker('w1'), worker('w2')]
  const requests = [request('w1', { limit: 1 }), request('w2', { limit: 3 })]
  const tasks = [task('t1', { avoidWorkerId: 'w1' }), task('t2'), task('t3'), task('t4')]
  assert.deepEqual(dealOut(tasks, requests, fleet), [['t2'], ['t1', 't3', 't4']])
  assert.deepEqual(dealOut([tasks[0]!], [requests[0]!], fleet), [[]])
})

test('bestFirst() begins with the most work of tasks of one age', () => {
  const tasks = [
    task('audio', { weight: 1 }),
    task('long', { weight: 30 }),
    task('short', { weight: 6 }),
  ]
  assert.deepEqual(bestFirst(tasks, 'local', new Map()).map(({ id }) => id), [
    'long',
    'short',
    'audio',
  ])
})

test('isSafeWith() keeps a hedge from the worker that has its chunk, however long it waits and even if it is alone', () => {
  const hedge = task('h', { avoidWorkerId: 'w1', isHedge: true, waitedMs: 3_600_000 })
  assert.equal(isSafeWith(hedge, 'w1', [worker('w1')]), false)
  assert.equal(isSafeWith(hedge, 'w2', [worker('w1'), worker('w2')]), true)
  const retried = task('t', { avoidWorkerId: 'w1', waitedMs: 0 })
  assert.equal(isSafeWith(retried, 'w1', [worker('w1')]), true)
})
