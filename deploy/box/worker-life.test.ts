/** Worker lives with agents that only note what was asked of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../kernel/clock.ts'
import { silentLog } from '../../kernel/log.ts'
import { WorkerLife, type WorkerLifeOptions } from './worker-life.ts'

type Ends = Parameters<WorkerLifeOptions['open']>[0]

/** Sleeps until it is told to wake, or aborted. */
function sleepyClock() {
  const wakes: (() => void)[] = []
  const clock: Pick<Clock, 'sleep'> = {
    sleep: (_delayMs, signal) =>
      new Promise((resolve, reject) => {
        wakes.push(resolve)
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
      }),
  }
  return { clock: clock as Clock, wakes }
}

function openBench() {
  const notes: string[] = []
  const lives: Ends[] = []
  const { clock, wakes } = sleepyClock()
  const failures: Error[] = []
  const life = new WorkerLife({
    open(ends) {
      const failure = failures.shift()
      if (failure !== undefined) return Promise.reject(failure)
      const number = lives.push(ends)
      const note = (what: string) => Promise.resolve(void notes.push(`${what} ${number}`))
      const agent = { start: () => note('start'), drain: () => note('drain') }
      return Promise.resolve({ agent, close: () => note('close') })
    },
    onRemoved: () => void notes.push('removed'),
    drainMs: 1000,
    clock,
    log: silentLog,
  })
  return { life, notes, lives, failures, wakes }
}

const turns = () => new Promise((done) => setImmediate(done))

test('a restart closes one life and begins the next', async () => {
  const { life, notes, lives } = openBench()
  await life.start()
  lives[0]?.onRestart()
  await turns()
  assert.deepEqual(notes, ['start 1', 'close 1', 'start 2'])
  await life.stop()
  assert.deepEqual(notes.slice(3), ['drain 2', 'close 2'])
})

test('a life that cannot begin is tried again', async () => {
  const { life, notes, lives, failures, wakes } = openBench()
  await life.start()
  failures.push(new Error('no FFmpeg now'))
  lives[0]?.onRestart()
  await turns()
  assert.deepEqual(notes, ['start 1', 'close 1'])
  wakes[0]?.()
  await turns()
  assert.deepEqual(notes.slice(2), ['start 2'])
  await life.stop()
})

test('a removed worker is closed, and reported once', async () => {
  const { life, notes, lives } = openBench()
  await life.start()
  lives[0]?.onRemoved()
  await turns()
  await life.stop()
  assert.deepEqual(notes, ['start 1', 'close 1', 'removed'])
})

test('a process that stops begins no other life', async () => {
  const { life, notes, lives, failures } = openBench()
  await life.start()
  failures.push(new Error('no FFmpeg now'))
  lives[0]?.onRestart()
  await turns()
  await life.stop()
  lives[0]?.onRestart()
  lives[0]?.onRemoved()
  await turns()
  assert.deepEqual(notes, ['start 1', 'close 1'])
})

test('start() fails with the failure of the first life', async () => {
  const { life, failures } = openBench()
  failures.push(new Error('no FFmpeg'))
  await assert.rejects(life.start(), /no FFmpeg/)
  await life.stop()
})
