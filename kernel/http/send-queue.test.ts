import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { createHandClock } from './hand-clock.fixture.ts'
import { SendQueue } from './send-queue.ts'

function createTrial() {
  const clock = createHandClock()
  const queue = new SendQueue(clock)
  const turns: number[] = []
  const slow = new Set<number>()
  const senders = Array.from({ length: 250 }, (_, i) => ({
    flush() {
      turns.push(i)
      return !slow.has(i)
    },
  }))
  return { clock, queue, turns, slow, senders }
}

describe('SendQueue', () => {
  test('gives each a turn in order, however often it asks', async () => {
    const { queue, turns, senders } = createTrial()
    for (const sender of [...senders.slice(0, 3), ...senders.slice(0, 3)]) queue.add(sender)
    await setImmediate()
    assert.deepEqual(turns, [0, 1, 2])
  })

  test('lets everything else run after a hundred turns', async () => {
    const { queue, turns, senders } = createTrial()
    for (const sender of senders) queue.add(sender)
    await Promise.resolve()
    assert.equal(turns.length, 100)
    await setImmediate()
    assert.ok(turns.length <= 200)
    await setImmediate()
    await setImmediate()
    assert.equal(turns.length, 250)
  })

  test('asks a slow sender again after 250 ms, and not before', async () => {
    const { clock, queue, turns, slow, senders } = createTrial()
    slow.add(0)
    queue.add(senders[0]!)
    await setImmediate()
    queue.add(senders[0]!)
    clock.pass(249)
    await setImmediate()
    assert.deepEqual(turns, [0])
    slow.clear()
    clock.pass(1)
    await setImmediate()
    clock.pass(1000)
    await setImmediate()
    assert.deepEqual(turns, [0, 0])
  })

  test('forgets a sender that is removed, waiting or slow', async () => {
    const { clock, queue, turns, slow, senders } = createTrial()
    slow.add(1)
    queue.add(senders[0]!)
    queue.add(senders[1]!)
    queue.remove(senders[0]!)
    await setImmediate()
    queue.remove(senders[1]!)
    clock.pass(250)
    await setImmediate()
    assert.deepEqual(turns, [1])
  })
})
