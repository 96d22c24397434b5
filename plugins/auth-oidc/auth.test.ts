import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { type Clock, systemClock } from '../../kernel/clock.ts'
import type { RedirectedUser } from '../../kernel/contract/auth.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { createLog, silentLog } from '../../kernel/log.ts'
import { createOidcAuth, type OidcAuth } from './auth.ts'
import { roleFrom } from './claims.ts'
import type { OidcOptions } from './options.ts'
import { startTestProvider, type TestProvider } from './test-provider.ts'

const redirectUri = 'http://127.0.0.1:9/auth/oidc/callback'
const backchannelUrl = 'http://127.0.0.1:9/auth/oidc/backchannel-logout'
const returnUrl = 'http://127.0.0.1:9/login'
const anna = { preferred_username: 'anna', email: 'anna@x.test', name: 'Anna', groups: ['admin'] }

let provider: TestProvider
before(async () => {
  const vera = { preferred_username: 'vera', groups: ['viewer'] }
  const people = { anna, vera, nils: { preferred_username: 'nils', groups: ['cooks'] } }
  provider = await startTestProvider({ redirectUri, returnUrl, backchannelUrl, people })
})
after(() => provider.stop())
beforeEach(() => {
  provider.person = 'anna'
  provider.people['anna'] = anna
  provider.cookies.clear()
})

const open = (options: Partial<OidcOptions> = {}) =>
  createOidcAuth({
    issuer: provider.issuer,
    clientId: provider.clientId,
    clientSecret: provider.clientSecret,
    keysCooldownMs: 0,
    clock: systemClock,
    log: silentLog,
    ...options,
  })
const bearer = (auth: OidcAuth, token: string) =>
  auth.authenticate({ token, scheme: 'bearer', clientIp: '', userAgent: '' })
const isUnavailable = (error: unknown) =>
  error instanceof WebEncodeError && error.code === 'WE-AUTH-005'
const nowUnix = () => Math.floor(Date.now() / 1000)
const access = (claims: Record<string, unknown> = {}) => ({
  sub: 'anna',
  groups: ['operator'],
  iat: nowUnix(),
  exp: nowUnix() + 600,
  ...claims,
})

async function signIn(auth: OidcAuth): Promise<RedirectedUser> {
  const { url, secrets } = await auth.start({ redirectUri })
  return await auth.finish({ callbackUrl: await provider.browse(url), secrets })
}

describe('signing in at the provider', () => {
  test('tells who came back, with the role of the claims', async () => {
    const auth = open()
    const user = await signIn(auth)
    assert.deepEqual(
      [user.valid, user.userId, user.username, user.email, user.role],
      [true, 'oidc:anna', 'anna', 'anna@x.test', 'admin'],
    )
    assert.ok(user.idToken)
    assert.ok(user.refreshToken)
    assert.ok(user.metadata['sid'])
    assert.equal((await auth.getUserProfile('oidc:anna'))?.displayName, 'Anna')
    assert.equal(
      (await auth.listUsers({ page: 1, pageSize: 9, roleFilter: 'viewer' })).totalCount,
      0,
    )
    const may = await auth.authorize({
      userId: 'oidc:anna',
      action: 'read',
      resourceType: 'audit',
    })
    assert.equal(may.allowed, true)
  })

  test('sends PKCE, state and nonce, new each time', async () => {
    const auth = open()
    const [first, second] = [await auth.start({ redirectUri }), await auth.start({ redirectUri })]
    const { searchParams } = new URL(first.url)
    assert.equal(searchParams.get('code_challenge_method'), 'S256')
    assert.equal(searchParams.get('state'), first.secrets.state)
    assert.equal(searchParams.get('nonce'), first.secrets.nonce)
    assert.doesNotMatch(first.url, new RegExp(first.secrets.codeVerifier))
    for (const name of ['state', 'nonce', 'codeVerifier'] as const) {
      assert.notEqual(first.secrets[name], second.secrets[name])
    }
  })

  test('refuses the answer to another question, and the same answer twice', async () => {
    const auth = open()
    const { url, secrets } = await auth.start({ redirectUri })
    const other = await auth.start({ redirectUri })
    const callbackUrl = await provider.browse(url)
    assert.equal((await auth.finish({ callbackUrl, secrets: other.secrets })).valid, false)
    const mixed = { ...secrets, nonce: other.secrets.nonce }
    assert.equal((await auth.finish({ callbackUrl, secrets: mixed })).valid, false)
    const again = await auth.start({ redirectUri })
    const back = await provider.browse(again.url)
    assert.equal((await auth.finish({ callbackUrl: back, secrets: again.secrets })).valid, true)
    assert.equal((await auth.finish({ callbackUrl: back, secrets: again.secrets })).valid, false)
  })

  test('refuses a wrong code verifier and a made-up code', async () => {
    const auth = open()
    const { url, secrets } = await auth.start({ redirectUri })
    const callbackUrl = await provider.browse(url)
    const codeVerifier = 'x'.repeat(43)
    assert.equal(
      (await auth.finish({ callbackUrl, secrets: { ...secrets, codeVerifier } })).valid,
      false,
    )
    const madeUp = new URL(callbackUrl)
    madeUp.searchParams.set('code', 'made-up')
    assert.equal((await auth.finish({ callbackUrl: madeUp.href, secrets })).valid, false)
  })

  test('refuses who pressed Cancel, and who has no role unless there is a default one', async () => {
    provider.person = undefined
    assert.equal((await signIn(open())).valid, false)
    provider.cookies.clear()
    provider.person = 'nils'
    assert.equal((await signIn(open())).valid, false)
    provider.cookies.clear()
    assert.equal((await signIn(open({ defaultRole: 'viewer' }))).role, 'viewer')
  })

  test('renews with the refresh token, with the role of now, and not with a made-up one', async () => {
    const auth = open()
    const { refreshToken = '' } = await signIn(auth)
    provider.people['anna'] = { ...anna, groups: ['viewer'] }
    const renewed = await auth.refreshToken({ refreshToken })
    assert.deepEqual([renewed.valid, renewed.userId, renewed.role], [true, 'oidc:anna', 'viewer'])
    assert.equal((await auth.refreshToken({ refreshToken: 'made-up' })).valid, false)
  })

  test('leads to where the session ends at the provider', async () => {
    const auth = open()
    const { idToken = '' } = await signIn(auth)
    const url = new URL(await auth.logoutUrl({ idToken, returnUrl }) ?? '')
    assert.equal(url.origin, provider.issuer)
    assert.equal(url.searchParams.get('post_logout_redirect_uri'), returnUrl)
    assert.equal(url.searchParams.get('id_token_hint'), idToken)
  })

  test('is WE-AUTH-005 while the provider is broken, and works again after', async () => {
    const auth = open({ timeoutMs: 5000 })
    provider.isBroken = true
    try {
      await assert.rejects(auth.start({ redirectUri }), isUnavailable)
      await assert.rejects(bearer(auth, await provider.sign(access())), isUnavailable)
      await assert.rejects(auth.refreshToken({ refreshToken: 'x' }), isUnavailable)
    } finally {
      provider.isBroken = false
    }
    assert.equal((await signIn(auth)).valid, true)
  })

  test('keeps tokens and codes out of the log', async () => {
    const lines: string[] = []
    const auth = open({ log: createLog('debug', (line) => lines.push(line)) })
    const { url, secrets } = await auth.start({ redirectUri })
    const callbackUrl = await provider.browse(url)
    await auth.finish({ callbackUrl, secrets: { ...secrets, state: 'other' } })
    assert.equal(lines.length, 1)
    const code = new URL(callbackUrl).searchParams.get('code') ?? '?'
    assert.equal(lines.join().includes(code), false)
  })
})

describe('bearer tokens', () => {
  test('that the provider gave out are accepted', async () => {
    const auth = open()
    const { accessToken = '' } = await signIn(auth)
    const user = await bearer(auth, accessToken)
    assert.deepEqual([user.valid, user.userId, user.role], [true, 'oidc:anna', 'admin'])
    assert.ok(user.expiresAtUnix > nowUnix())
    assert.ok(user.metadata['issuedAt'])
  })

  test('with the clocks a little apart are accepted, and not with more', async () => {
    const auth = open({ clockToleranceSeconds: 30 })
    const valid = async (claims: Record<string, unknown>) =>
      (await bearer(auth, await provider.sign(access(claims)))).valid
    assert.equal(await valid({ exp: nowUnix() - 10 }), true)
    assert.equal(await valid({ exp: nowUnix() - 60 }), false)
    assert.equal(await valid({ nbf: nowUnix() + 10 }), true)
    assert.equal(await valid({ nbf: nowUnix() + 60 }), false)
    const slow: Clock = { ...systemClock, now: () => Date.now() - 3_600_000 }
    const behind = open({ clock: slow })
    const token = await provider.sign(access({ nbf: nowUnix() }))
    assert.equal((await bearer(behind, token)).valid, false)
  })

  test('that have expired say so', async () => {
    const exp = nowUnix() - 100
    const answer = await bearer(open(), await provider.sign(access({ exp })))
    assert.deepEqual([answer.valid, answer.expiresAtUnix, answer.userId], [false, exp, ''])
  })

  test('of another issuer, for another audience, or without what is needed are refused', async () => {
    const auth = open()
    const wrong = [
      { iss: 'https://evil.test' },
      { aud: 'another-client' },
      { aud: undefined },
      { sub: undefined },
      { exp: undefined },
      { groups: ['cooks'] },
      { groups: undefined },
    ]
    for (const claims of wrong) {
      const token = await provider.sign(access(claims))
      assert.equal((await bearer(auth, token)).valid, false, JSON.stringify(claims))
    }
    assert.equal((await bearer(auth, await provider.sign(access()))).valid, true)
    const other = open({ audience: 'video-api' })
    assert.equal((await bearer(other, await provider.sign(access()))).valid, false)
    assert.equal(
      (await bearer(other, await provider.sign(access({ aud: 'video-api' })))).valid,
      true,
    )
  })

  test('without a signature, with a shared secret, or of an unknown key are refused', async () => {
    const auth = open()
    const claims = { iss: provider.issuer, aud: provider.clientId, ...access() }
    const unsigned = new UnsecuredJWT(claims).encode()
    const secret = new TextEncoder().encode(provider.clientSecret)
    const shared = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'key-1' })
      .sign(secret)
    const { privateKey } = await generateKeyPair('RS256')
    const forged = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'key-1' })
      .sign(privateKey)
    const unknownKey = await provider.sign(access(), { kid: 'unknown' })
    const none = unsigned + 'AAAA'
    for (const token of [unsigned, none, shared, forged, unknownKey, 'a.b.c', 'opaque', '']) {
      assert.equal((await bearer(auth, token)).valid, false, token)
    }
  })

  test('of another kind are refused: ID, refresh and logout tokens', async () => {
    const auth = open()
    const { idToken = '' } = await signIn(auth)
    const kinds = [
      idToken,
      await provider.sign(access({ nonce: 'n' })),
      await provider.sign(access({ at_hash: 'h' })),
      await provider.sign(access({ typ: 'Refresh' })),
      await provider.sign(access({ typ: 'ID' })),
      await provider.sign(access(), { typ: 'logout+jwt' }),
    ]
    for (const token of kinds) assert.equal((await bearer(auth, token)).valid, false, token)
    assert.equal((await bearer(auth, await provider.sign(access({ typ: 'Bearer' })))).valid, true)
    assert.equal(
      (await bearer(auth, await provider.sign(access(), { typ: 'at+jwt' }))).valid,
      true,
    )
  })

  test('of a new key are accepted without a restart, and those of the old one no more', async () => {
    const auth = open()
    const old = await provider.sign(access())
    assert.equal((await bearer(auth, old)).valid, true)
    await provider.rotate()
    assert.equal((await bearer(auth, await provider.sign(access()))).valid, true)
    assert.equal((await bearer(auth, old)).valid, false)
    assert.equal((await signIn(auth)).valid, true)
  })
})

describe('logout notices', () => {
  const event = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  const notice = (claims: Record<string, unknown> = {}) => ({
    sub: 'anna',
    sid: 'session-1',
    jti: 'notice-1',
    iat: nowUnix(),
    exp: nowUnix() + 120,
    events: event,
    ...claims,
  })
  const read = async (claims: Record<string, unknown>, header = { typ: 'logout+jwt' }) =>
    await open().readLogoutNotice(await provider.sign(notice(claims), header))

  test('say whose session ended', async () => {
    const { issuedAtUnix, expiresAtUnix, ...said } = await read({}) ?? assert.fail('refused')
    assert.deepEqual(said, { userId: 'oidc:anna', sessionId: 'session-1', noticeId: 'notice-1' })
    assert.ok(expiresAtUnix > issuedAtUnix)
    assert.equal((await read({ sid: undefined }))?.userId, 'oidc:anna')
    assert.equal((await read({ sub: undefined }))?.sessionId, 'session-1')
  })

  test('that are no such token are refused', async () => {
    const wrong = [
      { aud: 'another-client' },
      { iss: 'https://evil.test' },
      { iat: nowUnix() - 600 },
      { exp: nowUnix() - 600 },
      { nonce: 'n' },
      { events: {} },
      { events: undefined },
      { jti: undefined },
      { sub: undefined, sid: undefined },
    ]
    for (const claims of wrong) assert.equal(await read(claims), undefined, JSON.stringify(claims))
    assert.equal(await read({}, { typ: 'at+jwt' }), undefined)
    const unsigned = new UnsecuredJWT({ iss: provider.issuer, aud: 'webencode', ...notice() })
    assert.equal(await open().readLogoutNotice(unsigned.encode()), undefined)
    assert.equal(await open().readLogoutNotice('nonsense'), undefined)
  })
})

test('createOidcAuth() takes no issuer in clear', () => {
  for (const issuer of ['http://keycloak.example', 'nonsense']) {
    assert.throws(() => open({ issuer }), (error: unknown) => {
      assert.ok(error instanceof WebEncodeError)
      assert.deepEqual([error.code, error.path], ['WE-PLG-003', 'issuer'])
      return true
    })
  }
})

test('roleFrom() finds names, paths, lists and texts, and takes nothing else', () => {
  const roles = { video: 'admin', crew: 'operator', guests: 'viewer' } as const
  const role = (claims: Record<string, unknown>, rolesClaim: string) =>
    roleFrom(claims, { rolesClaim, roles })
  assert.equal(
    role({ realm_access: { roles: ['guests', 'crew'] } }, 'realm_access.roles'),
    'operator',
  )
  assert.equal(role({ 'https://x.test/roles': ['video'] }, 'https://x.test/roles'), 'admin')
  assert.equal(role({ groups: 'guests crew' }, 'groups'), 'operator')
  for (const groups of [{ video: true }, 7, null, undefined, [['video']], ['constructor']]) {
    assert.equal(role({ groups }, 'groups'), undefined)
  }
  assert.equal(role({}, 'constructor.name'), undefined)
})
