import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Clock, systemClock } from './clock.ts'
import { WebEncodeError } from './errors.ts'
import { createLifecycle } from './lifecycle.ts'
import { silentLog } from './log.ts'

/** A clock whose timers fire when the test says so. */
function createHandClock(): Clock & { fire(delayMs: number): void } {
  const timers = new Map<symbol, { delayMs: number; callback: () => void }>()
  return {
    ...systemClock,
    after(delayMs, callback) {
      const key = Symbol()
      timers.set(key, { delayMs, callback })
      return () => void timers.delete(key)
    },
    fire(delayMs) {
      const due = [...timers.values()].filter((timer) => timer.delayMs === delayMs)
      assert.equal(due.length, 1, `one timer of ${delayMs} ms`)
      due[0]?.callback()
    },
  }
}

function createTrial() {
  const clock = createHandClock()
  const seen: string[] = []
  const lifecycle = createLifecycle({ log: silentLog, clock })
  const start = (name: string) =>
    lifecycle.start(name, () => seen.push(`+${name}`), () => seen.push(`-${name}`))
  return { clock, seen, lifecycle, start }
}

describe('Lifecycle.start()', () => {
  test('answers what the part opened to', async () => {
    const { lifecycle } = createTrial()
    assert.equal(await lifecycle.start('database', () => Promise.resolve('open')), 'open')
  })

  test('stops the earlier parts and names the step when one fails', async () => {
    const { lifecycle, seen, start } = createTrial()
    await start('database')
    const cause = new WebEncodeError('WE-SYS-002', 'refused')
    await assert.rejects(lifecycle.start('bus', () => Promise.reject(cause)), {
      code: 'WE-SYS-002',
      message: 'Cannot start bus: refused',
      cause,
    })
    assert.deepEqual(seen, ['+database', '-database'])
  })

  test('treats a throw of open as a failure', async () => {
    const { lifecycle } = createTrial()
    const open = () => {
      throw new TypeError('wrong')
    }
    await assert.rejects(lifecycle.start('bus', open), {
      code: 'WE-SYS-001',
      message: 'Cannot start bus: wrong',
    })
  })

  test('gives up after its time, and closes the part that opens too late', async () => {
    const { clock, lifecycle } = createTrial()
    const opened = Promise.withResolvers<string>()
    const closed = Promise.withResolvers<string>()
    const starting = lifecycle.start('bus', () => opened.promise, closed.resolve, {
      startTimeoutMs: 5,
    })
    clock.fire(5)
    await assert.rejects(starting, {
      message: 'Cannot start bus: starting bus takes longer than 5 ms',
    })
    opened.resolve('late')
    assert.equal(await closed.promise, 'late')
  })

  test('refuses once the process stops', async () => {
    const { lifecycle, start } = createTrial()
    await lifecycle.stop()
    await assert.rejects(start('bus'), { code: 'WE-SYS-004' })
  })
})

describe('Lifecycle.stop()', () => {
  test('stops in reverse, once', async () => {
    const { lifecycle, seen, start } = createTrial()
    await start('database')
    await start('bus')
    const stopping = lifecycle.stop()
    assert.equal(lifecycle.stop(), stopping)
    assert.deepEqual(await stopping, [])
    assert.deepEqual(seen, ['+database', '+bus', '-bus', '-database'])
  })

  test('collects failures and goes on', async () => {
    const { lifecycle, seen, start } = createTrial()
    await start('database')
    const error = new Error('stuck')
    await lifecycle.start('bus', () => {}, () => Promise.reject(error))
    await lifecycle.start('http', () => {}, () => {
      throw error
    })
    assert.deepEqual(await lifecycle.stop(), [{ step: 'http', error }, { step: 'bus', error }])
    assert.deepEqual(seen, ['+database', '-database'])
  })

  test('goes on after a part that does not stop in time', async () => {
    const { clock, lifecycle, seen, start } = createTrial()
    await start('database')
    const closing = Promise.withResolvers<void>()
    const close = () => {
      closing.resolve()
      return new Promise(() => {})
    }
    await lifecycle.start('worker', () => {}, close, { stopTimeoutMs: 7 })
    const stopping = lifecycle.stop()
    await closing.promise
    clock.fire(7)
    const [failure] = await stopping
    assert.equal(failure?.step, 'worker')
    assert.match(String(failure?.error), /stopping worker takes longer than 7 ms/)
    assert.deepEqual(seen, ['+database', '-database'])
  })

  test('waits for a part that is starting, and stops it', async () => {
    const { lifecycle, seen } = createTrial()
    const opened = Promise.withResolvers<void>()
    const starting = lifecycle.start('bus', () => opened.promise, () => seen.push('-bus'))
    const refused = assert.rejects(starting, { code: 'WE-SYS-004' })
    const stopping = lifecycle.stop()
    opened.resolve()
    assert.deepEqual(await stopping, [])
    assert.deepEqual(seen, ['-bus'])
    await refused
  })
})
