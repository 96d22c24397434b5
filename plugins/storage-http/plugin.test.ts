/** The storage as a plugin process: the common suite behind the host, and the guard within its sandbox. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { describeStorage } from '../../kernel/contract/storage.suite.ts'
import { storageFrom } from '../../kernel/plugin/adapters/storage.ts'
import { startTestPlugin, type TestPlugin } from '../../kernel/plugin/test-host.ts'
import { openWebStorage } from './test-web.ts'

const folder = fileURLToPath(new URL('.', import.meta.url)).replace(/\/$/, '')

describeStorage('http storage as a plugin', async () => {
  const { plugin, close } = await startTestPlugin(folder, () => ({ allowed_hosts: ['127.0.0.1'] }))
  const opened = await openWebStorage(storageFrom(plugin), close)
  // A server that does not answer is waited for as long as a user waits: tried without the host.
  return { ...opened, fail: (how) => opened.fail(how === 'slow' ? 'full' : how) }
}, { isReadOnly: true })

describe('storage-http as a plugin', { timeout: 120_000 }, () => {
  let started: TestPlugin
  before(async () => {
    started = await startTestPlugin(folder, () => ({}))
  })
  after(() => started.close())

  test('reads no private address that its settings do not name', async () => {
    const storage = storageFrom(started.plugin)
    for (const bucket of ['http://127.0.0.1:1', 'http://localhost:1', 'https://[::1]']) {
      const refused = { code: 'WE-STO-002', message: /not a public address/ }
      await assert.rejects(storage.getObjectMetadata({ bucket, path: 'a.mp4' }), refused, bucket)
    }
  })

  test('its self-test passes', () => started.plugin.check())
})
