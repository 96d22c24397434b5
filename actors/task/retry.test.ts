import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureKinds } from '../../kernel/contract/task.ts'
import { retryDelayMs, verdictOn } from './retry.ts'

test('retryDelayMs() doubles from 5 s to at most 5 minutes', () => {
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7, 8, 20].map(retryDelayMs), [
    5_000,
    10_000,
    20_000,
    40_000,
    80_000,
    160_000,
    300_000,
    300_000,
    300_000,
  ])
})

test('verdictOn() never tries a broken source again', () => {
  const verdict = verdictOn({ kind: 'probe', failure: 'invalid-input', used: 1, granted: 3 })
  assert.deepEqual(verdict, { next: 'fail' })
})

test('verdictOn() retries every other failure of an encode until the attempts are used up', () => {
  for (const failure of failureKinds.filter((kind) => kind !== 'invalid-input')) {
    const attempt = { kind: 'encode', failure, granted: 3 } as const
    assert.equal(verdictOn({ ...attempt, used: 2 }).next, 'retry', failure)
    assert.equal(verdictOn({ ...attempt, used: 3 }).next, 'fail', failure)
  }
})

test('verdictOn() avoids the worker that ran out of memory or damaged its output, and no other', () => {
  const attempt = { kind: 'encode', used: 1, granted: 3 } as const
  for (const failure of ['out-of-memory', 'damaged-output'] as const) {
    assert.deepEqual(verdictOn({ ...attempt, failure }), {
      next: 'retry',
      delayMs: 5000,
      avoidWorker: true,
    })
  }
  assert.deepEqual(verdictOn({ ...attempt, failure: 'timeout' }), {
    next: 'retry',
    delayMs: 5000,
    avoidWorker: false,
  })
})

test('verdictOn() replaces a lost worker at once', () => {
  const verdict = verdictOn({ kind: 'encode', failure: 'lost', used: 2, granted: 3 })
  assert.deepEqual(verdict, { next: 'retry', delayMs: 0, avoidWorker: false })
})

test('verdictOn() asks for new inputs where others made them, even at the last attempt', () => {
  const last = { used: 3, granted: 3 }
  const redo = { next: 'redo' }
  assert.deepEqual(verdictOn({ kind: 'stitch', failure: 'damaged-input', ...last }), redo)
  assert.deepEqual(verdictOn({ kind: 'verify', failure: 'damaged-input', ...last }), redo)
  assert.deepEqual(verdictOn({ kind: 'verify', failure: 'wrong-output', ...last }), redo)
  assert.deepEqual(verdictOn({ kind: 'stitch', failure: 'wrong-output', ...last }), {
    next: 'fail',
  })
})
