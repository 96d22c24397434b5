/** A plugin in Go with the real hashicorp/go-plugin, which knows nothing of ours but storage.proto, behind the host. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { messageOf } from '../errors.ts'
import { storageFrom } from './adapters/storage.ts'
import { openTestHost } from './test-host.ts'

const bucket = 'media'
const sources = fileURLToPath(new URL('./fixtures/go-storage/', import.meta.url))
const proto = fileURLToPath(new URL('./proto/storage.proto', import.meta.url))

test('a Go plugin serves over mutual TLS', { timeout: 600_000 }, async (t) => {
  const directory = await buildPlugin(t)
  if (directory === undefined) return
  const host = await openTestHost(t, { directory })
  const plugin = await host.start('go-storage')
  await plugin.check()
  const storage = storageFrom(plugin)
  assert.equal((await storage.getCapabilities()).storageType, 'go')

  const summary = await storage.upload({ bucket, path: 'a/b' }, chunks())
  assert.deepEqual([summary.size, summary.sha256.length], [3_000_000, 64])
  const { metadata, body } = await storage.download({ bucket, path: 'a/b' })
  assert.equal(metadata.size, 3_000_000)
  assert.equal((await new Response(body).bytes()).at(-1), 2)
  const part = await storage.download({
    bucket,
    path: 'a/b',
    range: { start: 999_998, end: 1_000_001 },
  })
  assert.deepEqual([...await new Response(part.body).bytes()], [0, 0, 1, 1])

  await storage.delete({ bucket, path: 'a/b' })
  const missing = storage.getObjectMetadata({ bucket, path: 'a/b' })
  await assert.rejects(missing, { code: 'WE-STO-001', message: 'There is no "a/b"' })
  await assert.rejects(storage.browseRoots(), {
    code: 'WE-PLG-005',
    message: /does not have that method/,
  })

  await plugin.stop()
  const messages = plugin.logs().map(({ message }) => message)
  assert.ok(messages.includes('took an object {"bytes":3000000}'), messages.join('\n'))
  assert.ok(messages.includes('configuring server automatic mTLS'), messages.join('\n'))
})

async function* chunks(): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < 3; i++) yield await Promise.resolve(Buffer.alloc(1_000_000, i))
}

/** @returns the plugin folder's parent; undefined after the test was skipped, with the reason */
async function buildPlugin(t: TestContext): Promise<string | undefined> {
  const go = findGo()
  if (go === undefined) return t.skip('needs Go') as undefined
  const directory = await mkdtemp(join(tmpdir(), 'go-plugin-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const folder = join(directory, 'go-storage')
  await mkdir(folder)
  for (const name of ['main.go', 'go.mod', 'go.sum', 'plugin.toml']) {
    await copyFile(join(sources, name), join(folder, name))
  }
  await copyFile(proto, join(folder, 'storage.proto'))
  const run = promisify(execFile)
  const options = { cwd: folder, env: { ...process.env, GOFLAGS: '-modcacherw' }, timeout: 300_000 }
  try {
    await run(go, ['mod', 'download'], { ...options, timeout: 60_000 })
  } catch (failure) {
    return t.skip(`needs the Go modules: ${messageOf(failure).slice(0, 200)}`) as undefined
  }
  await run(go, ['build', '-o', 'go-storage', '.'], options)
  return directory
}

function findGo(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/go/bin']
  return folders.map((folder) => join(folder, 'go')).find((path) => existsSync(path))
}
