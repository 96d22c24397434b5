/** Sign-in sessions and idempotency keys. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { sql } from './database.ts'
import { insertIdempotencyKey, pruneIdempotencyKeys, readIdempotencyKey } from './idempotency.ts'
import {
  claimSessionCheck,
  deleteExpiredSessions,
  deleteProviderSessions,
  deleteSession,
  deleteUserSessions,
  insertSession,
  listSessions,
  readSession,
  renewSession,
} from './sessions.ts'
import { describeOnDatabases, emptyTables } from './test-database.ts'

const session = {
  idHash: 'hash-1',
  userId: 'u1',
  username: 'ada',
  role: 'operator' as const,
  csrfToken: 'csrf',
  expiresAt: new Date(Date.now() + 3_600_000),
}
const expired = { ...session, idHash: 'hash-0', expiresAt: new Date(Date.now() - 1000) }

describeOnDatabases('sessions', (db) => {
  beforeEach(() => emptyTables(db()))

  test('readSession() answers a session until it expires', async () => {
    await insertSession(db(), session)
    await insertSession(db(), expired)
    const { createdAt, renewedAt, ...rest } = await readSession(db(), 'hash-1') ??
      assert.fail('no session')
    const absent = { providerSession: null, sealed: null, clientIp: '', userAgent: '' }
    assert.deepEqual(rest, { ...session, ...absent })
    assert.deepEqual(renewedAt, createdAt)
    assert.ok(createdAt instanceof Date)
    assert.equal(await readSession(db(), 'hash-0'), undefined)
    assert.equal(await readSession(db(), 'nothing'), undefined)
  })

  test('deleteSession(), deleteUserSessions() and deleteExpiredSessions() end what they say', async () => {
    const sessions = [session, expired, { ...session, idHash: 'hash-2' }, {
      ...session,
      idHash: 'hash-3',
      userId: 'u2',
    }]
    for (const one of sessions) await insertSession(db(), one)
    assert.equal(await deleteExpiredSessions(db()), 1)
    await deleteSession(db(), 'hash-1')
    await deleteSession(db(), 'hash-1')
    assert.equal(await deleteUserSessions(db(), 'u1'), 1)
    assert.deepEqual(await db().query(sql`SELECT id_hash FROM sessions`), [{ id_hash: 'hash-3' }])
  })
})

describeOnDatabases('sessions of an identity provider', (db) => {
  beforeEach(() => emptyTables(db()))

  test('claimSessionCheck() lets one of many ask, when nobody has for a while', async () => {
    await insertSession(db(), { ...session, sealed: 'x', providerSession: 'sid-1' })
    assert.equal(await claimSessionCheck(db(), 'hash-1', 300), false)
    await db().query(sql`UPDATE sessions SET checked_at = now() - interval '5 minutes'`)
    const claims = await Promise.all([1, 2, 3].map(() => claimSessionCheck(db(), 'hash-1', 300)))
    assert.equal(claims.filter((isMine) => isMine).length, 1)
    await renewSession(db(), { idHash: 'hash-1', role: 'viewer', sealed: 'y' })
    const renewed = await readSession(db(), 'hash-1')
    assert.deepEqual([renewed?.role, renewed?.sealed], ['viewer', 'y'])
  })

  test('deleteProviderSessions() ends those that began with one of the provider', async () => {
    await insertSession(db(), { ...session, providerSession: 'sid-1' })
    await insertSession(db(), { ...session, idHash: 'hash-2', providerSession: 'sid-2' })
    await insertSession(db(), { ...session, idHash: 'hash-3', userId: 'u2' })
    assert.equal(await deleteProviderSessions(db(), 'sid-1'), 1)
    assert.deepEqual((await listSessions(db())).map(({ idHash }) => idHash).sort(), [
      'hash-2',
      'hash-3',
    ])
    assert.equal((await listSessions(db(), { userId: 'u2' })).length, 1)
  })
})

describeOnDatabases('idempotency keys', (db) => {
  const entry = { requestHash: 'h1', jobId: 'j1' }
  beforeEach(() => emptyTables(db()))

  test('insertIdempotencyKey() answers what the key stands for: the first entry', async () => {
    assert.equal(await readIdempotencyKey(db(), 'u1', 'k'), undefined)
    assert.deepEqual(await insertIdempotencyKey(db(), 'u1', 'k', entry), entry)
    assert.deepEqual(
      await insertIdempotencyKey(db(), 'u1', 'k', { requestHash: 'h2', jobId: 'j2' }),
      entry,
    )
    assert.deepEqual(await readIdempotencyKey(db(), 'u1', 'k'), entry)
  })

  test('a key belongs to one user', async () => {
    await insertIdempotencyKey(db(), 'u1', 'k', entry)
    const other = { requestHash: 'h2', jobId: 'j2' }
    assert.deepEqual(
      await db().transaction((tx) => insertIdempotencyKey(tx, 'u2', 'k', other)),
      other,
    )
  })

  test('pruneIdempotencyKeys() removes old keys and counts them', async () => {
    await insertIdempotencyKey(db(), 'u1', 'old', entry)
    await db().query(sql`UPDATE idempotency_keys SET at = now() - interval '2 days'`)
    await insertIdempotencyKey(db(), 'u1', 'new', entry)
    assert.equal(await pruneIdempotencyKeys(db(), 24 * 3_600_000), 1)
    assert.equal(await readIdempotencyKey(db(), 'u1', 'old'), undefined)
    assert.deepEqual(await readIdempotencyKey(db(), 'u1', 'new'), entry)
  })
})
