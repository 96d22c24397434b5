/** Which chunks are hedged, as tables. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FreeWorker, HedgeScene, RunningChunk } from '../../kernel/db/stragglers.ts'
import { chooseHedges, isStraggler, mostHedgesOfJob, remainingSeconds } from './choice.ts'

/** A chunk of 10 s that takes 5 s elsewhere, and 100 s here. */
function chunk(taskId: string, facts: Partial<RunningChunk> = {}): RunningChunk {
  return {
    taskId,
    jobId: 'j1',
    lane: 'cpu',
    workerId: 'slow',
    leaseToken: `token of ${taskId}`,
    seconds: 10,
    elapsedSeconds: 20,
    progress: 0.2,
    speed: 0.1,
    medianSpeed: 2,
    openHedges: 0,
    ...facts,
  }
}

function worker(id: string, facts: Partial<FreeWorker> = {}): FreeWorker {
  return { id, lanes: ['cpu'], freeSlots: 1, ...facts }
}

interface Case {
  readonly what: string
  readonly facts: Partial<RunningChunk>
  readonly is: boolean
}

const cases: readonly Case[] = [
  { what: 'one that is twenty times slower', facts: {}, is: true },
  { what: 'one as fast as the others', facts: { speed: 2, elapsedSeconds: 4 }, is: false },
  { what: 'one that is nearly done', facts: { progress: 0.95 }, is: false },
  { what: 'one that has just begun', facts: { elapsedSeconds: 4 }, is: false },
  { what: 'one that is slow, seen early', facts: { elapsedSeconds: 6, progress: 0.05 }, is: true },
  {
    what: 'a long one whose speed is believed after 10 s',
    facts: { seconds: 100, elapsedSeconds: 11, progress: 0.01 },
    is: true,
  },
  {
    what: 'a long one before 10 s',
    facts: { seconds: 100, elapsedSeconds: 9, progress: 0.01 },
    is: false,
  },
  {
    what: 'less than 10 s before its end',
    facts: { progress: 0.51, speed: 1, elapsedSeconds: 10 },
    is: false,
  },
  {
    what: '10 s before its end',
    facts: { progress: 0.5, speed: 1, elapsedSeconds: 10 },
    is: true,
  },
  {
    what: 'one that is ahead of a fresh run and its margin',
    facts: { medianSpeed: 1, progress: 0.6, speed: 1 },
    is: false,
  },
  {
    what: 'one that a fresh run and its margin overtake',
    facts: { medianSpeed: 1, progress: 0.55, speed: 1 },
    is: true,
  },
  {
    what: 'one that hangs after a good start',
    facts: { progress: 0.5, speed: 2, elapsedSeconds: 30 },
    is: true,
  },
  {
    what: 'one that tells nothing, after twice a fresh run',
    facts: { progress: 0, speed: null, elapsedSeconds: 11 },
    is: true,
  },
  {
    what: 'one that tells nothing, a little late',
    facts: { progress: 0, speed: null, elapsedSeconds: 8 },
    is: false,
  },
  { what: 'one whose speed is zero', facts: { progress: 0, speed: 0 }, is: true },
]

for (const { what, facts, is } of cases) {
  test(`isStraggler() says ${is ? 'yes' : 'no'} to ${what}`, () => {
    assert.equal(isStraggler(chunk('t', facts)), is)
  })
}

test('remainingSeconds() goes by speed at first, and by the pace of a run that is late', () => {
  const facts = { progress: 0.5, speed: 1 }
  assert.equal(remainingSeconds(chunk('t', { ...facts, elapsedSeconds: 4 }), 5), 5)
  assert.equal(remainingSeconds(chunk('t', { ...facts, elapsedSeconds: 30 }), 5), 30)
  assert.equal(remainingSeconds(chunk('t', { progress: 0, speed: null }), 5), 20)
})

const chosen = (scene: Partial<HedgeScene>) =>
  chooseHedges({ workers: [worker('fast')], waiting: [], chunks: [], ...scene })
    .map(({ taskId }) => taskId)

test('chooseHedges() takes as many as slots are free, the longest first', () => {
  const chunks = [chunk('a', { progress: 0.4 }), chunk('b'), chunk('c', { progress: 0.3 })]
  assert.deepEqual(chosen({ chunks }), ['b'])
  assert.deepEqual(chosen({ chunks, workers: [worker('fast', { freeSlots: 2 })] }), ['b', 'c'])
  assert.deepEqual(chosen({ chunks, workers: [] }), [])
})

test('chooseHedges() gives no chunk back to the worker that has it, nor to one that cannot do it', () => {
  const chunks = [chunk('a')]
  assert.deepEqual(chosen({ chunks, workers: [worker('slow')] }), [])
  assert.deepEqual(chosen({ chunks, workers: [worker('other', { lanes: ['copy'] })] }), [])
  assert.deepEqual(chosen({ chunks, workers: [worker('slow'), worker('fast')] }), ['a'])
})

test('chooseHedges() leaves free slots to tasks that are ready', () => {
  const workers = [worker('fast', { freeSlots: 2 })]
  const waiting = (tasks: number) => [{ lane: 'cpu', tasks } as const]
  const chunks = [chunk('a'), chunk('b')]
  assert.deepEqual(chosen({ workers, chunks, waiting: waiting(1) }), ['a'])
  assert.deepEqual(chosen({ workers, chunks, waiting: waiting(2) }), [])
  assert.deepEqual(chosen({ workers, chunks, waiting: [{ lane: 'gpu.nvidia', tasks: 9 }] }), [
    'a',
    'b',
  ])
})

test('chooseHedges() keeps to a few of each job, those that are open included', () => {
  const workers = [worker('fast', { freeSlots: 100 })]
  const many = Array.from({ length: 9 }, (_, i) => chunk(`a${i}`))
  assert.equal(chosen({ workers, chunks: many }).length, mostHedgesOfJob)
  const two = many.map((one) => ({ ...one, openHedges: mostHedgesOfJob - 1 }))
  assert.deepEqual(chosen({ workers, chunks: two }), ['a0'])
  const others = many.map((one, i) => ({ ...one, jobId: `j${i}` }))
  assert.equal(chosen({ workers, chunks: others }).length, 9)
})
