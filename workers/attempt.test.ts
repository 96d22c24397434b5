/** One attempt to its end: what is left on the disk of a worker whose storage is gone. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { silentLog } from '../kernel/log.ts'
import { attempt } from './attempt.ts'
import { Lease } from './lease.ts'
import { ManualClock } from './manual-clock.fixture.ts'
import { briefFor, encodeResult } from './task.fixture.ts'

test('attempt() leaves no log on the disk when the storage does not take it', async (t) => {
  const workDirectory = mkdtempSync(join(tmpdir(), 'attempt-'))
  t.after(() => rmSync(workDirectory, { recursive: true, force: true }))
  const run = () => Promise.resolve(encodeResult())
  const unused = () => Promise.reject(new Error('not used'))
  await attempt(new Lease(briefFor('a')), {
    workDirectory,
    workerId: 'w1',
    clock: new ManualClock(),
    log: silentLog,
    encoder: { getCapabilities: unused, run: unused, close: unused },
    handlers: { probe: run, encode: run, audio: run, stitch: run, remux: run, verify: run },
    objects: {
      put: () => Promise.reject(new Error('the storage is gone')),
      read: unused,
      remove: unused,
      release() {},
    },
    sources: { add: () => assert.fail('the source is a file'), close: unused },
    link: { report: () => Promise.resolve({ accepted: true }) },
    closing: new AbortController().signal,
    onProgress() {},
    onEnded() {},
  })
  assert.deepEqual(readdirSync(workDirectory), [])
})
