import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sql } from '../../db/database.ts'
import { Hono } from 'hono'
import { csrfToken } from '../auth.ts'
import type { AppEnv, UiMount } from '../deps.ts'
import { endUserSessions } from '../sessions.ts'
import { as, type Bench, multipart, openBench } from '../fixture.ts'

const ui: UiMount = {
  app: new Hono<AppEnv>()
    .get('/page', (c) => c.text(csrfToken(c)))
    .post('/page', async (c) => c.json(await c.req.parseBody())),
  rules: [
    { method: 'GET', path: '/page', access: 'viewer', action: 'see the page' },
    { method: 'POST', path: '/page', access: 'viewer', action: 'send the page' },
  ],
  renderProblem: (_, { code, details }) => `<p>${code} ${details}</p>`,
}

let bench: Bench
before(async () => {
  bench = await openBench({ ui, config: { signInsPerMinute: 1000 } })
})
after(() => bench.close())

function submit(
  path: string,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
) {
  return bench.app.request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(fields).toString(),
  })
}

async function signIn(): Promise<{ cookie: string; csrf: string }> {
  const response = await submit('/auth/login', { username: 'otto', password: 'right' })
  const cookie = response.headers.get('set-cookie')?.split(';')[0] ?? assert.fail('no cookie')
  const csrf = await (await bench.app.request('/page', { headers: { cookie } })).text()
  return { cookie, csrf }
}

describe('signing in', () => {
  test('with name and password makes a session', async () => {
    const response = await submit('/auth/login', {
      username: 'otto',
      password: 'right',
      next: '/jobs/1',
    })
    assert.equal(response.status, 303)
    assert.equal(response.headers.get('location'), '/jobs/1')
    const cookie = response.headers.get('set-cookie') ?? ''
    assert.match(
      cookie,
      /^webencode_session=[\w-]{43}; Max-Age=604800; Path=\/; HttpOnly; SameSite=Lax$/,
    )
    const value = cookie.split(/[=;]/)[1] ?? ''
    const stored = JSON.stringify(await bench.db.query(sql`SELECT * FROM sessions`))
    assert.equal(stored.includes(value), false)
    const me = await bench.app.request('/v1/me', {
      headers: { cookie: `webencode_session=${value}` },
    })
    assert.deepEqual(await me.json(), { user_id: 'operator', username: 'otto', role: 'operator' })
  })

  test('leads to pages of this server only', async () => {
    for (
      const next of [
        '//evil.test',
        'https://evil.test',
        '/\\evil.test',
        'javascript:x',
        '/a\r\nb',
        '',
      ]
    ) {
      const response = await submit('/auth/login', { username: 'otto', password: 'right', next })
      assert.equal(response.headers.get('location'), '/', next)
    }
  })

  test('with wrong credentials leads a browser back to the form, and tells a program', async () => {
    const wrong = { username: 'otto', password: 'wrong' }
    const browser = await submit('/auth/login', wrong, { accept: 'text/html,*/*' })
    assert.equal(browser.headers.get('location'), '/login?error=password')
    assert.equal(browser.headers.get('set-cookie'), null)
    assert.equal((await submit('/auth/login', {})).status, 401)
  })

  test('with a form that cannot be read is a mistake of its sender', async () => {
    for (const path of ['/auth/login', '/auth/link']) {
      const broken = await bench.app.request(path, {
        method: 'POST',
        headers: { 'content-type': 'multipart/form-data; boundary=x' },
        body: 'garbage',
      })
      assert.equal(broken.status, 400)
      assert.match(await broken.text(), /WE-JOB-001/)
    }
  })

  test('with a link needs a press of the button, once', async () => {
    const code = 'one-time-code'
    for (let i = 0; i < 2; i++) {
      const page = await bench.app.request(`/auth/link?code=${code}`)
      assert.equal(page.headers.get('set-cookie'), null)
      assert.match(await page.text(), /name="code" value="one-time-code"/)
    }
    const first = await submit('/auth/link', { code })
    assert.equal(first.headers.get('location'), '/')
    assert.match(first.headers.get('set-cookie') ?? '', /webencode_session=/)
    const second = await submit('/auth/link', { code }, { accept: 'text/html' })
    assert.equal(second.headers.get('location'), '/login?error=link')
  })

  test('shows the code of a link as text only', async () => {
    const page = await bench.app.request(`/auth/link?code=${encodeURIComponent('"><script>')}`)
    assert.doesNotMatch(await page.text(), /<script>/)
  })

  test('from another site is refused', async () => {
    const right = { username: 'otto', password: 'right' }
    const refused = await submit('/auth/login', right, {
      origin: 'https://evil.test',
      host: 'box.test',
    })
    assert.equal(refused.status, 403)
    const accepted = await submit('/auth/login', right, {
      origin: 'http://box.test',
      host: 'box.test',
    })
    assert.equal(accepted.status, 303)
  })

  test('ends the session that the browser had before', async () => {
    const { cookie } = await signIn()
    const again = await submit('/auth/login', { username: 'otto', password: 'right' }, { cookie })
    const next = again.headers.get('set-cookie')?.split(';')[0] ?? ''
    assert.notEqual(next, cookie)
    const me = (value: string) => bench.app.request('/v1/me', { headers: { cookie: value } })
    assert.equal((await me(cookie)).status, 401)
    assert.equal((await me(next)).status, 200)
  })

  test('takes no session id that somebody else chose', async () => {
    const fixed = 'webencode_session=chosen-by-an-attacker'
    const right = { username: 'otto', password: 'right' }
    const response = await submit('/auth/login', right, { cookie: fixed })
    assert.doesNotMatch(response.headers.get('set-cookie') ?? '', /chosen/)
    assert.equal((await bench.app.request('/v1/me', { headers: { cookie: fixed } })).status, 401)
  })

  test('after too many wrong passwords has to wait, on every kernel and after a restart', async () => {
    const try_ = async (app: Bench['app'], username: string, password: string) => {
      const body = new URLSearchParams({ username, password })
      const response = await app.request('/auth/login', { method: 'POST', body })
      const { status, headers } = response
      return { status, to: headers.get('location'), wait: Number(headers.get('retry-after')) }
    }
    const other = await openBench({ db: bench.db, config: { signInsPerMinute: 1000 } })
    for (let i = 0; i < 5; i++) {
      const { app } = i % 2 === 0 ? bench : other
      assert.notEqual((await try_(app, 'Otto', `wrong ${i}`)).to, '/')
    }
    for (const { app } of [bench, other]) {
      const refused = await try_(app, 'otto', 'right')
      assert.equal(refused.status, 429)
      assert.ok(refused.wait > 25 && refused.wait <= 30, String(refused.wait))
    }
    assert.equal((await try_(other.app, 'somebody else', 'x')).status, 401)
    const stored = JSON.stringify(await bench.db.query(sql`SELECT * FROM sign_in_failures`))
    assert.doesNotMatch(stored, /otto/i)
    await bench.db.query(sql`UPDATE sign_in_failures SET locked_until = now()`)
    assert.equal((await try_(other.app, 'otto', 'right')).to, '/')
    assert.notEqual((await try_(bench.app, 'otto', 'wrong')).to, '/')
    assert.equal((await try_(bench.app, 'otto', 'right')).to, '/')
    await other.close()
  })

  test('counts wrong passwords for all accounts by address', async () => {
    const from = (clientAddress: string, username: string) => {
      const body = new URLSearchParams({ username, password: 'x' })
      return bench.app.request('/auth/login', { method: 'POST', body }, { clientAddress })
    }
    for (let i = 0; i < 30; i++) assert.equal((await from('10.1.1.1', `user${i}`)).status, 401)
    assert.equal((await from('10.1.1.1', 'user99')).status, 429)
    assert.equal((await from('10.1.1.2', 'user99')).status, 401)
  })

  test('over https makes a cookie for https', async () => {
    const own = await openBench({ db: bench.db, config: { publicUrl: 'https://video.test' } })
    const body = new URLSearchParams({ username: 'otto', password: 'right' })
    const response = await own.app.request('/auth/login', { method: 'POST', body })
    assert.match(response.headers.get('set-cookie') ?? '', /; Secure/)
    await own.close()
  })
})

describe('a session', () => {
  test('needs the CSRF token to change something', async () => {
    const { cookie, csrf } = await signIn()
    assert.match(csrf, /^[\w-]{32}$/)
    assert.equal((await submit('/page', {}, { cookie })).status, 403)
    assert.equal((await submit('/page', { _csrf: 'wrong' }, { cookie })).status, 403)
    const sent = await submit('/page', { _csrf: csrf, field: 'value' }, { cookie })
    assert.deepEqual(await sent.json(), { _csrf: csrf, field: 'value' })
    assert.equal((await submit('/page', {}, { cookie, 'x-csrf-token': csrf })).status, 200)
    assert.equal(
      (await submit('/page', { _csrf: csrf }, { cookie, 'x-csrf-token': 'wrong' })).status,
      403,
    )
    const api = { method: 'POST', headers: { cookie } }
    assert.equal((await bench.app.request('/v1/jobs/x/cancel', api)).status, 403)
    const other = await signIn()
    assert.equal((await submit('/page', { _csrf: other.csrf }, { cookie })).status, 403)
  })

  test('may send the CSRF token of an upload in the form, before the file', async () => {
    const { cookie, csrf } = await signIn()
    const upload = async (...parts: [string, string | File][]) =>
      await bench.app.request('/v1/files/upload', await multipart({ cookie }, ...parts))
    const file = new File(['x'], 'x.mp4')
    assert.equal((await upload(['file', file])).status, 403)
    assert.equal((await upload(['file', file], ['_csrf', csrf])).status, 403)
    assert.equal((await upload(['_csrf', 'wrong'], ['file', file])).status, 403)
    assert.equal(bench.objects.size, 0)
    assert.equal((await upload(['_csrf', csrf], ['file', file])).status, 201)
  })

  test('has the role that its user has now, and ends with the user', async () => {
    const { cookie } = await signIn()
    const roleNow = async () =>
      (await (await bench.app.request('/v1/me', { headers: { cookie } })).json() as {
        role: string
      }).role
    assert.equal(await roleNow(), 'operator')
    bench.users.set('operator', { username: 'otto', role: 'viewer' })
    assert.equal(await roleNow(), 'viewer')
    bench.users.delete('operator')
    const response = await bench.app.request('/v1/me', { headers: { cookie } })
    bench.users.set('operator', { username: 'otto', role: 'operator' })
    assert.match(await response.text(), /WE-AUTH-002/)
  })

  test('ends by signing out', async () => {
    const { cookie, csrf } = await signIn()
    const response = await submit('/auth/logout', { _csrf: csrf }, { cookie })
    assert.equal(response.headers.get('location'), '/login')
    assert.match(response.headers.get('set-cookie') ?? '', /webencode_session=; Max-Age=0/)
    const after = await bench.app.request('/v1/me', { headers: { cookie } })
    assert.match(await after.text(), /WE-AUTH-002/)
  })

  test('ends with its time', async () => {
    const { cookie } = await signIn()
    await bench.db.query(sql`UPDATE sessions SET expires_at = now() - interval '1 second'`)
    const response = await bench.app.request('/v1/me', { headers: { cookie } })
    assert.match(await response.text(), /WE-AUTH-002/)
  })
})

describe('all sessions of a user', () => {
  test('end at once on every kernel', async () => {
    const [one, two] = [await signIn(), await signIn()]
    const other = await openBench({ db: bench.db })
    const me = async ({ app }: Bench, cookie: string) =>
      (await app.request('/v1/me', { headers: { cookie } })).status
    assert.deepEqual([await me(other, one.cookie), await me(bench, two.cookie)], [200, 200])
    assert.equal(await endUserSessions(bench, 'operator') >= 2, true)
    assert.deepEqual([await me(other, one.cookie), await me(bench, two.cookie)], [401, 401])
    await other.close()
  })
})

describe('pages', () => {
  test('lead strangers to the sign-in form', async () => {
    const page = await bench.app.request('/page?search=a+b&sort=x')
    assert.deepEqual([page.status, page.headers.get('location')], [
      303,
      `/login?next=${encodeURIComponent('/page?search=a+b&sort=x')}`,
    ])
    const fragment = await bench.app.request('/page', { headers: { 'hx-request': 'true' } })
    assert.deepEqual([fragment.status, fragment.headers.get('hx-redirect')], [401, '/login'])
  })

  test('show failures as pages', async () => {
    const response = await bench.app.request('/nothing', { headers: as('viewer') })
    assert.equal(response.status, 404)
    assert.equal(await response.text(), '<p>WE-SYS-007 There is no GET /nothing</p>')
  })
})
