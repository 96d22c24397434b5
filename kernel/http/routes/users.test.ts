/** Users by API: who is listed, what admins do with them, and what the audit and the log say of it. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import type { AddedUser, ListedUser } from '../../contract/user.ts'
import { listAuditEvents } from '../../db/audit-events.ts'
import { rememberUser } from '../../db/known-users.ts'
import { insertSession } from '../../db/sessions.ts'
import { emptyTables } from '../../db/test-database.ts'
import { as, type Bench, openBench, post } from '../fixture.ts'

let bench: Bench
before(async () => {
  bench = await openBench()
})
after(() => bench.close())
beforeEach(() => emptyTables(bench.db))

const ask = (method: string, path: string, body?: object, role: 'admin' | 'operator' = 'admin') =>
  bench.app.request(path, { ...post(body ?? {}, as(role)), ...(!body && { body: null }), method })
const list = async () =>
  (await (await bench.app.request('/v1/users', { headers: as('admin') })).json() as {
    users: ListedUser[]
  }).users
const add = async (wish: object): Promise<AddedUser> => {
  const response = await ask('POST', '/v1/users', wish)
  assert.equal(response.status, 201, await response.clone().text())
  assert.equal(response.headers.get('cache-control'), 'no-store')
  return await response.json() as AddedUser
}
const codeOf = async (response: Response) =>
  `${response.status} ${(await response.json() as { error: { code: string } }).error.code}`
const path = (id: string, verb = '') => `/v1/users/${encodeURIComponent(id)}${verb}`

/** Somebody of an identity provider, with a session. */
async function signInElsewhere(): Promise<string> {
  const user = { userId: 'oidc:a/b', username: 'bea', email: 'bea@x', role: 'viewer' } as const
  await rememberUser(bench.db, user)
  const session = { ...user, csrfToken: 'c', expiresAt: new Date(Date.now() + 60_000) }
  await insertSession(bench.db, { ...session, idHash: 'hash-1' })
  await insertSession(bench.db, { ...session, idHash: 'hash-2' })
  return user.userId
}

test('a user is added, listed, given another role and deleted', async () => {
  const { token, ...user } = await add({ username: 'carla', role: 'viewer' })
  assert.deepEqual([user.username, user.role, token], ['carla', 'viewer', 'token-of-carla'])
  await rememberUser(bench.db, { ...user, userId: user.id })
  const facts = { is_kept_here: true, sessions: 0, tokens: 0 }
  const [shown] = await list()
  assert.deepEqual(shown, { ...user, ...facts, last_login_at: shown?.last_login_at })
  assert.ok(Date.parse(shown?.last_login_at ?? '') > 0)

  const changed = await ask('PATCH', path(user.id), { role: 'operator' })
  assert.deepEqual(await changed.json(), { ...user, role: 'operator' })
  const own = await bench.app.request('/v1/tokens', {
    ...post({ name: 'x' }, { authorization: `Bearer ${user.id}` }),
  })
  const { token: made, role } = await own.json() as { token: string; role: string }
  assert.equal(role, 'operator', 'the new role holds at once')

  assert.equal((await ask('DELETE', path(user.id))).status, 204)
  assert.deepEqual(await list(), [])
  const after = await bench.app.request('/v1/me', { headers: { authorization: `Bearer ${made}` } })
  assert.equal(after.status, 401)
  assert.equal(await codeOf(await ask('DELETE', path(user.id))), '404 WE-AUTH-006')
})

test('sessions and tokens of anybody are ended, and only kept users are changed', async () => {
  const id = await signInElsewhere()
  const [bea] = await list()
  assert.deepEqual([bea?.id, bea?.sessions, bea?.is_kept_here], [id, 2, false])
  assert.deepEqual(await (await ask('POST', path(id, '/end-sessions'))).json(), { sessions: 2 })
  assert.deepEqual(await (await ask('POST', path(id, '/take-back-tokens'))).json(), { tokens: 0 })
  assert.equal(await codeOf(await ask('PATCH', path(id), { role: 'admin' })), '404 WE-AUTH-006')
  const elsewhere = await openBench({
    db: bench.db,
    keptUsers: { ...bench.keptUsers, getUserProfile: () => Promise.resolve(undefined) },
  })
  const refused = await elsewhere.app.request(path('operator'), {
    ...post({ role: 'admin' }, as('admin')),
    method: 'PATCH',
  })
  assert.equal(await codeOf(refused), '422 WE-AUTH-007')
  assert.equal(bench.users.get('operator')?.role, 'operator')
  await elsewhere.close()
})

test('wrong names, roles, passwords and callers are refused', async () => {
  const wrong = [
    { username: 'a b', role: 'viewer' },
    { username: '', role: 'viewer' },
    { username: 'x'.repeat(65), role: 'viewer' },
    { username: 'dora', role: 'boss' },
    { username: 'dora' },
    { username: 'dora', role: 'viewer', password: 'short' },
    { username: 'dora', role: 'viewer', password: 'x'.repeat(1025) },
    { username: 'dora', role: 'viewer', id: 'u1' },
  ]
  for (const wish of wrong) {
    assert.equal((await ask('POST', '/v1/users', wish)).status, 400, JSON.stringify(wish))
  }
  assert.equal((await ask('PATCH', path('operator'), { role: 'boss' })).status, 400)
  assert.equal((await ask('PATCH', path('a\0b'), { role: 'viewer' })).status, 400)
  assert.equal((await ask('PATCH', path('x'.repeat(301)), { role: 'viewer' })).status, 400)
  assert.equal((await ask('POST', '/v1/users', wrong[0], 'operator')).status, 403)
  assert.equal((await ask('GET', '/v1/users', undefined, 'operator')).status, 403)
  assert.equal(bench.users.has('dora'), false)
})

test('the audit says who did what to whom, and a password is in no answer, row or log', async () => {
  const planted = 'planted-password-81d'
  const answers = [
    await ask('POST', '/v1/users', { username: 'emil', role: 'viewer', password: planted }),
    await ask('POST', '/v1/users', { username: 'a b', role: 'viewer', password: planted }),
    await ask('PATCH', path('emil'), { role: 'operator' }),
    await ask('POST', path('emil', '/end-sessions')),
    await ask('DELETE', path('emil')),
  ]
  const { events } = await listAuditEvents(bench.db)
  assert.deepEqual(
    events.map((
      { action, actor_name, resource_id, outcome, detail },
    ) => [action, actor_name, resource_id, outcome, detail['role']]),
    [
      ['user.delete', 'anna', 'emil', 'allowed', undefined],
      ['user.end_sessions', 'anna', 'emil', 'allowed', undefined],
      ['user.set_role', 'anna', 'emil', 'allowed', 'operator'],
      ['user.create', 'anna', null, 'failed', undefined],
      ['user.create', 'anna', 'emil', 'allowed', 'viewer'],
    ],
  )
  const said = await Promise.all(answers.map((answer) => answer.text()))
  const everything = [...said, ...bench.logLines, JSON.stringify(events)]
  assert.deepEqual(everything.filter((text) => text.includes(planted)), [])
})
