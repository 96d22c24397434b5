/** The host with real processes that behave: handshake, calls, streams, failures, logs, secrets, stop. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { storageFrom } from './adapters/storage.ts'
import { openTestHost } from './test-host.ts'

const bucket = 'media'

test('start() shakes hands, calls come through, stop() ends the process', async (t) => {
  const host = await openTestHost(t)
  const plugin = await host.start('good')
  assert.equal(plugin.manifest.version, '1.2.3')
  await plugin.check()
  const storage = storageFrom(plugin)
  assert.equal((await storage.getCapabilities()).storageType, 'memory')
  const exit = await plugin.stop()
  assert.deepEqual(exit, { exitCode: 0, signal: null, isExpected: true })
  await assert.rejects(storage.getCapabilities(), { code: 'WE-PLG-004', message: /it ended with/ })
})

test('upload and download stream through, the hash is made where the plugin has none', async (t) => {
  const host = await openTestHost(t)
  const storage = storageFrom(await host.start('good'))
  async function* chunks() {
    for (let i = 0; i < 3; i++) yield await Promise.resolve(Buffer.alloc(1_000_000, i))
  }
  const summary = await storage.upload({ bucket, path: 'a' }, chunks())
  assert.equal(summary.size, 3_000_000)
  assert.match(summary.sha256, /^[0-9a-f]{64}$/)
  const { body, metadata } = await storage.download({ bucket, path: 'a' })
  assert.equal(metadata.size, 3_000_000)
  assert.equal((await new Response(body).bytes()).length, 3_000_000)
  const wrong = storage.upload({ bucket, path: 'b', sha256: '0'.repeat(64) }, chunks())
  await assert.rejects(wrong, { code: 'WE-STO-006', next: 'stop' })
  await assert.rejects(storage.getObjectMetadata({ bucket, path: 'b' }), { code: 'WE-STO-001' })
})

test('a failure crosses the wire with its code, path and next step', async (t) => {
  const host = await openTestHost(t)
  const plugin = await host.start('good')
  await assert.rejects(plugin.call('GetObjectMetadata', { bucket, path: 'n/ö' }), {
    name: 'WebEncodeError',
    code: 'WE-STO-001',
    message: 'There is no "n/ö"',
    path: 'n/ö',
    next: 'stop',
  })
  await assert.rejects(plugin.call('Browse', { path: 'x' }), {
    code: 'WE-PLG-005',
    message: /Cannot call Browse of plugin "good".*Nothing to browse at "x"/,
  })
  const { calls, errors } = plugin.stats()
  // Health, "not found", which is an answer, and the failure without a code.
  assert.deepEqual({ calls, errors }, { calls: 3, errors: 1 })
})

test('stats() has the methods of the services, and no name that a caller makes up', async (t) => {
  const host = await openTestHost(t)
  const plugin = await host.start('good')
  await plugin.call('GetCapabilities', {})
  await assert.rejects(plugin.call('Invented', {}), TypeError)
  const invented = plugin.readStream('Invented', {})[Symbol.asyncIterator]()
  await assert.rejects(async () => await invented.next(), TypeError)
  const { methods } = plugin.stats()
  assert.deepEqual(methods.map(({ method, calls, errors }) => [method, calls, errors]), [
    ['GetCapabilities', 1, 0],
    ['Health', 1, 0],
  ])
})

test('logs() has the JSON lines of the plugin with the correlation id of the call', async (t) => {
  const host = await openTestHost(t)
  const plugin = await host.start('good')
  const said = Promise.withResolvers<void>()
  plugin.onLog(({ message }) => message === 'Asked for config' && said.resolve())
  await plugin.call('GetObjectMetadata', { bucket, path: 'config' }, { correlationId: 'req-7' })
  await said.promise
  const line = plugin.logs().find(({ message }) => message === 'Asked for config')
  assert.equal(line?.correlationId, 'req-7')
  assert.equal(line?.level, 'info')
})

test('check() tells what the self-test complains about, metrics() what is counted', async (t) => {
  const host = await openTestHost(t)
  const plugin = await host.start('good', { broken: 'the disk is gone' })
  await plugin.ping()
  await assert.rejects(plugin.check(), { code: 'WE-PLG-005', message: /the disk is gone/ })
  await plugin.call('GetCapabilities', {})
  const text = await plugin.metrics()
  assert.match(
    text,
    /^webencode_plugin_good_calls_total\{method="GetCapabilities",outcome="ok"\} 1$/m,
  )
})

test('a failure that names a secret is told without it', async (t) => {
  const host = await openTestHost(t)
  const plugin = await host.start('good', { password_ref: 'secret/told' })
  const read = storageFrom(plugin).getObjectMetadata({ bucket, path: 'secret:secret/told' })
  await assert.rejects(read, (failure: Error) => {
    assert.match(failure.message, /Nobody is let in with \[redacted\]/)
    assert.doesNotMatch(inspect(failure, { depth: 5 }), /value of/)
    return true
  })
})

test('secrets resolve where the configuration names them, and stay out of the log', async (t) => {
  const host = await openTestHost(t)
  const plugin = await host.start('good', { password_ref: 'secret/password' })
  const storage = storageFrom(plugin)
  const read = async (path: string) => {
    const { body } = await storage.download({ bucket, path })
    return await new Response(body).text()
  }
  assert.equal(await read('secret:secret/password'), 'value of secret/password')
  await assert.rejects(read('secret:secret/other'), { code: 'WE-AUTH-003' })
  await plugin.stop()
  const messages = plugin.logs().map(({ message }) => message)
  assert.ok(
    messages.some((message) => message.startsWith('The secret is [redacted]')),
    messages.join('\n'),
  )
  assert.ok(messages.some((message) => /Refused secret "secret\/other"/.test(message)))
  assert.doesNotMatch(messages.join('\n'), /value of/)
})

test('checkConfig() names the wrong setting and fills in defaults', async (t) => {
  const host = await openTestHost(t)
  const { manifest } = await host.find('good')
  assert.deepEqual(host.host.checkConfig(manifest, {}), { greeting: 'hello' })
  const check = (config: unknown) => () => host.host.checkConfig(manifest, config)
  assert.throws(check({ greeting: 7 }), { code: 'WE-PLG-003', path: 'greeting' })
  assert.throws(check({ colour: 'red' }), { code: 'WE-PLG-003', path: 'colour' })
  assert.throws(check('text'), { code: 'WE-PLG-003', path: '' })
})

test('close() leaves nothing on disk', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'closed-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const [before, host] = [process.env['TMPDIR'], await openTestHost(t)]
  process.env['TMPDIR'] = directory
  try {
    await host.start('good')
    assert.equal(readdirSync(directory).length, 1)
    assert.equal(statSync(join(directory, readdirSync(directory)[0]!)).mode & 0o777, 0o700)
  } finally {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  }
  await host.host.close()
  assert.deepEqual(readdirSync(directory), [])
  assert.deepEqual(readdirSync(join(host.stateDirectory, 'running')), [])
})

test('call() is cancelled by its signal, with the reason', async (t) => {
  const host = await openTestHost(t)
  const plugin = await host.start('unruly')
  const controller = new AbortController()
  const call = plugin.call('PublishVOD', { title: 'late' }, { signal: controller.signal })
  controller.abort(new Error('no longer wanted'))
  await assert.rejects(call, /no longer wanted/)
  assert.equal(plugin.stats().errors, 0)
})
