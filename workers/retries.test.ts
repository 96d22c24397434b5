/** When a transfer is tried again, and with what it ends. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WebEncodeError } from '../kernel/errors.ts'
import { silentLog } from '../kernel/log.ts'
import { ManualClock } from './manual-clock.fixture.ts'
import { Retries, statusFailure } from './retries.ts'

const broken = new Error('socket hang up')

function openRetries() {
  const clock = new ManualClock()
  const stop = new AbortController()
  const retries = new Retries({ action: 'read "a"', signal: stop.signal, clock, log: silentLog })
  /** The delay before the next try, or the failure that ends it. */
  const after = async (failure: unknown): Promise<unknown> => {
    const start = clock.now()
    const waited = retries.waitAfter(failure).then(() => clock.now() - start, (end: unknown) => end)
    await clock.advance(20_000)
    return await waited
  }
  return { retries, stop, after }
}

test('waitAfter() waits longer each time, and gives up after twelve failures in a row', async () => {
  const { after } = openRetries()
  const delays: unknown[] = []
  for (let i = 0; i < 11; i++) delays.push(await after(broken))
  assert.deepEqual(delays.slice(0, 7), [500, 1000, 2000, 4000, 8000, 15_000, 15_000])
  const end = await after(broken)
  assert.ok(end instanceof WebEncodeError)
  assert.deepEqual([end.code, end.message], ['WE-STO-004', 'Cannot read "a": socket hang up'])
})

test('reached() starts the count over, but not for bytes that had been there before', async () => {
  const { retries, after } = openRetries()
  for (let i = 0; i < 11; i++) await after(broken)
  retries.reached(100)
  assert.equal(await after(broken), 500)
  for (let i = 0; i < 10; i++) {
    retries.reached(100)
    await after(broken)
  }
  assert.ok(await after(broken) instanceof WebEncodeError)
})

test('waitAfter() lets a new URL help once, and then believes the refusal', async () => {
  const { after } = openRetries()
  const expired = statusFailure(403, 'read "a"')
  assert.equal(await after(expired), 500)
  assert.equal(await after(expired), expired)
})

test('waitAfter() throws at once what another try does not mend', async () => {
  const noLease = new WebEncodeError('WE-WRK-004', 'no lease', { next: 'stop' })
  const full = statusFailure(507, 'store "a"')
  const noSpace = Object.assign(new Error('no space left'), { code: 'ENOSPC' })
  for (
    const failure of [
      noLease,
      full,
      statusFailure(413, 'store "a"'),
      statusFailure(422, 'store "a"'),
    ]
  ) {
    assert.equal(await openRetries().after(failure), failure)
  }
  const end = await openRetries().after(noSpace)
  assert.ok(end instanceof WebEncodeError && end.code === 'WE-STO-003')
})

test('waitAfter() waits for a kernel that is gone, or forgot the worker', async () => {
  for (const code of ['WE-SYS-003', 'WE-WRK-001'] as const) {
    assert.equal(await openRetries().after(new WebEncodeError(code, 'later')), 500)
  }
})

test('waitAfter() throws the reason when the signal is aborted, also while it waits', async () => {
  const { retries, stop } = openRetries()
  const waiting = retries.waitAfter(broken)
  stop.abort(new Error('the lease was lost'))
  await assert.rejects(waiting, /lease was lost/)
  await assert.rejects(retries.waitAfter(broken), /lease was lost/)
})
