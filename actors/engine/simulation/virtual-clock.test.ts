import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom } from './random.ts'
import { createVirtualClock } from './virtual-clock.ts'

test('advance() goes from one due time to the next, in the order of times and then of calls', async () => {
  const clock = createVirtualClock(0)
  const random = createRandom(7)
  const expected: string[] = []
  const happened: string[] = []
  for (let i = 0; i < 200; i++) {
    const at = random.integer(0, 30)
    expected.push(`${String(at).padStart(3, '0')} ${String(i).padStart(3, '0')}`)
    clock.after(
      at,
      () => happened.push(`${String(clock.now()).padStart(3, '0')} ${String(i).padStart(3, '0')}`),
    )
  }
  while (await clock.advance());
  assert.deepEqual(happened, expected.toSorted())
})

test('advance() passes over what was cancelled', async () => {
  const clock = createVirtualClock(0)
  const cancel = clock.after(5, () => assert.fail('cancelled'))
  cancel()
  assert.equal(clock.nextAt, Infinity)
  assert.equal(await clock.advance(), false)
})

test('sleep() ends with the time, or with its signal', async () => {
  const clock = createVirtualClock(0)
  const controller = new AbortController()
  const aborted = clock.sleep(1000, controller.signal)
  const slept = clock.sleep(10)
  controller.abort(new Error('enough'))
  await assert.rejects(aborted, /enough/)
  await clock.advance()
  await slept
  assert.equal(clock.now(), 10)
})
