import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../clock.ts'
import { createRateLimiter } from './rate-limit.ts'

function createTrial(limit: Parameters<typeof createRateLimiter>[1]) {
  let nowMs = 0
  const limiter = createRateLimiter({ ...systemClock, now: () => nowMs }, limit)
  return { limiter, pass: (ms: number) => void (nowMs += ms) }
}

test('createRateLimiter() grants the burst, then the rate', () => {
  const { limiter, pass } = createTrial({ perSecond: 2, burst: 3 })
  assert.deepEqual([1, 2, 3, 4].map(() => limiter.take('a')), [0, 0, 0, 0.5])
  pass(500)
  assert.deepEqual([limiter.take('a'), limiter.take('a')], [0, 0.5])
  pass(60_000)
  assert.deepEqual([1, 2, 3, 4].map(() => limiter.take('a')), [0, 0, 0, 0.5])
})

test('createRateLimiter() does not make those wait longer who keep trying', () => {
  const { limiter, pass } = createTrial({ perSecond: 1, burst: 1 })
  limiter.take('a')
  for (let i = 0; i < 9; i++) {
    pass(100)
    assert.ok(limiter.take('a') > 0)
  }
  pass(101)
  assert.equal(limiter.take('a'), 0)
})

test('createRateLimiter() counts clients apart, and forgets the one seen longest ago', () => {
  const { limiter } = createTrial({ perSecond: 1, burst: 1, maxClients: 2 })
  assert.equal(limiter.take('a'), 0)
  assert.equal(limiter.take('b'), 0)
  assert.equal(limiter.take('a'), 1)
  assert.equal(limiter.take('c'), 0)
  assert.equal(limiter.take('a'), 1)
  assert.equal(limiter.take('b'), 0)
})
