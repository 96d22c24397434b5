/** The storage as a plugin process: the common suite behind the host, and what only the plugin has. */
import assert from 'node:assert/strict'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { describeStorage } from '../../kernel/contract/storage.suite.ts'
import type { StorageProvider } from '../../kernel/contract/storage.ts'
import { storageFrom } from '../../kernel/plugin/adapters/storage.ts'
import { startTestPlugin } from '../../kernel/plugin/test-host.ts'

const folder = fileURLToPath(new URL('.', import.meta.url)).replace(/\/$/, '')

interface Opened {
  readonly root: string
  readonly storage: StorageProvider
  readonly check: () => Promise<void>
  readonly close: () => Promise<void>
}

async function open(settings: Record<string, unknown> = {}): Promise<Opened> {
  let root = ''
  const { plugin, close } = await startTestPlugin(folder, (directory) => {
    root = join(directory, 'objects')
    return { root, ...settings }
  })
  return { root, storage: storageFrom(plugin), check: () => plugin.check(), close }
}

describeStorage('fs storage as a plugin', async () => {
  const { storage, close } = await open()
  // What breaks a disk is tried without the host.
  const opened = { storage, fetch, close, fail: () => Promise.resolve(undefined) }
  return opened
})

describe('storage-fs as a plugin', { timeout: 120_000 }, () => {
  let opened: Opened
  before(async () => {
    opened = await open({
      signing_key_ref: 'secret/whose-value-is-as-long-as-a-key-must-be',
      local_workers: true,
    })
  })
  after(() => opened.close())

  test('its self-test passes and leaves nothing', async () => {
    await opened.check()
    const { objects } = await opened.storage.listObjects({ bucket: 'media', prefix: '' })
    assert.deepEqual(objects, [])
  })

  test('local workers open files, browsers of any page get URLs of the plugin itself', async () => {
    const sign = { bucket: 'media', objectKey: 'a.mp4', expirySeconds: 60 } as const
    const put = await opened.storage.getUploadUrl({ ...sign, method: 'PUT', audience: 'browser' })
    assert.match(put.url, /^http:\/\/127\.0\.0\.1:\d+\/objects\/media\/a\.mp4\?/)
    assert.equal((await fetch(put.url, { method: 'OPTIONS' })).status, 204)
    const answer = await fetch(put.url, { method: 'PUT', body: 'film' })
    assert.equal(answer.headers.get('access-control-allow-origin'), '*')
    assert.ok(answer.ok)
    await answer.body?.cancel()
    const get = await opened.storage.getUrl({ ...sign, method: 'GET', audience: 'worker' })
    assert.ok(existsSync(fileURLToPath(get.url)))
  })

  test('without a reference the key is kept beside the buckets, for its owner alone', async () => {
    const other = await open()
    try {
      assert.equal(statSync(join(other.root, '.signing-key')).mode & 0o777, 0o600)
      assert.ok(!existsSync(join(opened.root, '.signing-key')))
    } finally {
      await other.close()
    }
  })
})
