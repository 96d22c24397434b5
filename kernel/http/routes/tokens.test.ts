import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { NewApiToken } from '../../contract/token.ts'
import { sql } from '../../db/database.ts'
import { as, type Bench, openBench, post } from '../fixture.ts'

let bench: Bench
before(async () => {
  bench = await openBench()
})
after(() => bench.close())

async function make(wish: object, headers = as('operator')): Promise<NewApiToken> {
  const response = await bench.app.request('/v1/tokens', post(wish, headers))
  assert.equal(response.status, 201, await response.clone().text())
  return await response.json() as NewApiToken
}
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const roleOf = async (token: string, app = bench.app) => {
  const response = await app.request('/v1/me', { headers: bearer(token) })
  const body = await response.json() as { role?: string; error?: { code: string } }
  return body.role ?? body.error?.code
}

test('a token is shown once, stored as a hash, and works with its own role', async () => {
  const { token, ...view } = await make({ name: 'nightly', role: 'viewer' })
  assert.match(token, /^wat_[\w-]{43}$/)
  assert.equal(await roleOf(token), 'viewer')
  const listed = await (await bench.app.request('/v1/tokens', { headers: as('operator') })).json()
  const [first] = (listed as { tokens: (typeof view)[] }).tokens
  assert.deepEqual([first?.id, first?.name, first?.expires_at], [view.id, 'nightly', null])
  assert.notEqual(first?.last_used_at, null)
  const everything = JSON.stringify([
    listed,
    bench.logLines,
    await bench.db.query(sql`SELECT * FROM api_tokens`),
  ])
  assert.equal(everything.includes(token), false)
  const upload = await bench.app.request('/v1/jobs', post({}, bearer(token)))
  assert.equal(upload.status, 403)
})

test('a token never has more than its user, then and later', async () => {
  const refused = await bench.app.request('/v1/tokens', post({ name: 'x', role: 'admin' }))
  assert.equal(refused.status, 403)
  const { token } = await make({ name: 'x' })
  assert.equal(await roleOf(token), 'operator')
  bench.users.set('operator', { username: 'otto', role: 'viewer' })
  assert.equal(await roleOf(token), 'viewer')
  bench.users.set('operator', { username: 'otto', role: 'admin' })
  assert.equal(await roleOf(token), 'operator')
  bench.users.delete('operator')
  assert.equal(await roleOf(token), 'WE-AUTH-001')
  bench.users.set('operator', { username: 'otto', role: 'operator' })
})

test('a token that was taken back is refused at once, on every kernel', async () => {
  const other = await openBench({ db: bench.db })
  const { token, id } = await make({ name: 'x' })
  assert.equal(await roleOf(token, other.app), 'operator')
  const remove = (headers: Record<string, string>) =>
    bench.app.request(`/v1/tokens/${id}`, { method: 'DELETE', headers })
  assert.equal((await remove(as('admin'))).status, 404)
  assert.equal((await remove(as('operator'))).status, 204)
  assert.equal((await remove(as('operator'))).status, 404)
  assert.deepEqual([await roleOf(token), await roleOf(token, other.app)], [
    'WE-AUTH-001',
    'WE-AUTH-001',
  ])
  await other.close()
})

test('a token expires when it was said to', async () => {
  const { token, expires_at } = await make({ name: 'x', expires_in_seconds: 60 })
  assert.ok(expires_at !== null)
  assert.equal(await roleOf(token), 'operator')
  await bench.db.query(sql`UPDATE api_tokens SET expires_at = now() WHERE expires_at IS NOT NULL`)
  assert.equal(await roleOf(token), 'WE-AUTH-002')
})

test('wrong wishes and made-up tokens are refused', async () => {
  const wrong = [{}, { name: '' }, { name: 'a\0b' }, { name: 'x', role: 'root' }, {
    name: 'x',
    expires_in_seconds: 1,
  }]
  for (const wish of wrong) {
    assert.equal((await bench.app.request('/v1/tokens', post(wish))).status, 400)
  }
  assert.equal(await roleOf('wat_made-up'), 'WE-AUTH-001')
})
