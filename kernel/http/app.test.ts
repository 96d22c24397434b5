import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Hono } from 'hono'
import type { AppEnv, UiMount } from './deps.ts'
import { as, type Bench, openBench, post, testProfile } from './fixture.ts'
import { apiRules, type Rule } from './permissions.ts'

let bench: Bench
before(async () => {
  bench = await openBench()
})
after(() => bench.close())

interface Failure {
  readonly code: string
  readonly message: string
  readonly details: string
  readonly path?: string
  readonly request_id: string
  readonly timestamp: string
  readonly docs_url: string
}

async function failureOf(response: Response, status: number, code: string): Promise<Failure> {
  const text = await response.text()
  assert.equal(response.status, status, text)
  const { error } = JSON.parse(text) as { error: Failure }
  assert.equal(error.code, code, text)
  return error
}

/** Every route of the application, without its middleware. */
function routesOf(app: Bench['app']): { method: string; path: string }[] {
  const routes = app.routes.filter(({ method }) => method !== 'ALL')
  return [...new Map(routes.map((route) => [`${route.method} ${route.path}`, route])).values()]
}

const pathOf = ({ path }: { path: string }) => path.replaceAll(/:\w+/g, 'x').replace('*', 'x')

describe('permissions', () => {
  test('every route has one rule, and every rule a route', () => {
    const routes = routesOf(bench.app).map(({ method, path }) => `${method} ${path}`).sort()
    const rules = apiRules.map(({ method, path }) => `${method} ${path}`).sort()
    assert.deepEqual(routes, rules)
  })

  test('no middleware path answers by itself', () => {
    const everywhere = bench.app.routes.filter(({ method }) => method === 'ALL')
    assert.deepEqual([...new Set(everywhere.map(({ path }) => path))], ['/*'])
  })

  test('every route that is not public refuses strangers', async () => {
    for (const rule of apiRules.filter(({ access }) => access !== 'public')) {
      const response = await bench.app.request(pathOf(rule), { method: rule.method })
      await failureOf(response, 401, 'WE-AUTH-001')
    }
  })

  test('every route refuses the roles below its own', async () => {
    const below = { viewer: [], operator: ['viewer'], admin: ['viewer', 'operator'] } as const
    for (const rule of apiRules) {
      if (rule.access === 'public' || rule.access === 'viewer-or-loopback') continue
      for (const role of below[rule.access]) {
        const options = { method: rule.method, headers: as(role) }
        const error = await failureOf(
          await bench.app.request(pathOf(rule), options),
          403,
          'WE-AUTH-003',
        )
        assert.match(error.details, new RegExp(`Cannot ${rule.action}: it needs the role`))
      }
    }
  })

  test('a route without a rule is refused', async () => {
    const rules: Rule[] = [{ method: 'GET', path: '/listed', access: 'public', action: 'see it' }]
    const pages = new Hono<AppEnv>().get('/listed', (c) => c.text('seen')).get(
      '/unlisted',
      (c) => c.text('seen'),
    )
    const ui: UiMount = {
      app: pages,
      rules,
      renderProblem: (_, problem) => `<p>${problem.code}</p>`,
    }
    const own = await openBench({ db: bench.db, ui })
    assert.equal(await (await own.app.request('/listed')).text(), 'seen')
    const refused = await own.app.request('/unlisted', { headers: as('admin') })
    assert.equal(refused.status, 403)
    assert.equal(await refused.text(), '<p>WE-AUTH-003</p>')
    await own.close()
  })

  test('GET /metrics is open to this machine only', async () => {
    const from = (clientAddress: string, headers: Record<string, string> = {}) =>
      bench.app.request('/metrics', { headers }, { clientAddress })
    assert.equal((await from('127.0.0.1')).status, 200)
    assert.equal((await from('::1')).status, 200)
    assert.equal((await from('::ffff:127.0.0.1')).status, 200)
    assert.equal((await from('192.168.0.7')).status, 401)
    assert.equal((await from('127.0.0.1', { 'x-forwarded-for': '192.168.0.7' })).status, 401)
    assert.equal((await from('192.168.0.7', as('viewer'))).status, 200)
  })
})

describe('tokens', () => {
  test('a wrong, an expired and a malformed token are told apart', async () => {
    const ask = (authorization: string) =>
      bench.app.request('/v1/me', { headers: { authorization } })
    await failureOf(await ask('Bearer nobody'), 401, 'WE-AUTH-001')
    await failureOf(await ask('Bearer expired'), 401, 'WE-AUTH-002')
    await failureOf(await ask('Basic b3R0bzpyaWdodA=='), 401, 'WE-AUTH-001')
    await failureOf(await ask('Bearer two words'), 401, 'WE-AUTH-001')
    const response = await ask('bearer operator')
    assert.deepEqual(await response.json(), {
      user_id: 'operator',
      username: 'otto',
      role: 'operator',
    })
  })

  test('a refusal says how to authenticate', async () => {
    const response = await bench.app.request('/v1/me')
    assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer/)
  })
})

describe('failures', () => {
  test('have the shape of the specification', async () => {
    const headers = { ...as('viewer'), 'x-request-id': 'my-request' }
    const response = await bench.app.request('/v1/jobs/unknown', { headers })
    const error = await failureOf(response, 404, 'WE-JOB-004')
    assert.equal(error.message, 'Job not found')
    assert.equal(error.details, 'No job exists with ID: unknown')
    assert.equal(error.request_id, 'my-request')
    assert.equal(error.docs_url, 'https://docs.webencode.io/errors/WE-JOB-004')
    assert.ok(Math.abs(Date.parse(error.timestamp) - Date.now()) < 60_000)
  })

  test('of unknown addresses are WE-SYS-007, of other methods WE-SYS-008 with those that there are', async () => {
    await failureOf(await bench.app.request('/v1/nothing'), 404, 'WE-SYS-007')
    await failureOf(await bench.app.request('/v1/jobs/'), 404, 'WE-SYS-007')
    const ask = async (method: string, path: string) => {
      const response = await bench.app.request(path, { method, headers: as('viewer') })
      await failureOf(response, 405, 'WE-SYS-008')
      return response.headers.get('allow')
    }
    assert.equal(await ask('PATCH', '/v1/jobs'), 'GET, HEAD, POST, OPTIONS')
    assert.equal(await ask('GET', '/v1/jobs/x/cancel'), 'POST, OPTIONS')
    assert.equal(await ask('DELETE', '/v1/files/tus'), 'POST, OPTIONS')
    assert.equal(await ask('POST', '/v1/objects/media/a/b'), 'GET, HEAD, PUT, OPTIONS')
  })

  test('OPTIONS says which methods an address has', async () => {
    const response = await bench.app.request('/v1/users/x', { method: 'OPTIONS' })
    assert.equal(response.status, 204)
    assert.equal(response.headers.get('allow'), 'PATCH, DELETE, OPTIONS')
    const unknown = await bench.app.request('/v1/nothing', { method: 'OPTIONS' })
    await failureOf(unknown, 404, 'WE-SYS-007')
  })

  test('of signing in are a page for people and JSON for programs', async () => {
    const renderProblem = () => '<p>'
    const own = await openBench({ db: bench.db, ui: { app: new Hono(), rules: [], renderProblem } })
    const signIn = (accept: string) =>
      own.app.request('/auth/login', {
        method: 'POST',
        headers: { accept, 'content-type': 'application/x-www-form-urlencoded' },
        body: 'username=otto&password=wrong',
      })
    await failureOf(await signIn('*/*'), 401, 'WE-AUTH-001')
    assert.equal((await signIn('text/html,*/*')).headers.get('location'), '/login?error=password')
    await own.close()
  })

  test('from inside tell nothing of the inside, and are logged', async () => {
    const storage = {
      ...bench.storage,
      getCapabilities: () => Promise.reject(new Error('secret path /var/lib')),
    }
    const own = await openBench({ db: bench.db })
    Object.assign(own.storage, storage)
    const headers = { ...as('admin'), 'x-request-id': 'find-me' }
    const response = await own.app.request('/v1/files/capabilities', { headers })
    const error = await failureOf(response, 500, 'WE-SYS-001')
    assert.doesNotMatch(JSON.stringify(error), /secret path/)
    const line = own.logLines.find((text) => text.includes('secret path'))
    assert.match(line ?? '', /"correlation_id":"find-me".*"error_code":"WE-SYS-001"/)
    await own.close()
  })
})

describe('requests', () => {
  test('keep a sane request id and get a new one otherwise', async () => {
    const idFor = async (id: string) =>
      (await bench.app.request('/health', { headers: { 'x-request-id': id } })).headers.get(
        'x-request-id',
      )
    assert.equal(await idFor('trace-1.2:3_4'), 'trace-1.2:3_4')
    for (const id of ['', 'a b', '<script>', 'x'.repeat(101)]) {
      assert.match(await idFor(id) ?? '', /^req-[0-9a-f-]{36}$/)
    }
  })

  test('carry their id to the gateway', async () => {
    const body = { source_url: 'https://example.com/a.mp4', profile: testProfile.name }
    await bench.app.request('/v1/jobs', post(body, { ...as('operator'), 'x-request-id': 'corr-1' }))
    const caller = bench.commands.at(-1)?.caller
    assert.deepEqual(caller, {
      userId: 'operator',
      username: 'otto',
      role: 'operator',
      correlationId: 'corr-1',
    })
  })

  test('are answered with headers that bind browsers', async () => {
    const { headers } = await bench.app.request('/health')
    assert.match(headers.get('content-security-policy') ?? '', /script-src 'self';/)
    assert.doesNotMatch(headers.get('content-security-policy') ?? '', /unsafe/)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('x-frame-options'), 'DENY')
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.equal(headers.get('strict-transport-security'), null)
  })

  test('over https are told to stay there', async () => {
    const own = await openBench({ db: bench.db, config: { publicUrl: 'https://video.test' } })
    const { headers } = await own.app.request('/health')
    assert.match(headers.get('strict-transport-security') ?? '', /max-age/)
    await own.close()
  })

  test('with large bodies are refused, declared or not', async () => {
    const own = await openBench({ db: bench.db, config: { maxBodyBytes: 1000 } })
    const big = JSON.stringify({ source_url: 'x'.repeat(2000) })
    const declared = post(big, { ...as('operator'), 'content-length': String(big.length) })
    await failureOf(await own.app.request('/v1/jobs', declared), 413, 'WE-SYS-006')
    const streamed = { ...post(''), body: new Blob([big]).stream(), duplex: 'half' }
    await failureOf(await own.app.request('/v1/jobs', streamed as RequestInit), 413, 'WE-SYS-006')
    await own.close()
  })

  test('come no faster than one client may send them', async () => {
    const own = await openBench({
      db: bench.db,
      config: { signInsPerMinute: 3, postsPerSecond: 1 },
    })
    const signIn = (clientAddress: string) =>
      own.app.request('/auth/link', { method: 'POST' }, { clientAddress })
    for (let i = 0; i < 3; i++) await failureOf(await signIn('10.0.0.1'), 401, 'WE-AUTH-001')
    for (let i = 0; i < 3; i++) await failureOf(await signIn(`fd::${i}`), 401, 'WE-AUTH-001')
    await failureOf(await signIn('fd::9'), 429, 'WE-SYS-005')
    const refused = await signIn('10.0.0.1')
    assert.equal(refused.headers.get('retry-after'), '20')
    await failureOf(refused, 429, 'WE-SYS-005')
    await failureOf(await signIn('10.0.0.2'), 401, 'WE-AUTH-001')
    own.moveClock(20_000)
    await failureOf(await signIn('10.0.0.1'), 401, 'WE-AUTH-001')
    const cancel = () =>
      own.app.request('/v1/jobs/x/cancel', { method: 'POST', headers: as('operator') })
    for (let i = 0; i < 10; i++) await failureOf(await cancel(), 404, 'WE-JOB-004')
    await failureOf(await cancel(), 429, 'WE-SYS-005')
    await own.close()
  })

  test('are counted by route', async () => {
    await bench.app.request('/v1/jobs/some-id', { headers: as('viewer') })
    const { text } = await bench.metrics.expose()
    assert.match(
      text,
      /webencode_http_request_duration_seconds_count\{method="GET",route="\/v1\/jobs\/:id",status="404"\} \d/,
    )
    assert.doesNotMatch(text, /some-id/)
    await bench.app.request('/health', { method: 'FOO-1' })
    assert.doesNotMatch((await bench.metrics.expose()).text, /FOO-1/)
  })
})

describe('the process', () => {
  test('GET /health answers without signing in', async () => {
    assert.deepEqual(await (await bench.app.request('/health')).json(), { status: 'ok' })
  })

  test('GET /ready says what is not', async () => {
    assert.equal((await bench.app.request('/ready')).status, 200)
    const own = await openBench({ db: bench.db })
    const checks = [{ name: 'database', ok: true }, { name: 'worker', ok: false, detail: 'none' }]
    Object.assign(own, { readiness: () => Promise.resolve(checks) })
    const { createApp } = await import('./app.ts')
    const response = await createApp(own).request('/ready')
    assert.equal(response.status, 503)
    assert.deepEqual(await response.json(), {
      status: 'not ready',
      checks: { database: { ok: true }, worker: { ok: false, detail: 'none' } },
    })
    await own.close()
  })

  test('GET /v1/stats, /v1/profiles, /v1/workers and /v1/errors answer viewers', async () => {
    const read = async (path: string) => {
      const response = await bench.app.request(path, { headers: as('viewer') })
      assert.equal(response.status, 200, path)
      return await response.json() as Record<string, unknown>
    }
    assert.ok('workers' in await read('/v1/stats'))
    assert.deepEqual((await read('/v1/profiles'))['profiles'], [testProfile])
    assert.equal((await read(`/v1/profiles/${testProfile.name}`))['name'], testProfile.name)
    assert.deepEqual((await read('/v1/workers'))['workers'], [])
    assert.ok((await read('/v1/errors'))['errors'])
    const unknown = await bench.app.request('/v1/workers/w1', { headers: as('viewer') })
    await failureOf(unknown, 404, 'WE-WRK-001')
  })
})
