import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { silentLog } from '../log.ts'
import { BatchReader } from './batch-reader.ts'
import { createHandClock } from './hand-clock.fixture.ts'

/** A reader of things that are all there but those called `gone`; notes its batches. */
function createTrial() {
  const clock = createHandClock()
  const batches: string[][] = []
  const gone: string[] = []
  let answer: () => Promise<void> = () => Promise.resolve()
  const reader = new BatchReader<string>({
    clock,
    log: silentLog,
    restMs: 250,
    async read(names) {
      batches.push([...names])
      await answer()
      return new Map(names.filter((name) => !name.includes('gone')).map((name) => [name, name]))
    },
    onRead(name, value) {
      if (value === undefined) gone.push(name)
    },
  })
  const pass = async (ms: number) => {
    clock.pass(ms)
    await setImmediate()
  }
  const setAnswer = (next: typeof answer) => void (answer = next)
  return { batches, gone, reader, pass, setAnswer }
}

const names = (count: number) => Array.from({ length: count }, (_, i) => `n${i}`)

describe('BatchReader', () => {
  test('reads a new thing at once, and those that come meanwhile together', async () => {
    const { batches, reader } = createTrial()
    for (const name of names(100)) reader.add(name)
    await setImmediate()
    assert.deepEqual(batches.map(({ length }) => length), [1, 99])
  })

  test('reads a thing that is announced at once when it has rested, and else when it has', async () => {
    const { batches, reader, pass } = createTrial()
    reader.add('a')
    await pass(250)
    reader.announce('a')
    await setImmediate()
    assert.equal(batches.length, 2)
    reader.announce('a')
    reader.announce('a')
    await pass(249)
    assert.equal(batches.length, 2)
    await pass(1)
    assert.equal(batches.length, 3)
  })

  test('makes one batch of what is announced within 50 ms', async () => {
    const { batches, reader, pass } = createTrial()
    for (const name of names(20)) reader.add(name)
    await setImmediate()
    await pass(1000)
    const before = batches.length
    for (const name of names(20)) {
      reader.announce(name)
      await setImmediate()
    }
    assert.deepEqual(batches.slice(before), [['n0']])
    await pass(50)
    assert.deepEqual(batches.slice(before + 1), [names(20).slice(1)])
  })

  test('polls what nobody announces every two seconds, a batch at a time', async () => {
    const { batches, reader, pass } = createTrial()
    for (const name of names(300)) reader.add(name)
    await setImmediate()
    const before = batches.length
    await pass(1999)
    assert.equal(batches.length, before)
    await pass(1)
    assert.equal(batches.at(-1)?.length, 256)
    await pass(50)
    assert.equal(batches.at(-1)?.length, 44)
    assert.equal(batches.length, before + 2)
  })

  test('polls together what would be due soon after', async () => {
    const { batches, reader, pass } = createTrial()
    for (const name of names(40)) {
      reader.add(name)
      await pass(10)
    }
    const before = batches.length
    await pass(1600)
    assert.deepEqual(batches.slice(before), [names(40)])
  })

  test('reads again what is announced while it is read', async () => {
    const { batches, reader, pass, setAnswer } = createTrial()
    const { promise, resolve } = Promise.withResolvers<void>()
    setAnswer(() => promise)
    reader.add('a')
    reader.announce('a')
    resolve()
    await setImmediate()
    await pass(250)
    assert.deepEqual(batches, [['a'], ['a']])
  })

  test('tells what is gone, and forgets what is removed', async () => {
    const { batches, gone, reader, pass } = createTrial()
    reader.add('gone')
    reader.add('removed-gone')
    reader.remove('removed-gone')
    await pass(10)
    assert.deepEqual(gone, ['gone'])
    reader.remove('gone')
    reader.announce('gone')
    await pass(10_000)
    assert.deepEqual(batches, [['gone']])
  })

  test('tries again after a read that failed', async () => {
    const { batches, reader, pass, setAnswer } = createTrial()
    setAnswer(() => Promise.reject(new Error('the database is away')))
    reader.add('a')
    await setImmediate()
    await pass(2000)
    assert.deepEqual(batches, [['a'], ['a']])
  })

  test('close() waits for the batch that runs, and reads no more', async () => {
    const { batches, gone, reader, pass, setAnswer } = createTrial()
    const { promise, resolve } = Promise.withResolvers<void>()
    setAnswer(() => promise)
    reader.add('gone')
    const closing = reader.close()
    resolve()
    await closing
    await pass(10_000)
    assert.deepEqual([batches.length, gone.length], [1, 0])
  })
})
