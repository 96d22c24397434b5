/** The memory bus: the common suite, and what only it promises: bounds and times by an injected clock. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from '../clock.ts'
import { silentLog } from '../log.ts'
import { describeBus } from './bus.suite.ts'
import { createMemoryBus } from './memory.ts'

/** The system clock with timers that keep the test alive until they fire. */
const heldClock: Clock = {
  ...systemClock,
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
}

describeBus('memory bus', async () => createMemoryBus({ clock: heldClock, log: silentLog }))

function clockAt(time: { now: number }): Clock {
  return { ...systemClock, now: () => time.now, after: () => () => {} }
}

test('publish() answers WE-SYS-003 when the work queue is full, until work is taken', async () => {
  const bus = createMemoryBus({ clock: systemClock, log: silentLog, capacity: 2 })
  await bus.publish('jobs.dispatch.local.cpu', 1)
  await bus.publish('jobs.dispatch.local.cpu', 2)
  await assert.rejects(bus.publish('jobs.dispatch.local.cpu', 3), { code: 'WE-SYS-003' })
  const taken = Promise.withResolvers<void>()
  const options = { filter: 'jobs.dispatch.>', name: 'all' }
  await bus.consume(options, async ({ data }) => {
    if (data === 2) taken.resolve()
  })
  await taken.promise
  assert.equal(await bus.backlog('jobs.dispatch.>'), 0)
  await bus.close()
})

test('publish() takes an id again after 2 minutes', async () => {
  const time = { now: 0 }
  const bus = createMemoryBus({ clock: clockAt(time), log: silentLog })
  const ring = () => bus.publish('jobs.dispatch.local.cpu', 1, { id: 'a:1:0' })
  await ring()
  time.now = 119_999
  await ring()
  assert.equal(await bus.backlog('jobs.dispatch.>'), 1)
  time.now = 120_000
  await ring()
  assert.equal(await bus.backlog('jobs.dispatch.>'), 2)
  await bus.close()
})

test('publish() does not remember an id that the full queue refused', async () => {
  const bus = createMemoryBus({ clock: systemClock, log: silentLog, capacity: 0 })
  const ring = () => bus.publish('jobs.dispatch.local.cpu', 1, { id: 'a:1:0' })
  await assert.rejects(ring(), { code: 'WE-SYS-003' })
  await assert.rejects(ring(), { code: 'WE-SYS-003' })
  await bus.close()
})

test('consume() is not slowed by a lane that nobody serves', async () => {
  const bus = createMemoryBus({ clock: systemClock, log: silentLog })
  for (let i = 0; i < 50_000; i++) await bus.publish('jobs.dispatch.local.gpu_nvidia', i)
  const done = Promise.withResolvers<void>()
  await bus.consume({ filter: 'jobs.dispatch.local.cpu', name: 'cpu' }, async ({ data }) => {
    if (data === 4_999) done.resolve()
  })
  const startedAt = performance.now()
  for (let i = 0; i < 5_000; i++) await bus.publish('jobs.dispatch.local.cpu', i)
  await done.promise
  assert.ok(
    performance.now() - startedAt < 5_000,
    'scanning 50,000 messages each time takes longer',
  )
  assert.equal(await bus.backlog('jobs.dispatch.>'), 50_000)
  await bus.close()
})
