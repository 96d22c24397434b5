/** Signing in as people do it: a real identity provider, a real directory, a file, and the wiring between them. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { bcrypt } from 'hash-wasm'
import { UnsecuredJWT } from 'jose'
import { systemClock } from '../../kernel/clock.ts'
import { readConfig } from '../../kernel/config.ts'
import { type Database, sql } from '../../kernel/db/database.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { type Bench, openBench, openTestDatabase } from '../../kernel/http/fixture.ts'
import { freePort } from '../../kernel/local-programs.ts'
import { silentLog } from '../../kernel/log.ts'
import type { Server } from '../../kernel/runtime/runtime.ts'
import { createRuntime } from '../../kernel/runtime/serve.ts'
import { createBasicAuth } from '../../plugins/auth-basic/auth.ts'
import {
  personEntry,
  skipWithoutSlapd,
  startTestSlapd,
  type TestSlapd,
} from '../../plugins/auth-ldap/test-slapd.ts'
import { startTestProvider, type TestProvider } from '../../plugins/auth-oidc/test-provider.ts'
import { openSignIn } from '../box/sign-in.ts'

const directory = mkdtempSync(join(tmpdir(), 'webencode-sign-in-'))
after(() => rmSync(directory, { recursive: true }))
const users = createBasicAuth({
  file: join(directory, 'users.json'),
  now: Date.now,
  log: silentLog,
})

let db: Database
before(async () => {
  db = await openTestDatabase(silentLog)
})
after(() => db.close())

/** An application that is configured by `env` alone. */
async function open(env: Record<string, string>, publicUrl: string | null = null): Promise<Bench> {
  const parts = { config: readConfig(env), log: silentLog, db, clock: systemClock, users }
  const config = { publicUrl, signInsPerMinute: 1000 }
  return await openBench({ db, config, ...await openSignIn(parts) })
}

const logIn = async ({ app }: Bench, username: string, password: string) => {
  const body = new URLSearchParams({ username, password })
  return await app.request('/auth/login', { method: 'POST', body })
}
const cookieOf = (response: Response, name: string) =>
  response.headers.getSetCookie().find((cookie) => cookie.startsWith(name))?.split(';')[0] ??
    ''

describe('signing in at an identity provider', () => {
  let provider: TestProvider
  let bench: Bench | undefined
  let server: Server | undefined
  let url: string

  before(async () => {
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    provider = await startTestProvider({
      redirectUri: `${url}/auth/oidc/callback`,
      returnUrl: `${url}/login`,
      backchannelUrl: `${url}/auth/oidc/backchannel-logout`,
      people: { anna: { preferred_username: 'anna', groups: ['crew', 'video-admins'] } },
    })
    bench = await open({
      WEBENCODE_OIDC_ISSUER: provider.issuer,
      WEBENCODE_OIDC_CLIENT_ID: provider.clientId,
      WEBENCODE_OIDC_CLIENT_SECRET: provider.clientSecret,
      WEBENCODE_ROLES: 'crew=operator;video-admins=admin',
    }, url)
    const { serve } = await createRuntime()
    server = await serve({ app: bench.app, port, host: '127.0.0.1' })
  })
  after(async () => {
    await server?.close()
    await bench?.close()
    await provider?.stop()
  })

  const ask = (path: string, cookie = '', init: RequestInit = {}) =>
    fetch(url + path, {
      redirect: 'manual',
      ...init,
      headers: { ...(cookie !== '' && { cookie }), ...init.headers as Record<string, string> },
    })

  async function signIn(): Promise<string> {
    const started = await ask('/auth/oidc/start?next=/jobs')
    const back = await provider.browse(started.headers.get('location') ?? '')
    assert.ok(back.startsWith(`${url}/auth/oidc/callback?`), back)
    const done = await ask(back.slice(url.length), cookieOf(started, 'webencode_sign_in'))
    assert.equal(done.headers.get('location'), '/jobs')
    return cookieOf(done, 'webencode_session')
  }
  const me = async (cookie: string) => (await ask('/v1/me', cookie)).status

  test('gives a session with the role of the groups', async () => {
    const answer = await (await ask('/v1/me', await signIn())).json()
    assert.deepEqual(answer, { user_id: 'oidc:anna', username: 'anna', role: 'admin' })
  })

  test('keeps the session in step with the provider', async () => {
    const cookie = await signIn()
    const due = () => db.query(sql`UPDATE sessions SET checked_at = now() - interval '6 minutes'`)
    provider.people['anna'] = { preferred_username: 'anna', groups: ['crew'] }
    await due()
    const { role } = await (await ask('/v1/me', cookie)).json() as { role: string }
    assert.equal(role, 'operator')
    provider.people['anna'] = { preferred_username: 'anna', groups: [] }
    await due()
    assert.equal(await me(cookie), 401)
    provider.people['anna'] = { preferred_username: 'anna', groups: ['video-admins'] }
  })

  test('a token with less of a role takes nothing from the session of the same user', async () => {
    const cookie = await signIn()
    const now = Math.floor(Date.now() / 1000)
    const weak = await provider.sign({ sub: 'anna', groups: ['crew'], iat: now, exp: now + 60 })
    const asked = await ask('/v1/me', '', { headers: { authorization: `Bearer ${weak}` } })
    assert.equal((await asked.json() as { role: string }).role, 'operator')
    const { role } = await (await ask('/v1/me', cookie)).json() as { role: string }
    assert.equal(role, 'admin')
  })

  test('ends there and here, and in every other browser of that session', async () => {
    const [one, two] = [await signIn(), await signIn()]
    const [session] = await db.query<{ csrf: string }>(sql`
      SELECT csrf_token AS csrf FROM sessions ORDER BY created_at DESC LIMIT 1`)
    const headers = { 'x-csrf-token': session?.csrf ?? '' }
    const left = await ask('/auth/logout', two, { method: 'POST', headers })
    const page = await left.text()
    assert.deepEqual([await me(one), await me(two)], [200, 401])
    const leave = /url=([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&') ?? ''
    assert.ok(leave.startsWith(provider.issuer), page)
    await provider.endSession(leave)
    assert.equal(await me(one), 401)
  })

  test('takes bearer tokens of the provider, and no forged one', async () => {
    const now = Math.floor(Date.now() / 1000)
    const claims = { sub: 'otto', groups: ['crew'], iat: now, exp: now + 600 }
    const get = async (token: string) => {
      const response = await ask('/v1/me', '', { headers: { authorization: `Bearer ${token}` } })
      const body = await response.json() as { role?: string; error?: { code: string } }
      return body.role ?? body.error?.code
    }
    assert.equal(await get(await provider.sign(claims)), 'operator')
    const expired = await provider.sign({ ...claims, exp: now - 300 })
    assert.equal(await get(expired), 'WE-AUTH-002')
    const unsigned = new UnsecuredJWT({ ...claims, iss: provider.issuer, aud: provider.clientId })
    const forged = [
      unsigned.encode(),
      `${unsigned.encode()}AAAA`,
      await provider.sign({ ...claims, aud: 'other' }),
      await provider.sign(claims, { kid: 'unknown' }),
    ]
    for (const token of forged) assert.equal(await get(token), 'WE-AUTH-001')
    const made = await ask('/v1/tokens', '', {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await provider.sign(claims)}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ name: 'from a bearer token' }),
    })
    const { token } = await made.json() as { token: string }
    assert.equal(await get(token), 'operator')
  })
})

describe('signing in with a password', () => {
  let slapd: TestSlapd | undefined
  const hash = bcrypt({ password: 'of the file', salt: new Uint8Array(16), costFactor: 4 })
  before(async () => {
    if (skipWithoutSlapd === false) {
      slapd = await startTestSlapd(personEntry('nora', 'Nora', 'of the directory'))
    }
    await users.addUser({ username: 'nora', role: 'admin', password: 'of the box' })
    writeFileSync(join(directory, 'htpasswd'), `nora:${await hash}\notto:${await hash}\n`)
  })
  after(() => slapd?.stop())

  const roleAfter = async (bench: Bench, username: string, password: string) => {
    const cookie = cookieOf(await logIn(bench, username, password), 'webencode_session')
    if (cookie === '') return 'refused'
    const me = await bench.app.request('/v1/me', { headers: { cookie } })
    const { user_id, role } = await me.json() as { user_id: string; role: string }
    return `${user_id.split(':')[0]?.replace(/^[0-9a-f-]{36}$/, 'users')} ${role}`
  }

  test(
    'tries users of the box, the file and the directory',
    { skip: skipWithoutSlapd },
    async () => {
      writeFileSync(join(directory, 'ca.pem'), slapd?.ca ?? '')
      const bench = await open({
        WEBENCODE_HTPASSWD: join(directory, 'htpasswd'),
        WEBENCODE_HTPASSWD_ROLES: 'otto=operator',
        WEBENCODE_LDAP_URL: slapd?.url ?? '',
        WEBENCODE_LDAP_CA: join(directory, 'ca.pem'),
        WEBENCODE_LDAP_BIND_DN: 'cn=admin,dc=example,dc=com',
        WEBENCODE_LDAP_BIND_PASSWORD: 'root-password',
        WEBENCODE_LDAP_USER_BASE: 'ou=people,dc=example,dc=com',
        WEBENCODE_DEFAULT_ROLE: 'viewer',
      })
      assert.equal(await roleAfter(bench, 'nora', 'of the box'), 'users admin')
      assert.equal(await roleAfter(bench, 'nora', 'of the file'), 'htpasswd viewer')
      assert.equal(await roleAfter(bench, 'otto', 'of the file'), 'htpasswd operator')
      assert.equal(await roleAfter(bench, 'nora', 'of the directory'), 'ldap viewer')
      assert.equal(await roleAfter(bench, 'nora', 'of nobody'), 'refused')
      await bench.close()
    },
  )

  test('works for the others while the directory is gone, and says that it is', async () => {
    const bench = await open({
      WEBENCODE_LDAP_URL: 'ldap://127.0.0.1:1',
      WEBENCODE_LDAP_USER_BASE: 'dc=x',
      WEBENCODE_SIGN_IN_ORDER: 'ldap,users',
    })
    assert.equal(await roleAfter(bench, 'nora', 'of the box'), 'users admin')
    const refused = await logIn(bench, 'nora', 'wrong')
    assert.match(await refused.text(), /WE-AUTH-005/)
    await bench.close()
  })

  test('says which setting is missing', async () => {
    const missing = {
      WEBENCODE_LDAP_USER_BASE: { WEBENCODE_LDAP_URL: 'ldaps://x' },
      WEBENCODE_OIDC_CLIENT_ID: { WEBENCODE_OIDC_ISSUER: 'https://x' },
      WEBENCODE_TRUSTED_PROXIES: { WEBENCODE_PROXY_SIGN_IN: 'yes' },
      WEBENCODE_LDAP_CA: {
        WEBENCODE_LDAP_URL: 'ldaps://x',
        WEBENCODE_LDAP_CA: '/nowhere/ca.pem',
      },
    }
    for (const [path, env] of Object.entries(missing)) {
      await assert.rejects(open(env), (error: unknown) => {
        assert.ok(error instanceof WebEncodeError)
        assert.deepEqual([error.code, error.path], ['WE-SYS-001', path])
        return true
      })
    }
  })
})
