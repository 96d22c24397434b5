import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { as, type Bench, openBench, post } from '../fixture.ts'

let bench: Bench
before(async () => {
  bench = await openBench()
})
after(() => bench.close())

type Role = 'viewer' | 'operator' | 'admin'

async function answer(
  method: string,
  path: string,
  status: number,
  options: { role?: Role; body?: unknown } = {},
): Promise<Record<string, unknown>> {
  const { role = 'admin', body } = options
  const init = body === undefined ? { headers: as(role) } : post(body, as(role))
  const response = await bench.app.request(path, { ...init, method })
  const text = await response.text()
  assert.equal(response.status, status, text)
  return JSON.parse(text)
}
const failureOf = (body: Record<string, unknown>) =>
  body['error'] as { code: string; path?: string; details: string }
const id = '/v1/plugins/storage-s3'

test('plugins are listed and read by everybody, with their configuration by admins alone', async () => {
  const { plugins } = await answer('GET', '/v1/plugins', 200, { role: 'viewer' }) as {
    plugins: { id: string }[]
  }
  assert.deepEqual(plugins.map((plugin) => plugin.id), ['storage-fs', 'storage-s3'])
  assert.doesNotMatch(JSON.stringify(plugins), /secret_key_ref/)
  for (const role of ['viewer', 'operator'] as const) {
    assert.equal((await answer('GET', id, 200, { role }))['config'], undefined)
  }
  const plugin = await answer('GET', id, 200)
  assert.deepEqual(plugin['config'], { bucket: 'media', secret_key_ref: 'secret/s3' })
  assert.deepEqual([plugin['state'], plugin['error_rate'], plugin['p99_ms']], [
    'healthy',
    0.012,
    31,
  ])
})

test('only admins configure, enable, disable, restart, test and upgrade plugins', async () => {
  const changes = [
    ['PUT', `${id}/config`, { config: {} }],
    ['POST', `${id}/enable`, undefined],
    ['POST', `${id}/disable`, undefined],
    ['POST', `${id}/restart`, undefined],
    ['POST', `${id}/test`, undefined],
    ['POST', `${id}/upgrade`, 'archive'],
    ['PUT', '/v1/plugins/routes/storage', { rules: [] }],
  ] as const
  for (const [method, path, body] of changes) {
    for (const role of ['viewer', 'operator'] as const) {
      const failure = failureOf(await answer(method, path, 403, { role, body }))
      assert.equal(failure.code, 'WE-AUTH-003', `${method} ${path}`)
    }
  }
  assert.deepEqual(bench.commands, [])
  for (const [method, path, body] of changes) await answer(method, path, 200, { body })
  assert.deepEqual(bench.commands.map(({ name }) => name), [
    'configurePlugin',
    'enablePlugin',
    'disablePlugin',
    'restartPlugin',
    'testPlugin',
    'upgradePlugin',
    'setPluginRoutes',
  ])
})

test('a configuration that breaks its schema is WE-PLG-003 with the path', async () => {
  const body = { config: { bucket: 7 } }
  const failure = failureOf(await answer('PUT', `${id}/config`, 422, { body }))
  assert.deepEqual([failure.code, failure.path], ['WE-PLG-003', 'bucket'])
})

test('a plugin that nobody knows is WE-PLG-001', async () => {
  for (const [method, path] of [['GET', ''], ['GET', '/logs'], ['POST', '/enable']] as const) {
    const failure = failureOf(await answer(method, `/v1/plugins/nobody${path}`, 404))
    assert.equal(failure.code, 'WE-PLG-001')
  }
})

test('the last 50 log lines are read, or as many as are asked for', async () => {
  const lines = async (query: string) =>
    (await answer('GET', `${id}/logs${query}`, 200, { role: 'admin' }))['lines'] as object[]
  assert.equal((await lines('')).length, 50)
  assert.deepEqual((await lines('?limit=1')).map((line) => (line as { message: string }).message), [
    'line 59 of storage-s3',
  ])
  await answer('GET', `${id}/logs?limit=501`, 400)
})

test('an archive is streamed to the gateway', async () => {
  const response = await bench.app.request(`${id}/upgrade`, {
    method: 'POST',
    headers: { ...as('admin'), 'content-type': 'application/gzip' },
    body: 'bytes of a tar',
  })
  assert.equal(response.status, 200)
  assert.deepEqual(bench.commands.at(-1)?.argument, { id: 'storage-s3', text: 'bytes of a tar' })
})

test('routing rules are checked and replaced', async () => {
  const rules = [{ matches: 's3://', plugin_id: 'storage-s3' }]
  const routes = await answer('PUT', '/v1/plugins/routes/storage', 200, { body: { rules } })
  assert.deepEqual(routes['storage'], [{ ...rules[0], gpu: false, priority: 0 }])
  await answer('PUT', '/v1/plugins/routes/nothing', 400, { body: { rules } })
  await answer('PUT', '/v1/plugins/routes/storage', 400, { body: { rules: [{ matches: '' }] } })
  const read = await answer('GET', '/v1/plugins/routes', 200, { role: 'viewer' })
  assert.deepEqual(Object.keys(read), ['auth', 'storage', 'encoder', 'live', 'publisher'])
})
