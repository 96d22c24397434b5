/** Users of a real server: the command line beside it and against it, the API, and what the audit says. */
import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { execa } from 'execa'
import type { AuditEventView } from '../../kernel/contract/audit.ts'
import type { ListedUser } from '../../kernel/contract/user.ts'
import { type Product, startProduct, stopProducts } from './product.ts'

let product: Product
before(async () => {
  product = await startProduct()
})
after(stopProducts)

/** `webencode user …`, on the data folder. */
async function user(...words: string[]) {
  const { exitCode, stdout, stderr } = await execa(
    process.execPath,
    [resolve('dist/deploy/cli.js'), 'user', ...words, '--json'],
    { env: { WEBENCODE_DATA_DIR: product.dataDirectory }, reject: false },
  )
  return { exitCode, stderr, answer: stdout === '' ? undefined : JSON.parse(stdout) }
}
/** The same, against the server. */
const remotely = (...words: string[]) =>
  user(...words, '--server', product.url, '--token', product.token)
const listed = async () => {
  const answer = await (await product.fetch('/v1/users')).json() as { users: ListedUser[] }
  return answer.users.map(({ username, role, sessions }) => [username, role, sessions])
}
async function audited(): Promise<unknown[]> {
  const { events } = await (await product.fetch('/v1/audit')).json() as {
    events: AuditEventView[]
  }
  return events.filter(({ resource_type }) => resource_type === 'user')
    .map(({ action, actor_name, outcome }) => [action, actor_name, outcome])
}
const signIn = async (username: string, password: string) => {
  const response = await fetch(`${product.url}/auth/login`, {
    method: 'POST',
    body: new URLSearchParams({ username, password }),
    redirect: 'manual',
  })
  const cookie = response.headers.get('set-cookie')?.split(';')[0] ?? ''
  return async () => (await fetch(`${product.url}/v1/me`, { headers: { cookie } })).status
}

test('user … --server adds, changes and deletes users of a server, with a row for each', async () => {
  const added = await remotely('add', 'otto', '--role', 'operator', '--password', 'otto-s-password')
  assert.equal(added.exitCode, 0, added.stderr)
  assert.deepEqual([added.answer.username, added.answer.role], ['otto', 'operator'])
  assert.match(added.answer.token, /^we_/)
  const otto = await signIn('otto', 'otto-s-password')
  assert.equal(await otto(), 200)
  assert.deepEqual(await listed(), [['admin', 'admin', 0], ['otto', 'operator', 1]])

  assert.equal((await remotely('role', 'otto', '--role', 'viewer')).answer.role, 'viewer')
  const { answer } = await remotely('list')
  assert.deepEqual(answer.map((one: ListedUser) => [one.username, one.role]), [
    ['admin', 'admin'],
    ['otto', 'viewer'],
  ])
  assert.equal((await remotely('remove', 'otto')).exitCode, 0)
  assert.equal(await otto(), 401, 'the session ended')
  assert.deepEqual(await listed(), [['admin', 'admin', 0]])
  assert.deepEqual(await audited(), [
    ['user.delete', 'admin', 'allowed'],
    ['user.set_role', 'admin', 'allowed'],
    ['user.create', 'admin', 'allowed'],
  ])
})

test('what a server refuses, the command line says', async () => {
  const last = await remotely('remove', 'admin')
  assert.deepEqual([last.exitCode, /must be an administrator/.test(last.stderr)], [1, true])
  const unknown = await remotely('role', 'nobody', '--role', 'viewer')
  assert.match(unknown.stderr, /There is no user "nobody"/)
  const { exitCode, stderr } = await user('list', '--server', product.url, '--token', 'wrong')
  assert.deepEqual([exitCode, /WE-AUTH-001/.test(stderr)], [1, true])
})

test('user … without --server works on the data folder, and the running server sees it', async () => {
  await user('add', 'eve', '--role', 'viewer')
  assert.equal((await user('role', 'eve', '--role', 'operator')).answer.role, 'operator')
  assert.deepEqual((await listed()).at(-1), ['eve', 'operator', 0])
  assert.equal((await user('remove', 'eve')).exitCode, 0)
  assert.deepEqual(await listed(), [['admin', 'admin', 0]])
})
