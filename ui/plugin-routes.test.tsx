import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, beforeEach, test } from 'node:test'
import { Hono } from 'hono'
import type { Role } from '../kernel/contract/auth.ts'
import type { PluginView } from '../kernel/contract/plugin-view.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import type { AppEnv } from '../kernel/http/deps.ts'
import {
  type PluginCommand,
  pluginCommandsOver,
  pluginDirectory,
  testPlugin,
} from '../kernel/http/plugins.fixture.ts'
import { statusOf } from '../kernel/http/problem.ts'
import { writeAssets } from './assets.fixture.ts'
import { loadAssets } from './assets.ts'
import type { UiDeps } from './deps.ts'
import { PluginLive } from './pages/plugin.tsx'
import { pluginPageRoutes } from './plugin-routes.tsx'

const assetsDirectory = writeAssets()
after(() => rmSync(assetsDirectory, { recursive: true }))

let commands: PluginCommand[] = []
beforeEach(() => {
  commands = []
})

function request(path: string, init: RequestInit = {}, role: Role = 'admin') {
  const app = new Hono<AppEnv>()
  app.use(async (c, next) => {
    const caller = { userId: 'u1', username: 'ann', role, correlationId: 'r' }
    c.set('identity', { caller, via: 'session', csrfToken: 'token' })
    c.set('isCsrfOpen', true)
    await next()
  })
  const deps = {
    plugins: pluginDirectory,
    gateway: pluginCommandsOver((command) => void commands.push(command)),
    maxUploadBytes: 1000,
  } as unknown as UiDeps
  app.route('/', pluginPageRoutes(deps, loadAssets(assetsDirectory)))
  app.onError((failure, c) =>
    c.text(failure.message, failure instanceof WebEncodeError ? statusOf(failure.code) : 500)
  )
  return app.request(path, init)
}
const text = async (path: string, role?: Role) => await (await request(path, {}, role)).text()
const post = (path: string, fields: Record<string, string> = {}) =>
  request(path, { method: 'POST', body: new URLSearchParams(fields) })
const noticeOf = (response: Response) =>
  decodeURIComponent(response.headers.get('set-cookie') ?? '')

test('the list shows every pillar, figures of what runs, and what is built in', async () => {
  const shown = await text('/plugins', 'viewer')
  for (const words of ['Sign-in', 'Storage', 'Encoder', 'Live', 'Publisher', 'built in']) {
    assert.match(shown, new RegExp(words))
  }
  assert.match(shown, /1\.2 %/)
  assert.match(shown, /1\.2 · 4 · 31 ms/)
  assert.doesNotMatch(shown, /Save the rules/)
  assert.match(await text('/plugins'), /Save the rules of Storage/)
})

test('viewers see how a plugin is, and neither its configuration nor a button', async () => {
  const shown = await text('/plugins/storage-s3', 'viewer')
  assert.match(shown, /line 59 of storage-s3/)
  assert.doesNotMatch(shown, /line 9 of storage-s3/)
  assert.doesNotMatch(shown, /Configuration|secret\/s3|Disable|Test connection/)
})

test('what is built in has no buttons, but the encoder of every worker a switch', () => {
  const rights = { csrfToken: 'token', canManage: true }
  const shown = (facts: Partial<PluginView>) => {
    const plugin = { ...testPlugin, is_built_in: true, ...facts }
    return String(<PluginLive view={{ plugin, lines: [], rights, form: undefined }} />)
  }
  const encoder = { type: 'encoder', can_be_disabled: true } as const
  assert.doesNotMatch(shown({ can_be_disabled: false }), /<form/)
  assert.match(shown(encoder), /Every worker has it[^]*Workers begin nothing with it/)
  assert.match(
    shown({ ...encoder, state: 'disabled', is_enabled: false }),
    /It is off: workers use other encoders[^]*Enable/,
  )
  assert.doesNotMatch(shown(encoder), /Restart<|Test connection/)
})

test('each method has its count, errors and latencies; without a call there is no table', async () => {
  const shown = await text('/plugins/storage-s3', 'viewer')
  const cells = [...shown.matchAll(/<(?:td|span)[^>]*>([^<]*)</g)].map(([, cell]) => cell)
  const at = cells.indexOf('Browse')
  assert.deepEqual(cells.slice(at, at + 14).join('|').split(/\|(?=Upload)/), [
    'Browse|40 made, 0 failed|40|0|0.9|2|3',
    'Upload|960 made, 12 failed|960|12|1.3|4|31',
  ])
  const rights = { csrfToken: 'token', canManage: false }
  const plugin = { ...testPlugin, methods: [] }
  const idle = String(PluginLive({ view: { plugin, rights, form: undefined, lines: [] } }))
  assert.doesNotMatch(idle, /Calls by method/)
})

test('with several kernels each one has its state and its figures', () => {
  const { upgrade, uptime_seconds, restarts, calls, p50_ms, p95_ms, p99_ms, methods } = testPlugin
  const figures = { upgrade, uptime_seconds, restarts, calls, p50_ms, p95_ms, p99_ms, methods }
  const version = '1.0.0'
  const plugin: PluginView = {
    ...testPlugin,
    kernels: [
      { kernel_id: 'k1', state: 'healthy', version, problem: null, error_rate: 0, ...figures },
      {
        kernel_id: 'k2',
        state: 'degraded',
        version,
        problem: 'late',
        ...figures,
        error_rate: 0.07,
        p50_ms: 900,
      },
    ],
  }
  const rights = { csrfToken: 'token', canManage: false }
  const shown = String(PluginLive({ view: { plugin, rights, form: undefined, lines: [] } }))
  assert.match(shown, /k1<.*Healthy.*0 %.*1\.2 · 4 · 31 ms.*k2<.*Degraded.*7 %.*900 · 4 · 31 ms/s)
})

test('admins get a form of the schema, filled with what is stored', async () => {
  const shown = await text('/plugins/storage-s3')
  assert.match(shown, /name="config\.bucket"[^>]*value="media"/)
  assert.match(shown, /Bucket of the objects/)
  assert.match(shown, /Test connection/)
  assert.match(shown, /href="\/settings\/secrets"/)
  assert.doesNotMatch(await text('/plugins/storage-fs'), /Configuration|Disable/)
})

test('a configuration is stored with its priority', async () => {
  const stored = await post('/plugins/storage-s3/config', { 'config.bucket': 'b', priority: '5' })
  assert.equal(stored.headers.get('location'), '/plugins/storage-s3')
  assert.deepEqual(commands[0]?.argument, {
    id: 'storage-s3',
    config: { bucket: 'b' },
    priority: 5,
  })
  const unknown = await post('/plugins/nobody/config', { 'config.bucket': 'b' })
  assert.equal(unknown.status, 404)
})

test('a configuration that breaks the schema comes back as it was, with its mistake beside the field', async () => {
  const response = await post('/plugins/storage-s3/config', { 'config.bucket': 'refuse me' })
  const shown = await response.text()
  assert.equal(response.status, 422)
  assert.match(shown, /name="config\.bucket"[^>]*value="refuse me"[^>]*aria-invalid="true"/)
  assert.match(shown, /bucket must be a string/)
})

test('buttons command the plugin and say what it does now', async () => {
  for (const verb of ['enable', 'disable', 'restart', 'test']) {
    const response = await post(`/plugins/storage-s3/${verb}`)
    assert.equal(response.headers.get('location'), '/plugins/storage-s3')
    assert.match(noticeOf(response), /storage-s3/)
  }
  const done = commands.map(({ name }) => name)
  assert.deepEqual(done, ['enablePlugin', 'disablePlugin', 'restartPlugin', 'testPlugin'])
  assert.equal((await post('/plugins/nobody/enable')).status, 303)
})

test('a new version is uploaded by a form', async () => {
  const form = new FormData()
  form.append('_csrf', 'token')
  form.append('file', new File(['bytes'], 'storage-s3.tar.gz'))
  const body = { method: 'POST', body: form }
  const response = await request('/plugins/storage-s3/upgrade', body)
  assert.match(noticeOf(response), /tests itself now/)
  assert.deepEqual(commands[0]?.argument, { id: 'storage-s3', text: 'bytes' })
})

test('rules are stored without their empty rows', async () => {
  const response = await post('/plugins/routes/storage', {
    'matches.0': 's3://',
    'plugin.0': 'storage-s3',
    'priority.0': '3',
    'matches.1': ' ',
    'plugin.1': 'storage-s3',
    'priority.1': '0',
  })
  assert.match(noticeOf(response), /The rules of Storage hold/)
  const rules = [{ matches: 's3://', plugin_id: 'storage-s3', priority: 3, gpu: false }]
  assert.deepEqual(commands[0]?.argument, { pillar: 'storage', rules })
  assert.match(
    noticeOf(
      await post('/plugins/routes/storage', {
        'matches.0': 's3://',
        'plugin.0': 'storage-s3',
        'priority.0': '5000',
      }),
    ),
    /Rule 1: priority/,
  )
  assert.equal((await post('/plugins/routes/nothing')).status, 303)
})
