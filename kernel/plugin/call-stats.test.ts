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
  const nothing = { calls: 0, errors: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0, methods: [] }
  assert.deepEqual(stats.read(), nothing)
  stats.add({ method: 'm', durationMs: 5, ok: false })
  now += 280_000
  assert.equal(stats.read().errors, 1)
  now += 30_000
  stats.add({ method: 'm', durationMs: 0, ok: true })
  assert.deepEqual([stats.read().calls, stats.read().errors], [1, 0])
  now += 3_000_000
  assert.deepEqual(stats.read(), nothing)
})

test('read() keeps methods apart, by name, and the whole is their sum', () => {
  let now = 1_000_000
  const stats = createCallStats(() => now)
  for (let i = 0; i < 20; i++) stats.add({ method: 'Upload', durationMs: 100, ok: i > 0 })
  now += 10_000
  for (let i = 0; i < 80; i++) stats.add({ method: 'Browse', durationMs: 1, ok: true })
  const { methods, calls, errors, p50Ms, p99Ms } = stats.read()
  assert.deepEqual([calls, errors], [100, 1])
  assert.ok(p50Ms < 1.2 && p99Ms >= 100, `${p50Ms}, ${p99Ms}`)
  assert.deepEqual(methods.map(({ method, calls, errors }) => [method, calls, errors]), [
    ['Browse', 80, 0],
    ['Upload', 20, 1],
  ])
  const [browse, upload] = methods
  assert.ok(browse!.p99Ms < 1.2 && upload!.p50Ms >= 100, JSON.stringify(methods))
  now += 290_000
  assert.deepEqual(stats.read().methods.map(({ method }) => method), ['Browse'])
})

test('add() begins a place anew when it comes round again', () => {
  let now = 1_000_000
  const stats = createCallStats(() => now)
  stats.add({ method: 'm', durationMs: 5, ok: false })
  now += 300_000
  stats.add({ method: 'm', durationMs: 50, ok: true })
  const { calls, errors, p50Ms } = stats.read()
  assert.deepEqual([calls, errors], [1, 0])
  assert.ok(p50Ms >= 50, String(p50Ms))
})
