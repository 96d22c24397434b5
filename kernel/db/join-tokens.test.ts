/** Join tokens and worker credentials, and who may use which. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { joinTokenViewSchema } from '../contract/worker.ts'
import { sql } from './database.ts'
import { deleteJoinToken, insertJoinToken, listJoinTokens, useJoinToken } from './join-tokens.ts'
import { describeOnDatabases, emptyTables } from './test-database.ts'
import {
  pruneRevokedCredentials,
  readWorkerCredential,
  replaceWorkerCredential,
  revokeWorkerCredential,
} from './worker-credentials.ts'

const token = { id: 't1', tokenHash: 'h1', createdBy: 'ada', seconds: 3600 }

describeOnDatabases('join tokens', (db) => {
  beforeEach(() => emptyTables(db()))
  const use = (tokenHash: string, workerId: string, session = 'session-1') =>
    db().transaction((tx) => useJoinToken(tx, { tokenHash, workerId, session }))

  test('insertJoinToken() answers what listJoinTokens() lists, without the hash', async () => {
    const made = await insertJoinToken(db(), token)
    assert.deepEqual(joinTokenViewSchema.parse(made), made)
    assert.deepEqual(await listJoinTokens(db()), [made])
    assert.equal(await deleteJoinToken(db(), 't1'), true)
    assert.equal(await deleteJoinToken(db(), 't1'), false)
  })

  test('useJoinToken() lets one process use it, however often', async () => {
    await insertJoinToken(db(), token)
    assert.equal(await use('h1', 'w1'), undefined)
    assert.equal(await use('h1', 'w1'), undefined)
    assert.equal(await use('h1', 'w1', 'session-2'), 'used')
    assert.equal(await use('h1', 'w2'), 'used')
    assert.equal((await listJoinTokens(db()))[0]?.used_by, 'w1')
  })

  test('useJoinToken() says why not', async () => {
    assert.equal(await use('h1', 'w1'), 'unknown')
    await insertJoinToken(db(), { ...token, seconds: 0 })
    assert.equal(await use('h1', 'w1'), 'expired')
  })

  test('insertJoinToken() forgets tokens that expired a week ago', async () => {
    await insertJoinToken(db(), token)
    await db().query(sql`UPDATE join_tokens SET expires_at = now() - interval '8 days'`)
    await insertJoinToken(db(), { ...token, id: 't2', tokenHash: 'h2' })
    assert.deepEqual((await listJoinTokens(db())).map(({ id }) => id), ['t2'])
  })

  test('twenty workers that use one token at the same time: one gets in', async () => {
    await insertJoinToken(db(), token)
    const workers = Array.from({ length: 20 }, (_, i) => `w${i}`)
    const answers = await Promise.all(workers.map((workerId) => use('h1', workerId)))
    assert.equal(answers.filter((answer) => answer === undefined).length, 1)
    assert.ok(answers.every((answer) => answer === undefined || answer === 'used'))
  })
})

describeOnDatabases('worker credentials', (db) => {
  beforeEach(() => emptyTables(db()))
  const replace = (workerId: string, hash: string) =>
    db().transaction((tx) => replaceWorkerCredential(tx, workerId, hash))

  test('a worker has one credential, the newest, until it is revoked', async () => {
    assert.equal(await readWorkerCredential(db(), 'w1'), undefined)
    await replace('w1', 'h1')
    await replace('w1', 'h2')
    const known = { credentialHash: 'h2', isRevoked: false }
    assert.deepEqual(await readWorkerCredential(db(), 'w1'), known)
    await revokeWorkerCredential(db(), 'w1')
    await revokeWorkerCredential(db(), 'nobody')
    assert.deepEqual(await readWorkerCredential(db(), 'w1'), { ...known, isRevoked: true })
    await replace('w1', 'h3')
    assert.equal((await readWorkerCredential(db(), 'w1'))?.isRevoked, false)
  })

  test('pruneRevokedCredentials() forgets those that were revoked long ago', async () => {
    await replace('w1', 'h1')
    await replace('w2', 'h2')
    await revokeWorkerCredential(db(), 'w1')
    assert.equal(await pruneRevokedCredentials(db(), 60_000), 0)
    await db().query(sql`UPDATE worker_credentials SET revoked_at = revoked_at - interval '1 hour'`)
    assert.equal(await pruneRevokedCredentials(db(), 60_000), 1)
    assert.equal(await readWorkerCredential(db(), 'w1'), undefined)
  })
})
