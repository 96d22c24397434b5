import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryBus } from '../../kernel/bus/memory.ts'
import { dispatchSubject } from '../../kernel/bus/subjects.ts'
import { systemClock } from '../../kernel/clock.ts'
import { silentLog } from '../../kernel/log.ts'
import { createDoorbells, doorbellWindow } from './doorbells.ts'

const subject = dispatchSubject('local', 'cpu')

function opened() {
  let nowMs = 0
  const clock = { ...systemClock, now: () => nowMs }
  const bus = createMemoryBus({ clock, log: silentLog })
  const ring = createDoorbells(bus, clock)
  let rung = 0
  return {
    bus,
    pass: (ms: number) => nowMs += ms,
    ring: async (times: number, on = subject) => {
      for (let i = 0; i < times; i++) await ring(on, `t${++rung}`, { id: `ring-${rung}` })
    },
  }
}

test('createDoorbells() lets few doorbells wait, of each lane', async () => {
  const { bus, ring } = opened()
  await ring(1000)
  assert.equal(await bus.backlog(subject), doorbellWindow)
  const other = dispatchSubject('local', 'copy')
  await ring(3, other)
  assert.equal(await bus.backlog(other), 3)
})

test('createDoorbells() rings again when the waiting ones were heard', async () => {
  const { bus, pass, ring } = opened()
  await ring(doorbellWindow)
  const ear = await bus.consume({ filter: subject, name: 'w', concurrency: 100 }, async () => {})
  await ear.close()
  assert.equal(await bus.backlog(subject), 0)
  await ring(1)
  assert.equal(await bus.backlog(subject), 1)
  await ring(doorbellWindow + 10)
  assert.equal(await bus.backlog(subject), doorbellWindow)
  pass(1000)
  await ring(1)
  assert.equal(await bus.backlog(subject), doorbellWindow)
})

test('createDoorbells() rings again soon when the clock was set back by an hour', async () => {
  const { bus, pass, ring } = opened()
  pass(3_600_000)
  await ring(doorbellWindow + 1)
  const ear = await bus.consume({ filter: subject, name: 'w', concurrency: 100 }, async () => {})
  await ear.close()
  pass(-3_600_000)
  await ring(1)
  assert.equal(await bus.backlog(subject), 1)
})
