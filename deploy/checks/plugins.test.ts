/** Plugins as an admin uses them: real processes, a real upload, a kernel that is killed. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { systemClock } from '../../kernel/clock.ts'
import type { PluginView } from '../../kernel/contract/plugin-view.ts'
import { packPlugin, writePlugin } from './plugin-program.ts'
import { createDataDirectory, type Product, startProduct, stopProducts } from './product.ts'

after(stopProducts)

async function ask<T>(product: Product, method: string, path: string, body?: unknown): Promise<T> {
  const response = await product.fetch(path, {
    method,
    ...body !== undefined && {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    },
  })
  return await response.json() as T
}
const read = (product: Product, id: string) => ask<PluginView>(product, 'GET', `/v1/plugins/${id}`)

async function until<T>(
  look: () => Promise<T>,
  isRight: (found: T) => boolean,
  limitMs = 60_000,
): Promise<T> {
  const giveUpAt = Date.now() + limitMs
  for (;;) {
    const found = await look()
    if (isRight(found)) return found
    assert.ok(Date.now() < giveUpAt, `still ${JSON.stringify(found)}`)
    await systemClock.sleep(100)
  }
}
const reaches = (product: Product, id: string, state: string) =>
  until(() => read(product, id), (plugin) => plugin.state === state)

/** Process numbers of the plugins that the data folder knows of. */
function notedPids(dataDirectory: string): number[] {
  const directory = join(dataDirectory, 'plugins', 'running')
  return readdirSync(directory).map((name) =>
    (JSON.parse(readFileSync(join(directory, name), 'utf8')) as { process: { pid: number } })
      .process.pid
  )
}
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

test('a plugin is dropped in, configured, enabled, upgraded, and survives kill -9 of the kernel', async () => {
  const plugins = createDataDirectory()
  const drafts = createDataDirectory()
  writePlugin(plugins, 'publisher-check')
  writePlugin(plugins, 'publisher-newer', { protocolVersion: '2' })
  writePlugin(plugins, 'publisher-broken', { crashes: true })
  const env = { PLUGIN_DIR: plugins }
  const first = await startProduct({ env })

  const { plugins: listed } = await ask<{ plugins: PluginView[] }>(first, 'GET', '/v1/plugins')
  assert.deepEqual(listed.map(({ id, state, is_built_in }) => [id, state, is_built_in]), [
    ['auth-basic', 'healthy', true],
    ['storage-fs', 'healthy', true],
    ['encoder-ffmpeg', 'healthy', true],
    ['publisher-broken', 'disabled', false],
    ['publisher-check', 'disabled', false],
    ['publisher-newer', 'disabled', false],
  ])
  assert.match(listed.at(-1)?.problem ?? '', /protocol_version/)

  const path = '/v1/plugins/publisher-check'
  const wrong = await ask<{ error: { code: string; path: string } }>(
    first,
    'PUT',
    `${path}/config`,
    {
      config: { retries: 'many' },
    },
  )
  assert.deepEqual([wrong.error.code, wrong.error.path], ['WE-PLG-003', 'retries'])
  const config = { channel: 'one', retries: 2 }
  assert.deepEqual(
    (await ask<{ config: object }>(first, 'PUT', `${path}/config`, { config })).config,
    config,
  )
  assert.equal((await ask<{ ok: boolean }>(first, 'POST', `${path}/test`)).ok, true)
  await ask(first, 'POST', `${path}/enable`)
  await reaches(first, 'publisher-check', 'healthy')
  const { lines } = await ask<{ lines: { message: string }[] }>(first, 'GET', `${path}/logs`)
  assert.ok(lines.some(({ message }) => message === 'It publishes to one'), JSON.stringify(lines))

  const archive = readFileSync(
    packPlugin(writePlugin(drafts, 'publisher-check', { version: '1.1.0' })),
  )
  const uploaded = await first.fetch(`${path}/upgrade`, { method: 'POST', body: archive })
  assert.equal(uploaded.status, 200, await uploaded.text())
  await until(() => read(first, 'publisher-check'), ({ version }) => version === '1.1.0')

  const before = notedPids(first.dataDirectory)
  assert.equal(before.length, 2, 'the old version waits')
  const metrics = await (await first.fetch('/metrics')).text()
  assert.match(metrics, /webencode_plugin_health\{plugin="publisher-check"\} 1/)
  const own = /^webencode_plugin_publisher_check_starts_total 1$/m
  assert.match(metrics, own, 'what the plugin counts itself')
  await first.kill()

  const second = await startProduct({ env, dataDirectory: first.dataDirectory })
  const again = await until(
    () => read(second, 'publisher-check'),
    ({ state, uptime_seconds }) => state === 'healthy' && (uptime_seconds ?? 99) < 60,
  )
  assert.deepEqual([again.version, again.restarts, again.upgrade.phase], ['1.1.0', 0, 'watching'])
  await until(() => Promise.resolve(before.filter(isAlive)), (alive) => alive.length === 0)
  const now = notedPids(second.dataDirectory)
  assert.equal(now.length, 1)

  await ask(second, 'POST', `${path}/disable`)
  await reaches(second, 'publisher-check', 'disabled')
  await until(() => Promise.resolve(now.filter(isAlive)), (alive) => alive.length === 0)

  await ask(second, 'POST', '/v1/plugins/publisher-broken/enable')
  await until(
    () => read(second, 'publisher-broken'),
    ({ problem, state }) => state === 'failed' && problem !== null,
  )
  const broken = await ask<PluginView>(second, 'POST', '/v1/plugins/publisher-broken/disable')
  assert.equal(broken.is_enabled, false)
  await reaches(second, 'publisher-broken', 'disabled')
})
