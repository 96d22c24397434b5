import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { type Authenticator, nobody, type Role } from '../contract/auth.ts'
import { type Database, sql } from '../db/database.ts'
import { revokeTokens } from '../db/token-revocations.ts'
import { WebEncodeError } from '../errors.ts'
import { silentLog } from '../log.ts'
import { createAuthenticators, type SignInProvider } from './authenticators.ts'
import { openBench, openTestDatabase } from './fixture.ts'
import { createHandClock } from './hand-clock.fixture.ts'

let db: Database
before(async () => {
  db = await openTestDatabase(silentLog)
})
after(() => db.close())
beforeEach(() => db.query(sql`DELETE FROM known_users`))

/** A provider of one user, whose secret is their name. */
function createOne(name: string, facts: Partial<SignInProvider> = {}) {
  const state = { isGone: false, role: 'operator' as Role, asked: 0, answer: {} as object }
  const userId = `${name}:ann`
  const ask = <T>(answer: T): Promise<T> => {
    state.asked++
    return state.isGone
      ? Promise.reject(new WebEncodeError('WE-AUTH-005', `${name} is gone`))
      : Promise.resolve(answer)
  }
  const profile = () => ({
    userId,
    username: 'ann',
    email: '',
    displayName: 'Ann',
    role: state.role,
    createdAtUnix: 0,
    lastLoginUnix: 0,
  })
  const auth: Authenticator = {
    authenticate: ({ token }) =>
      ask(
        token === name
          ? { ...nobody, valid: true, userId, username: 'ann', role: state.role, ...state.answer }
          : nobody,
      ),
    authorize: () => ask({ allowed: false, reason: '' }),
    getUserProfile: (id) => ask(id === userId ? profile() : undefined),
    listUsers: () => ask({ users: [profile()], totalCount: 1 }),
    refreshToken: ({ refreshToken }) =>
      ask(refreshToken === name ? { ...nobody, valid: true, userId } : nobody),
    logout: () => ask(undefined),
  }
  const provider = { name, auth, idPrefix: `${name}:`, knowsUsers: true, isCached: false, ...facts }
  return { provider, state }
}

function open(...ones: ReturnType<typeof createOne>[]) {
  const clock = createHandClock()
  const providers = ones.map(({ provider }) => provider)
  const auth = createAuthenticators({ providers, db, clock, log: silentLog })
  const signIn = (token: string, scheme: 'bearer' | 'basic' = 'bearer') =>
    auth.authenticate({ token, scheme, clientIp: '', userAgent: '' })
  return { auth, clock, signIn }
}
const isUnavailable = (error: unknown) =>
  error instanceof WebEncodeError && error.code === 'WE-AUTH-005'

test('each is asked in order until one knows', async () => {
  const [basic, ldap] = [createOne('basic'), createOne('ldap')]
  const { signIn, auth } = open(basic, ldap)
  assert.equal((await signIn('ldap')).userId, 'ldap:ann')
  assert.equal((await signIn('basic')).userId, 'basic:ann')
  assert.deepEqual([basic.state.asked, ldap.state.asked], [2, 1])
  assert.equal((await signIn('nobody')).valid, false)
  assert.equal((await auth.refreshToken({ refreshToken: 'ldap' })).userId, 'ldap:ann')
})

test('one that is gone is no matter while another knows, and WE-AUTH-005 otherwise', async () => {
  const [basic, ldap] = [createOne('basic'), createOne('ldap')]
  const { signIn, auth } = open(ldap, basic)
  ldap.state.isGone = true
  assert.equal((await signIn('basic')).valid, true)
  await assert.rejects(signIn('wrong'), isUnavailable)
  assert.equal((await auth.getUserProfile('basic:ann'))?.username, 'ann')
  await assert.rejects(auth.getUserProfile('ldap:ann'), isUnavailable)
  assert.equal((await auth.listUsers({ page: 1, pageSize: 10 })).totalCount, 1)
})

test('an expired token stays told from a wrong one', async () => {
  const one = createOne('oidc')
  const { signIn } = open(one, createOne('basic'))
  one.state.answer = { valid: false, expiresAtUnix: 7 }
  assert.equal((await signIn('oidc')).expiresAtUnix, 7)
})

test('answers to tokens are kept for five minutes, and no longer than the token', async () => {
  const one = createOne('oidc', { isCached: true })
  const { signIn, clock } = open(one)
  for (let i = 0; i < 3; i++) assert.equal((await signIn('oidc')).valid, true)
  assert.equal(one.state.asked, 1)
  clock.pass(5 * 60_000)
  await signIn('oidc')
  assert.equal(one.state.asked, 2)
  one.state.answer = { expiresAtUnix: clock.now() / 1000 + 360 }
  clock.pass(5 * 60_000)
  await signIn('oidc')
  clock.pass(61_000)
  await signIn('oidc')
  assert.equal(one.state.asked, 4)
  await signIn('wrong')
  await signIn('wrong')
  assert.equal(one.state.asked, 6)
})

test('passwords are asked for every time', async () => {
  const one = createOne('ldap', { isCached: true })
  const { signIn } = open(one)
  await signIn('ldap', 'basic')
  await signIn('ldap', 'basic')
  assert.equal(one.state.asked, 2)
})

test('profiles are kept for five minutes, and an hour while nobody answers', async () => {
  const one = createOne('ldap', { isCached: true })
  const { auth, clock } = open(one)
  const role = async () => (await auth.getUserProfile('ldap:ann'))?.role
  assert.equal(await role(), 'operator')
  one.state.role = 'viewer'
  assert.equal(await role(), 'operator')
  clock.pass(5 * 60_000)
  assert.equal(await role(), 'viewer')
  one.state.isGone = true
  clock.pass(50 * 60_000)
  assert.equal(await role(), 'viewer')
  clock.pass(10 * 60_000)
  await assert.rejects(role(), isUnavailable)
})

test('who comes from elsewhere is known as they came last, after a restart too', async () => {
  const one = createOne('oidc', { knowsUsers: false, isCached: true })
  await open(one).signIn('oidc')
  const { auth } = open(createOne('oidc', { knowsUsers: false }))
  assert.equal((await auth.getUserProfile('oidc:ann'))?.role, 'operator')
  const may = (action: 'create' | 'delete', resourceType: string) =>
    auth.authorize({ userId: 'oidc:ann', action, resourceType }).then(({ allowed }) => allowed)
  assert.deepEqual(
    [await may('create', 'job'), await may('delete', 'worker'), await may('create', 'nothing')],
    [true, false, false],
  )
  assert.equal(await auth.getUserProfile('oidc:bob'), undefined)
  assert.equal(await auth.getUserProfile('elsewhere'), undefined)
})

test('a token that is kept is refused on every kernel when its user or session has ended', async () => {
  const one = createOne('oidc', { knowsUsers: false, isCached: true })
  one.state.answer = {
    metadata: { issuedAt: String(Math.floor(Date.now() / 1000) - 60), sid: 's1' },
  }
  const benches = [
    await openBench({ db, auth: open(one).auth }),
    await openBench({ db, auth: open(one).auth }),
  ]
  const ask = () =>
    Promise.all(benches.map(async ({ app }) => {
      const headers = { authorization: 'Bearer oidc' }
      return (await app.request('/v1/me', { headers })).status
    }))
  for (const subject of ['session:s1', 'user:oidc:ann'] as const) {
    assert.deepEqual(await ask(), [200, 200])
    await revokeTokens(db, subject)
    assert.deepEqual(await ask(), [401, 401])
    await db.query(sql`DELETE FROM token_revocations`)
  }
  for (const bench of benches) await bench.close()
})
