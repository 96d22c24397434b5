/** The host with real processes that misbehave: each is a clear failure, and the kernel goes on. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import process from 'node:process'
import { test } from 'node:test'
import { systemClock } from '../clock.ts'
import type { HostedPlugin } from './instance.ts'
import { openTestHost } from './test-host.ts'

/** Longer than a start takes on a busy machine, short enough to wait for. */
const startTimeoutMs = 6000

test('start() refuses what is no handshake, and says what it found', async (t) => {
  const host = await openTestHost(t, { startTimeoutMs })
  const cases: [string, RegExp][] = [
    ['exit', /must print a handshake, and ended before. Its last words: cannot find my config/],
    ['hang', /must shake hands within 6000 ms, and did not/],
    ['garbage-line', /must be "CORE\|APP.*found "Listening on port 8080/],
    ['flood', /must be "CORE\|APP/],
    ['wrong-version', /must have protocol version 1, found "2"/],
    ['garbage-certificate', /the certificate of its handshake must be X\.509/],
    ['no-server', /nobody answers|must shake hands within/],
    ['kept-pipes', /must print a handshake, and ended before/],
  ]
  await Promise.all(cases.map(async ([behaviour, message]) => {
    await assert.rejects(
      host.start('raw', { behaviour }),
      { code: 'WE-PLG-004', message },
      behaviour,
    )
  }))
})

test('start() refuses a plugin that says that it is not serving', async (t) => {
  const host = await openTestHost(t)
  const start = host.start('raw', { behaviour: 'not-serving' })
  await assert.rejects(start, {
    code: 'WE-PLG-005',
    message: /must be SERVING, and says NOT_SERVING/,
  })
})

test('a garbage answer is WE-PLG-005, and the next call is tried again', async (t) => {
  const host = await openTestHost(t)
  const plugin = await host.start('raw', { behaviour: 'garbage-answer' })
  for (let i = 0; i < 2; i++) {
    await assert.rejects(plugin.call('PublishVOD', {}), { code: 'WE-PLG-005' })
  }
  await plugin.ping()
  assert.equal(plugin.stats().errors, 2)
})

test('a late answer is WE-PLG-005 after the time of the call', async (t) => {
  const plugin = await (await openTestHost(t)).start('unruly')
  await assert.rejects(plugin.call('PublishVOD', { title: 'late' }, { timeoutMs: 200 }), {
    code: 'WE-PLG-005',
    message: /must answer within 200 ms, and did not/,
  })
  assert.equal(plugin.stats().errors, 1)
})

test('a crash fails the calls that run with WE-PLG-004', async (t) => {
  const plugin = await (await openTestHost(t)).start('unruly')
  await assert.rejects(plugin.call('PublishVOD', { title: 'crash' }), { code: 'WE-PLG-004' })
  assert.deepEqual(await plugin.exited, { exitCode: 1, signal: null, isExpected: false })
  assert.ok(plugin.logs().some(({ message }) => message.includes('crashed as it was told')))
})

test('kill -9 fails the calls that run with WE-PLG-004', async (t) => {
  const plugin = await (await openTestHost(t)).start('unruly')
  const call = plugin.call('PublishVOD', { title: 'late' })
  process.kill(plugin.pid, 'SIGKILL')
  await assert.rejects(call, { code: 'WE-PLG-004' })
  assert.equal((await plugin.exited).signal, 'SIGKILL')
})

test('a leak ends the plugin at its own limit, not the kernel', async (t) => {
  const plugin = await (await openTestHost(t)).start('unruly')
  const call = plugin.call('PublishVOD', { title: 'leak' }, { timeoutMs: 60_000 })
  await assert.rejects(call, { code: 'WE-PLG-004' })
  assert.ok(plugin.logs().some(({ message }) => /heap/i.test(message)))
})

test('what a plugin forks goes with it', async (t) => {
  const plugin = await (await openTestHost(t)).start('unruly')
  const child = Number(await misbehave(plugin, 'run', 'sleep'))
  assert.ok(isAlive(child))
  process.kill(plugin.pid, 'SIGKILL')
  await plugin.exited
  await until(() => !isAlive(child))
})

test('a sandboxed plugin reaches what its manifest names, and nothing else', async (t) => {
  const environment = { WEBENCODE_TEST_ALLOWED: 'yes', DATABASE_URL: 'postgres://secret' }
  const host = await openTestHost(t, { environment: { ...process.env, ...environment } })
  const plugin = await host.start('unruly')
  const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { folder } = await host.find('unruly')
  assert.match(await misbehave(plugin, 'read', `${folder}/files/allowed.json`), /allowed/)
  assert.equal(await misbehave(plugin, 'env', 'WEBENCODE_TEST_ALLOWED'), 'yes')
  assert.equal(await misbehave(plugin, 'env', 'DATABASE_URL'), '')
  const refused: [string, string][] = [
    ['read', '/etc/hostname'],
    ['read', '/proc/self/environ'],
    ['connect', String(port)],
    ['run', 'ls'],
  ]
  for (const [how, target] of refused) {
    await assert.rejects(misbehave(plugin, how, target), { message: /Requires|denied|Not/ }, target)
  }
  await plugin.stop()
  const refusals = plugin.logs().filter(({ message }) => message.startsWith('Refused: '))
  assert.equal(refusals.length, refused.length)
})

test('a message that gRPC does not carry is WE-PLG-006, either way, and no fault of the plugin', async (t) => {
  const plugin = await (await openTestHost(t)).start('unruly')
  const tooLarge = {
    code: 'WE-PLG-006',
    next: 'stop',
    message:
      /^Cannot call PublishVOD of plugin "unruly": a message must have at most 8388608 bytes, and one has more \(/,
  }
  await assert.rejects(misbehave(plugin, 'large', '9000000'), tooLarge)
  await assert.rejects(misbehave(plugin, 'behave', 'x'.repeat(9_000_000)), tooLarge)
  assert.equal((await misbehave(plugin, 'large', '8000000')).length, 8_000_000)
  assert.equal(plugin.stats().errors, 0)
})

test('a flood of log lines is cut, and the plugin still answers', async (t) => {
  const plugin = await (await openTestHost(t)).start('unruly')
  await misbehave(plugin, 'flood', '')
  assert.equal(await misbehave(plugin, 'behave', ''), 'behaved')
  assert.ok(plugin.logs().length <= 500)
  assert.ok(plugin.logs().every(({ message }) => message.length < 9000))
})

async function misbehave(
  plugin: HostedPlugin,
  title: string,
  description: string,
): Promise<string> {
  const answer = await plugin.call('PublishVOD', { title, description }, { timeoutMs: 30_000 })
  return String(Reflect.get(answer as object, 'publicUrl'))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !holds(); i++) await systemClock.sleep(25)
  assert.ok(holds())
}
