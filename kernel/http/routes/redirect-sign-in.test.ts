import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { LogoutNotice, RedirectedUser, RedirectSignIn } from '../../contract/auth.ts'
import { sql } from '../../db/database.ts'
import { WebEncodeError } from '../../errors.ts'
import { type Bench, openBench } from '../fixture.ts'

/** A provider that is believed: what matters here is what the routes make of its word. */
const provider = {
  user: {} as RedirectedUser,
  notice: undefined as LogoutNotice | undefined,
  finished: [] as { callbackUrl: string; secrets: unknown }[],
  states: 0,
  isGone: false,
}
const operator: RedirectedUser = {
  valid: true,
  userId: 'operator',
  username: 'otto',
  email: 'otto@x.test',
  role: 'operator',
  metadata: { sid: 'sid-1' },
  expiresAtUnix: 0,
  refreshToken: 'refresh-secret-1',
  idToken: 'id-token-secret',
}
const redirectSignIn: RedirectSignIn = {
  label: 'Keycloak',
  start({ redirectUri }) {
    if (provider.isGone) return Promise.reject(new WebEncodeError('WE-AUTH-005', 'gone'))
    const secrets = {
      state: `state-${++provider.states}`,
      nonce: 'nonce',
      codeVerifier: 'verifier',
    }
    const url = `https://id.test/auth?redirect_uri=${encodeURIComponent(redirectUri)}`
    return Promise.resolve({ url, secrets })
  },
  finish(request) {
    provider.finished.push(request)
    return Promise.resolve(provider.user)
  },
  logoutUrl: ({ idToken, returnUrl }) =>
    provider.isGone
      ? Promise.reject(new WebEncodeError('WE-AUTH-005', 'gone'))
      : Promise.resolve(`https://id.test/end?hint=${idToken}&back=${returnUrl}`),
  readLogoutNotice: (token) =>
    Promise.resolve(token === 'logout-token' ? provider.notice : undefined),
}
const config = { publicUrl: 'https://video.test' }

let bench: Bench
/** What the provider says when a session is renewed. */
let renewed: RedirectedUser | undefined
let renewals = 0
before(async () => {
  bench = await openBench({ redirectSignIn, config })
  Object.assign(bench.auth, {
    refreshToken: () => {
      renewals++
      return renewed === undefined
        ? Promise.reject(new WebEncodeError('WE-AUTH-005', 'gone'))
        : Promise.resolve(renewed)
    },
  })
})
after(() => bench.close())
beforeEach(() => {
  Object.assign(provider, { user: operator, notice: undefined, finished: [], isGone: false })
  renewed = operator
  renewals = 0
})

const cookieOf = (response: Response, name: string) =>
  response.headers.getSetCookie().find((cookie) => cookie.startsWith(name))?.split(';')[0] ??
    ''

async function start(next = '', { app } = bench) {
  const response = await app.request(`/auth/oidc/start?next=${encodeURIComponent(next)}`)
  return {
    response,
    cookie: cookieOf(response, 'webencode_sign_in'),
    state: `state-${provider.states}`,
  }
}

async function comeBack(state: string, cookie: string, { app } = bench) {
  const headers = cookie === '' ? {} : { cookie }
  return await app.request(`/auth/oidc/callback?code=c&state=${state}`, { headers })
}

async function signIn(): Promise<string> {
  const { cookie, state } = await start()
  return cookieOf(await comeBack(state, cookie), 'webencode_session')
}
const me = async (cookie: string) =>
  (await bench.app.request('/v1/me', { headers: { cookie } })).status

describe('signing in at a provider', () => {
  test('leads there and back, with a cookie for this browser and secrets that nobody reads', async () => {
    const { response, cookie, state } = await start('/jobs/1')
    const back = encodeURIComponent('https://video.test/auth/oidc/callback')
    assert.equal(response.headers.get('location'), `https://id.test/auth?redirect_uri=${back}`)
    const attributes = response.headers.get('set-cookie') ?? ''
    assert.match(attributes, /Max-Age=600; Path=\/auth\/oidc; HttpOnly; Secure; SameSite=Lax/)
    const stored = JSON.stringify(await bench.db.query(sql`SELECT * FROM redirect_sign_ins`))
    for (const secret of [state, 'verifier', 'nonce', cookie.split('=')[1] ?? '?']) {
      assert.equal(stored.includes(secret), false, secret)
    }
    const done = await comeBack(state, cookie)
    assert.equal(done.headers.get('location'), '/jobs/1')
    assert.deepEqual(provider.finished, [{
      callbackUrl: `https://video.test/auth/oidc/callback?code=c&state=${state}`,
      secrets: { state, nonce: 'nonce', codeVerifier: 'verifier' },
    }])
    const session = cookieOf(done, 'webencode_session')
    assert.equal(await me(session), 200)
    const sessions = JSON.stringify(await bench.db.query(sql`SELECT * FROM sessions`))
    assert.doesNotMatch(sessions, /refresh-secret|id-token-secret/)
  })

  test('works when another kernel gets the answer', async () => {
    const other = await openBench({ db: bench.db, redirectSignIn, config })
    const { cookie, state } = await start('/jobs')
    assert.equal((await comeBack(state, cookie, other)).headers.get('location'), '/jobs')
    await other.close()
  })

  test('refuses the same answer twice, another browser, and a made-up state', async () => {
    const { cookie, state } = await start()
    assert.equal((await comeBack(state, cookie)).headers.get('location'), '/')
    const refused = async (someState: string, someCookie: string) => {
      const response = await comeBack(someState, someCookie)
      assert.equal(response.headers.get('location'), '/login?error=provider')
      assert.equal(cookieOf(response, 'webencode_session'), '')
    }
    await refused(state, cookie)
    const mine = await start()
    const theirs = await start()
    await refused(theirs.state, mine.cookie)
    const moved = `${theirs.cookie.split('=')[0]}=${mine.cookie.split('=')[1]}`
    await refused(theirs.state, moved)
    await refused(theirs.state, theirs.cookie) // whoever has the state and guesses uses it up
    await refused(mine.state, '')
    await refused('made-up', mine.cookie)
    assert.equal(provider.finished.length, 1)
  })

  test('works in two tabs of one browser at once', async () => {
    const [one, two] = [await start('/one'), await start('/two')]
    const cookies = `${one.cookie}; ${two.cookie}`
    assert.equal((await comeBack(one.state, cookies)).headers.get('location'), '/one')
    assert.equal((await comeBack(two.state, cookies)).headers.get('location'), '/two')
  })

  test('refuses whom the provider refuses', async () => {
    provider.user = { ...operator, valid: false }
    const { cookie, state } = await start()
    const response = await comeBack(state, cookie)
    assert.equal(response.headers.get('location'), '/login?error=provider')
    assert.equal(cookieOf(response, 'webencode_session'), '')
  })

  test('leads to pages of this server only', async () => {
    for (const next of ['//evil.test', 'https://evil.test', '/\\evil.test', 'javascript:x']) {
      const { cookie, state } = await start(next)
      assert.equal((await comeBack(state, cookie)).headers.get('location'), '/', next)
    }
  })

  test('is WE-AUTH-005 when the provider is gone, and WE-SYS-007 without one', async () => {
    provider.isGone = true
    assert.match(await (await start()).response.text(), /WE-AUTH-005/)
    const without = await openBench({ db: bench.db })
    const paths = ['GET /auth/oidc/start', 'GET /auth/oidc/callback']
    for (const [method = '', path = ''] of paths.map((route) => route.split(' '))) {
      assert.equal((await without.app.request(path, { method })).status, 404)
    }
    await without.close()
  })

  test('is limited by address', async () => {
    const own = await openBench({ db: bench.db, redirectSignIn })
    const go = () => own.app.request('/auth/oidc/start', {}, { clientAddress: '10.0.0.1' })
    for (let i = 0; i < 60; i++) assert.equal((await go()).status, 302)
    // One more a second comes free, and the machine may be slow.
    let status = 302
    for (let i = 0; status === 302 && i < 100; i++) status = (await go()).status
    assert.equal(status, 429)
    await own.close()
  })
})

describe('a session of a provider', () => {
  const makeDue = () =>
    bench.db.query(sql`UPDATE sessions SET checked_at = now() - interval '6 minutes'`)

  test('is renewed every five minutes, by one of many requests', async () => {
    const cookie = await signIn()
    await me(cookie)
    assert.equal(renewals, 0)
    await makeDue()
    renewed = { ...operator, refreshToken: 'refresh-secret-2' }
    assert.deepEqual(await Promise.all([me(cookie), me(cookie), me(cookie)]), [200, 200, 200])
    assert.equal(renewals, 1)
    await makeDue()
    let used = ''
    Object.assign(bench.auth, {
      refreshToken: ({ refreshToken }: { refreshToken: string }) => {
        used = refreshToken
        return Promise.resolve(renewed)
      },
    })
    await me(cookie)
    assert.equal(used, 'refresh-secret-2')
  })

  test('ends when the provider says no, or says that this is somebody else', async () => {
    for (const answer of [{ ...operator, valid: false }, { ...operator, userId: 'admin' }]) {
      renewed = operator
      const cookie = await signIn()
      await makeDue()
      renewed = answer
      Object.assign(bench.auth, { refreshToken: () => Promise.resolve(renewed) })
      assert.equal(await me(cookie), 401)
      renewed = operator
      assert.equal(await me(cookie), 401)
    }
  })

  test('goes on for an hour while the provider is gone', async () => {
    const cookie = await signIn()
    Object.assign(bench.auth, {
      refreshToken: () => Promise.reject(new WebEncodeError('WE-AUTH-005', 'gone')),
    })
    await makeDue()
    assert.equal(await me(cookie), 200)
    await makeDue()
    await bench.db.query(sql`UPDATE sessions SET renewed_at = now() - interval '61 minutes'`)
    assert.equal(await me(cookie), 500)
  })

  test('ends at the provider too, by a page that leads there', async () => {
    const leave = async () => {
      const cookie = await signIn()
      const [session] = await bench.db.query<{ csrf: string }>(
        sql`SELECT csrf_token AS csrf FROM sessions ORDER BY created_at DESC LIMIT 1`,
      )
      const headers = { cookie, 'x-csrf-token': session?.csrf ?? '' }
      const response = await bench.app.request('/auth/logout', { method: 'POST', headers })
      assert.equal(await me(cookie), 401)
      return response
    }
    const page = await leave()
    assert.equal(page.status, 200)
    assert.match(
      await page.text(),
      /http-equiv="refresh" content="0; url=https:\/\/id\.test\/end\?hint=id-token-secret&amp;back=https:\/\/video\.test\/login"/,
    )
    Object.assign(provider, { isGone: false })
    const gone = { ...redirectSignIn, logoutUrl: () => Promise.reject(new Error('gone')) }
    Object.assign(bench, { redirectSignIn: gone })
    assert.equal((await leave()).status, 200)
    Object.assign(bench, { redirectSignIn })
  })
})

describe('back-channel logout', () => {
  const send = (token: string) =>
    bench.app.request('/auth/oidc/backchannel-logout', {
      method: 'POST',
      body: new URLSearchParams({ logout_token: token }),
    })
  const notice = (facts: Partial<LogoutNotice>): LogoutNotice => ({
    issuedAtUnix: Date.now() / 1000,
    expiresAtUnix: Date.now() / 1000 + 60,
    noticeId: crypto.randomUUID(),
    ...facts,
  })

  test('ends the session that the provider names, on every kernel, and no other', async () => {
    const cookie = await signIn()
    provider.user = { ...operator, metadata: { sid: 'sid-2' } }
    const other = await signIn()
    provider.notice = notice({ sessionId: 'sid-1', userId: 'operator' })
    const response = await send('logout-token')
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('cache-control'), 'no-store')
    assert.deepEqual([await me(cookie), await me(other)], [401, 200])
  })

  test('ends all of a user when it names no session, once for each notice', async () => {
    const cookie = await signIn()
    provider.notice = notice({ userId: 'operator' })
    await send('logout-token')
    assert.equal(await me(cookie), 401)
    const next = await signIn()
    assert.equal((await send('logout-token')).status, 200)
    assert.equal(await me(next), 200)
  })

  test('refuses what is no logout token', async () => {
    const cookie = await signIn()
    provider.notice = notice({ userId: 'operator' })
    const response = await send('forged')
    assert.equal(response.status, 400)
    assert.deepEqual(await response.json(), { error: 'invalid_request' })
    const empty = await bench.app.request('/auth/oidc/backchannel-logout', { method: 'POST' })
    assert.equal(empty.status, 400)
    assert.equal(await me(cookie), 200)
  })
})
