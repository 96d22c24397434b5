/** Heartbeats: on time, sooner with progress, and whatever the clock of the machine does. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Heartbeat } from './heartbeat.ts'
import { ManualClock } from './manual-clock.fixture.ts'

const intervalMs = 5_000
const hourMs = 3_600_000

function beating() {
  const timers = new ManualClock()
  let stepMs = 0
  let beats = 0
  // Its timers run on when somebody sets the time: so do those of the runtime.
  const clock = {
    now: () => timers.now() + stepMs,
    after: timers.after,
    sleep: timers.sleep,
  }
  const heartbeat = new Heartbeat(clock, () => {
    beats++
    return Promise.resolve()
  })
  heartbeat.start(intervalMs)
  return {
    heartbeat,
    pass: timers.advance.bind(timers),
    stepClock: (ms: number) => stepMs += ms,
    beats: () => beats,
  }
}

test('Heartbeat beats at every interval, and sooner when there is something to tell', async () => {
  const { heartbeat, pass, beats } = beating()
  await pass(intervalMs)
  assert.equal(beats(), 1)
  heartbeat.hasten()
  await pass(2_000)
  assert.equal(beats(), 2)
  heartbeat.stop()
  await pass(intervalMs)
  assert.equal(beats(), 2)
})

test('Heartbeat goes on when the clock is set back by an hour', async () => {
  const { heartbeat, pass, stepClock, beats } = beating()
  await pass(intervalMs)
  stepClock(-hourMs)
  heartbeat.hasten()
  await pass(intervalMs)
  assert.equal(beats(), 2)
  await pass(intervalMs)
  assert.equal(beats(), 3)
})

test('Heartbeat does not beat without a pause when the clock is set forward by an hour', async () => {
  const { heartbeat, pass, stepClock, beats } = beating()
  await pass(intervalMs)
  stepClock(hourMs)
  for (let i = 0; i < 100; i++) {
    heartbeat.hasten()
    await pass(10)
  }
  assert.equal(beats(), 2)
})
