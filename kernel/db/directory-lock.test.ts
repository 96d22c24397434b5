/** The directory lock: who gets in, who does not, and what a dead holder leaves. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { WebEncodeError } from '../errors.ts'
import { lockDirectory } from './directory-lock.ts'
import { processIdentity } from './process-identity.ts'

describe('lockDirectory()', { timeout: 30_000 }, () => {
  let directory = ''
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'webencode-lock-'))
  })
  afterEach(() => rm(directory, { recursive: true, force: true }))

  const isRefused = (failure: unknown) =>
    failure instanceof WebEncodeError && failure.code === 'WE-SYS-002'
  /** Leaves the lock of another holder. */
  const leave = async (holder: object) =>
    await writeFile(
      join(directory, 'lock'),
      JSON.stringify({ ...await processIdentity(), id: 'other', ...holder }),
    )
  const lockAndRelease = async () => await (await lockDirectory(directory)).release()

  test('makes the directory and leaves nothing behind', async () => {
    const inner = join(directory, 'a', 'b')
    await (await lockDirectory(inner)).release()
    assert.deepEqual(await readdir(inner), [])
  })

  test('lets one in at a time, and says who it is', async () => {
    const lock = await lockDirectory(directory)
    await assert.rejects(lockDirectory(directory), (failure) => {
      assert.ok(isRefused(failure))
      assert.ok(
        failure instanceof WebEncodeError && failure.message.includes(`process ${process.pid} on `),
      )
      return true
    })
    await lock.release()
    await lockAndRelease()
  })

  test('lets one of many in', async () => {
    const attempts = await Promise.allSettled(
      Array.from({ length: 20 }, () => lockDirectory(directory)),
    )
    assert.equal(attempts.filter(({ status }) => status === 'fulfilled').length, 1)
  })

  test('lets at most one of many take over from a dead one', async () => {
    await leave({ startedAt: '1' })
    const attempts = await Promise.allSettled(
      Array.from({ length: 20 }, () => lockDirectory(directory)),
    )
    const holders = attempts.filter(({ status }) => status === 'fulfilled')
    assert.equal(holders.length, 1)
    for (const attempt of attempts) {
      if (attempt.status === 'rejected') assert.ok(isRefused(attempt.reason))
    }
  })

  test('takes over from a process that was killed', async () => {
    const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
    await once(child, 'exit')
    await leave({ pid: child.pid, startedAt: '' })
    await lockAndRelease()
  })

  test('takes over from a process whose number another one has now', async (t) => {
    if ((await processIdentity()).startedAt === '') {
      return t.skip('this system does not tell when a process started')
    }
    await leave({ startedAt: '1' })
    await lockAndRelease()
  })

  test('takes over what is not a lock', async () => {
    await writeFile(join(directory, 'lock'), '{"half":')
    await lockAndRelease()
  })

  test('believes the beats of a holder that it cannot see, and its silence', async () => {
    await leave({ host: 'another-host' })
    await assert.rejects(lockDirectory(directory), isRefused)
    const longAgo = new Date(Date.now() - 60_000)
    await utimes(join(directory, 'lock'), longAgo, longAgo)
    await lockAndRelease()
  })

  test('is not kept out by a taker that died', async () => {
    await leave({ startedAt: '1' })
    const { mkdir } = await import('node:fs/promises')
    const taking = join(directory, 'lock.taking')
    await mkdir(taking)
    await assert.rejects(lockDirectory(directory), isRefused)
    const longAgo = new Date(Date.now() - 60_000)
    await utimes(taking, longAgo, longAgo)
    await lockAndRelease()
  })

  test('release() leaves the lock of whoever took over', async () => {
    const lock = await lockDirectory(directory)
    await leave({ id: 'next' })
    await lock.release()
    assert.match(await readFile(join(directory, 'lock'), 'utf8'), /next/)
  })
})
