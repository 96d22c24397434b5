import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CallWindow } from './call-window.ts'

/** A window with calls at second 0. */
function windowOf({ good = 0, bad = 0, late = 0 }): CallWindow {
  const window = new CallWindow()
  for (let i = 0; i < good; i++) window.record(0, 5, true)
  for (let i = 0; i < bad; i++) window.record(0, 5, false)
  for (let i = 0; i < late; i++) window.record(0, 1001, true)
  return window
}

const cases = [
  [{}, 'healthy', false],
  [{ good: 100 }, 'healthy', false],
  [{ good: 95, bad: 5 }, 'healthy', false],
  [{ good: 94, bad: 6 }, 'degraded', true],
  [{ good: 90, bad: 10 }, 'degraded', true],
  [{ good: 89, bad: 11 }, 'failing', true],
  [{ good: 3, bad: 2 }, 'healthy', false],
  [{ bad: 3 }, 'failing', true],
  [{ good: 95, late: 5 }, 'healthy', false],
  [{ good: 94, late: 6 }, 'degraded', false],
  [{ late: 2 }, 'healthy', false],
  [{ late: 3 }, 'degraded', false],
  [{ good: 90, bad: 1, late: 20 }, 'degraded', false],
] as const

for (const [calls, health, isErroneous] of cases) {
  test(`CallWindow finds ${JSON.stringify(calls)} ${health}`, () => {
    const judgement = windowOf(calls).judge(500)
    assert.deepEqual([judgement.health, judgement.isErroneous], [health, isErroneous])
    assert.equal(judgement.problem === null, health === 'healthy')
  })
}

test('CallWindow says what is wrong', () => {
  assert.equal(windowOf({ bad: 3 }).judge(0).problem, '3 of 3 calls of the last minute failed')
})

test('CallWindow forgets after a minute, also when its slots are used again', () => {
  const window = windowOf({ bad: 30 })
  assert.equal(window.judge(59_999).health, 'failing')
  assert.equal(window.judge(60_000).health, 'healthy')
  window.record(60_000, 5, true)
  assert.equal(window.judge(60_000).health, 'healthy')
})
