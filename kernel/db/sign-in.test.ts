/** What signing in keeps: API tokens, known users, failures, revocations, and sign-ins under way. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import {
  deleteApiToken,
  deleteUserApiTokens,
  insertApiToken,
  listApiTokens,
  mostTokens,
  useApiToken,
} from './api-tokens.ts'
import { sql } from './database.ts'
import { listKnownUsers, readKnownUser, rememberCaller, rememberUser } from './known-users.ts'
import { insertRedirectSignIn, takeRedirectSignIn } from './redirect-sign-ins.ts'
import {
  deleteOldSignInFailures,
  forgetSignInFailures,
  noteSignInFailure,
  readLockSeconds,
} from './sign-in-failures.ts'
import { describeOnDatabases, emptyTables } from './test-database.ts'
import {
  deleteOldRevocations,
  isRevoked,
  revokeTokens,
  takeLogoutNotice,
} from './token-revocations.ts'

const token = {
  id: 't1',
  tokenHash: 'hash-1',
  userId: 'u1',
  username: 'ada',
  name: 'nightly',
  role: 'operator' as const,
  seconds: 60,
}

describeOnDatabases('API tokens', (db) => {
  beforeEach(() => emptyTables(db()))

  test('useApiToken() knows a token by its hash, says when it expired, and notes its use', async () => {
    const view = await insertApiToken(db(), token)
    assert.deepEqual([view?.name, view?.role, view?.last_used_at], ['nightly', 'operator', null])
    assert.equal(Date.parse(view?.expires_at ?? '') - Date.parse(view?.created_at ?? ''), 60_000)
    const shown = { id: 't1', userId: 'u1', username: 'ada', role: 'operator' as const }
    assert.deepEqual(await useApiToken(db(), 'hash-1'), { ...shown, isExpired: false })
    assert.notEqual((await listApiTokens(db(), 'u1'))[0]?.last_used_at, null)
    await db().query(sql`UPDATE api_tokens SET expires_at = now() - interval '1 second'`)
    assert.deepEqual(await useApiToken(db(), 'hash-1'), { ...shown, isExpired: true })
    assert.equal(await useApiToken(db(), 'hash-2'), undefined)
  })

  test('a token without an end does not expire', async () => {
    assert.equal((await insertApiToken(db(), { ...token, seconds: 0 }))?.expires_at, null)
    assert.equal((await useApiToken(db(), 'hash-1'))?.isExpired, false)
  })

  test('tokens are taken back by their user alone', async () => {
    await insertApiToken(db(), token)
    await insertApiToken(db(), { ...token, id: 't2', tokenHash: 'hash-2' })
    assert.equal(await deleteApiToken(db(), 'u2', 't1'), false)
    assert.equal(await deleteApiToken(db(), 'u1', 't1'), true)
    assert.deepEqual((await listApiTokens(db(), 'u1')).map(({ id }) => id), ['t2'])
    assert.deepEqual(await listApiTokens(db(), 'u2'), [])
    assert.equal(await deleteUserApiTokens(db(), 'u1'), 1)
  })

  test('a user has no more than so many', async () => {
    await db().query(sql`
      INSERT INTO api_tokens (id, token_hash, user_id, username, name, role)
      SELECT 'x' || n, 'h' || n, 'u1', 'ada', 'x', 'viewer' FROM generate_series(1, ${mostTokens}::int) n`)
    assert.equal(await insertApiToken(db(), token), undefined)
    assert.ok(await insertApiToken(db(), { ...token, userId: 'u2' }))
  })
})

describeOnDatabases('known users', (db) => {
  beforeEach(() => emptyTables(db()))

  test('rememberUser() keeps what they were the last time', async () => {
    const ada = { userId: 'u1', username: 'ada', email: '', role: 'viewer' as const }
    await rememberUser(db(), ada)
    await rememberUser(db(), { ...ada, role: 'admin', email: 'a@x.test' })
    const known = await readKnownUser(db(), 'u1')
    assert.deepEqual([known?.role, known?.email], ['admin', 'a@x.test'])
    await rememberCaller(db(), { ...ada, username: 'u1', role: 'operator' })
    const called = await readKnownUser(db(), 'u1')
    assert.deepEqual([called?.username, called?.email, called?.role], [
      'ada',
      'a@x.test',
      'operator',
    ])
    await rememberCaller(db(), { ...ada, userId: 'u3' })
    assert.equal((await readKnownUser(db(), 'u3'))?.username, 'ada')
    assert.equal(await readKnownUser(db(), 'u2'), undefined)
    await insertApiToken(db(), token)
    const [listed] = await listKnownUsers(db(), 10)
    assert.deepEqual([listed?.username, listed?.sessions, listed?.tokens], ['ada', 0, 1])
  })
})

describeOnDatabases('failures to sign in', (db) => {
  const rule = { free: 3, firstSeconds: 60, mostSeconds: 200 }
  beforeEach(() => emptyTables(db()))

  test('lock after so many in a row, longer each time, up to a limit', async () => {
    const waits: number[] = []
    for (let i = 0; i < 6; i++) {
      await noteSignInFailure(db(), 'account:a', rule)
      waits.push(await readLockSeconds(db(), ['account:a', 'address:b']))
    }
    assert.deepEqual(waits, [0, 0, 60, 120, 200, 200])
    assert.equal(await readLockSeconds(db(), ['account:b']), 0)
    await forgetSignInFailures(db(), 'account:a')
    assert.equal(await readLockSeconds(db(), ['account:a']), 0)
  })

  test('are forgotten after an hour', async () => {
    for (let i = 0; i < 4; i++) await noteSignInFailure(db(), 'account:a', rule)
    await db().query(sql`
      UPDATE sign_in_failures SET last_at = now() - interval '2 hours', locked_until = now() - interval '1 hour'`)
    await noteSignInFailure(db(), 'account:a', rule)
    assert.equal(await readLockSeconds(db(), ['account:a']), 0)
    await db().query(sql`UPDATE sign_in_failures SET last_at = now() - interval '2 hours'`)
    await deleteOldSignInFailures(db())
    assert.deepEqual(await db().query(sql`SELECT 1 FROM sign_in_failures`), [])
  })
})

describeOnDatabases('token revocations', (db) => {
  const nowUnix = () => Math.floor(Date.now() / 1000)
  beforeEach(() => emptyTables(db()))

  test('refuse what was issued before, and a session for good', async () => {
    await revokeTokens(db(), 'user:u1')
    await revokeTokens(db(), 'user:u1')
    await revokeTokens(db(), 'session:s1')
    assert.equal(await isRevoked(db(), ['user:u1'], nowUnix() - 60), true)
    assert.equal(await isRevoked(db(), ['user:u1'], nowUnix() + 60), false)
    assert.equal(await isRevoked(db(), ['user:u2', 'session:s1'], nowUnix() + 60), true)
    assert.equal(await isRevoked(db(), ['user:u2'], 0), false)
    await db().query(sql`UPDATE token_revocations SET before = now() - interval '31 days'`)
    await deleteOldRevocations(db())
    assert.equal(await isRevoked(db(), ['user:u1', 'session:s1'], 0), false)
  })

  test('takeLogoutNotice() takes each once', async () => {
    const until = nowUnix() + 60
    assert.equal(await takeLogoutNotice(db(), 'n1', until), true)
    assert.equal(await takeLogoutNotice(db(), 'n1', until), false)
    assert.equal(await takeLogoutNotice(db(), 'n2', until), true)
  })
})

describeOnDatabases('sign-ins under way', (db) => {
  const limits = { seconds: 60, most: 2 }
  beforeEach(() => emptyTables(db()))

  test('are taken once, until their time is over, and no more than so many', async () => {
    const wait = (stateHash: string) =>
      insertRedirectSignIn(db(), { stateHash, sealed: 'x', next: '/jobs' }, limits)
    assert.equal(await wait('s1'), true)
    assert.equal(await wait('s2'), true)
    assert.equal(await wait('s3'), false)
    const taken = await Promise.all([1, 2].map(() => takeRedirectSignIn(db(), 's1')))
    assert.deepEqual(taken.filter((one) => one !== undefined), [{ sealed: 'x', next: '/jobs' }])
    await db().query(sql`UPDATE redirect_sign_ins SET expires_at = now() - interval '1 second'`)
    assert.equal(await takeRedirectSignIn(db(), 's2'), undefined)
    assert.equal(await wait('s3'), true)
  })
})
