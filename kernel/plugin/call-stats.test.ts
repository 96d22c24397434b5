/** Tests of the figures of the last five minutes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCallStats } from './call-stats.ts'

test('read() has percentiles within a tenth, and errors', () => {
  const stats = createCallStats(() => 1_000_000)
  for (let i = 1; i <= 1000; i++) stats.add({ method: 'm', durationMs: i, ok: i % 10 !== 0 })
  const { calls, errors, p50Ms, p95Ms, p99Ms } = stats.read()
  assert.deepEqual([calls, errors], [1000, 100])
  for (const [value, exact] of [[p50Ms, 500], [p95Ms, 950], [p99Ms, 990]] as const) {
    assert.ok(value >= exact * 0.99 && value <= exact * 1.11, `${value} for ${exact}`)
  }
})

test('read() forgets what is older than five minutes', () => {
  let now = 1_000_000
  const stats = createCallStats(() => now)
  assert.deepEqual(stats.read(), { calls: 0, errors: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0 })
  stats.add({ method: 'm', durationMs: 5, ok: false })
  now += 280_000
  assert.equal(stats.read().errors, 1)
  now += 30_000
  stats.add({ method: 'm', durationMs: 0, ok: true })
  assert.deepEqual([stats.read().calls, stats.read().errors], [1, 0])
})
