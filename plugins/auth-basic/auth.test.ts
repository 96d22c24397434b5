import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { WebEncodeError } from '../../kernel/errors.ts'
import { silentLog } from '../../kernel/log.ts'
import { type BasicAuth, createBasicAuth } from './auth.ts'

interface Box {
  readonly auth: BasicAuth
  readonly file: string
  readonly reopen: (adminToken?: string) => BasicAuth
  pass(ms: number): void
}

async function withUsers(work: (box: Box) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'auth-basic-'))
  const file = join(directory, 'inner', 'users.json')
  let nowMs = 1_700_000_000_000
  const reopen = (adminToken?: string) =>
    createBasicAuth({
      file,
      now: () => nowMs,
      log: silentLog,
      ...(adminToken === undefined ? {} : { adminToken }),
    })
  try {
    await work({ auth: reopen(), file, reopen, pass: (ms) => nowMs += ms })
  } finally {
    await rm(directory, { recursive: true })
  }
}

const client = { clientIp: '127.0.0.1', userAgent: 'test' }
const bearer = (auth: BasicAuth, token: string) =>
  auth.authenticate({ token, scheme: 'bearer', ...client })
const basic = (auth: BasicAuth, username: string, password: string) => {
  const token = Buffer.from(`${username}:${password}`).toString('base64')
  return auth.authenticate({ token, scheme: 'basic', ...client })
}
const code = (auth: BasicAuth, token: string) =>
  auth.authenticate({ token, scheme: 'one-time', ...client })
const refused = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof WebEncodeError)
  assert.equal(error.code, 'WE-AUTH-007')
  assert.match(error.message, message)
  return true
}

test('ensureAdmin() makes one administrator, and a code each time', async () => {
  await withUsers(async ({ auth }) => {
    const first = await auth.ensureAdmin()
    assert.equal(first.created, true)
    assert.equal((await bearer(auth, first.token ?? '')).role, 'admin')
    const second = await auth.ensureAdmin()
    assert.equal(second.created, false)
    assert.equal(second.token, undefined)
    assert.equal((await code(auth, second.oneTimeCode)).username, 'admin')
    assert.equal((await auth.listUsers({ page: 1, pageSize: 10 })).totalCount, 1)
  })
})

test('ensureAdmin() of processes that start at once makes one administrator', async () => {
  await withUsers(async ({ auth, reopen }) => {
    const answers = await Promise.all([auth, reopen(), reopen()].map((one) => one.ensureAdmin()))
    assert.equal(answers.filter(({ created }) => created).length, 1)
    assert.equal((await auth.listUsers({ page: 1, pageSize: 10 })).totalCount, 1)
    for (const { oneTimeCode } of answers) assert.equal((await code(auth, oneTimeCode)).valid, true)
  })
})

test('authenticate() takes a one-time code once', async () => {
  await withUsers(async ({ auth }) => {
    const { oneTimeCode } = await auth.ensureAdmin()
    const answers = await Promise.all([code(auth, oneTimeCode), code(auth, oneTimeCode)])
    assert.deepEqual(answers.map(({ valid }) => valid).sort(), [false, true])
    assert.equal((await code(auth, oneTimeCode)).valid, false)
  })
})

test('authenticate() refuses a one-time code after 15 minutes', async () => {
  await withUsers(async ({ auth, pass }) => {
    const { oneTimeCode } = await auth.ensureAdmin()
    pass(15 * 60_000)
    assert.equal((await code(auth, oneTimeCode)).valid, false)
  })
})

test('authenticate() knows API tokens until they expire', async () => {
  await withUsers(async ({ auth, pass }) => {
    const { user, token } = await auth.addUser({ username: 'eve', role: 'viewer' })
    const answer = await bearer(auth, token)
    assert.deepEqual([answer.valid, answer.userId, answer.role], [true, user.userId, 'viewer'])
    assert.equal((await bearer(auth, token + 'x')).valid, false)
    const expiresAtUnix = 1_700_000_060
    const short = await auth.createToken(user.userId, expiresAtUnix)
    assert.equal((await bearer(auth, short)).valid, true)
    pass(60_000)
    const late = await bearer(auth, short)
    assert.deepEqual([late.valid, late.expiresAtUnix, late.userId], [false, expiresAtUnix, ''])
  })
})

test('authenticate() checks passwords and notes the sign-in', async () => {
  await withUsers(async ({ auth }) => {
    const { user } = await auth.addUser({
      username: 'Otto',
      role: 'operator',
      password: 'pass:wörd',
    })
    assert.equal((await auth.getUserProfile(user.userId))?.lastLoginUnix, 0)
    assert.equal((await basic(auth, 'otto', 'pass:wörd')).valid, true)
    assert.equal((await auth.getUserProfile(user.userId))?.lastLoginUnix, 1_700_000_000)
    assert.equal((await basic(auth, 'otto', 'pass:word')).valid, false)
    assert.equal((await basic(auth, 'nobody', 'pass:wörd')).valid, false)
    await auth.setPassword(user.userId, 'another one')
    assert.equal((await basic(auth, 'otto', 'pass:wörd')).valid, false)
    assert.equal((await basic(auth, 'otto', 'another one')).valid, true)
  })
})

test('authenticate() refuses the password of a user who has none', async () => {
  await withUsers(async ({ auth }) => {
    await auth.addUser({ username: 'linkonly', role: 'viewer' })
    assert.equal((await basic(auth, 'linkonly', '')).valid, false)
  })
})

test('authenticate() lets the configured token act as the first administrator', async () => {
  await withUsers(async ({ auth, reopen }) => {
    await auth.ensureAdmin()
    const configured = reopen('a configured token')
    assert.equal((await bearer(configured, 'a configured token')).username, 'admin')
    assert.equal((await bearer(configured, 'another token')).valid, false)
    assert.equal((await bearer(auth, 'a configured token')).valid, false)
  })
})

test('the file keeps no secret in the clear, and only its owner reads it', async () => {
  await withUsers(async ({ auth, file }) => {
    const { token, oneTimeCode } = await auth.ensureAdmin()
    await auth.addUser({ username: 'otto', role: 'viewer', password: 'correct horse' })
    const text = await readFile(file, 'utf8')
    for (const secret of [token ?? '?', oneTimeCode, 'correct horse']) {
      assert.equal(text.includes(secret), false)
    }
    assert.equal((await stat(file)).mode & 0o777, 0o600)
  })
})

test('changes by another process are seen, and none is lost', async () => {
  await withUsers(async ({ auth, reopen }) => {
    const other = reopen()
    const names = Array.from({ length: 10 }, (_, i) => `user${i}`)
    await Promise.all(
      names.map((username, i) =>
        (i % 2 === 0 ? auth : other).addUser({ username, role: 'viewer' })
      ),
    )
    assert.equal((await auth.listUsers({ page: 1, pageSize: 100 })).totalCount, 10)
    assert.equal((await other.listUsers({ page: 2, pageSize: 6 })).users.length, 4)
  })
})

test('addUser() refuses taken and odd names and weak passwords', async () => {
  await withUsers(async ({ auth }) => {
    await auth.addUser({ username: 'otto', role: 'viewer' })
    await assert.rejects(auth.addUser({ username: 'OTTO', role: 'viewer' }), refused(/is taken/))
    await assert.rejects(auth.addUser({ username: 'a b', role: 'viewer' }), refused(/1 to 64/))
    await assert.rejects(
      auth.addUser({ username: 'anna', role: 'viewer', password: 'short' }),
      refused(/8 to 1024/),
    )
  })
})

test('removeUser() ends tokens, and keeps the last administrator', async () => {
  await withUsers(async ({ auth }) => {
    await auth.ensureAdmin()
    const { user, token } = await auth.addUser({ username: 'otto', role: 'viewer' })
    await auth.removeUser(user.userId)
    assert.equal((await bearer(auth, token)).valid, false)
    assert.equal(await auth.getUserProfile(user.userId), undefined)
    await assert.rejects(auth.removeUser(user.userId), refused(/No user/))
    const [admin] = (await auth.listUsers({ page: 1, pageSize: 1, roleFilter: 'admin' })).users
    await assert.rejects(auth.removeUser(admin?.userId ?? ''), refused(/must be an administrator/))
  })
})

test('a damaged file is reported, and not overwritten', async () => {
  await withUsers(async ({ auth, file }) => {
    await auth.ensureAdmin()
    await writeFile(file, '{"version": 1, "users": [')
    const isUnavailable = (error: unknown) =>
      error instanceof WebEncodeError && error.code === 'WE-AUTH-005'
    await assert.rejects(bearer(auth, 'x'), isUnavailable)
    await assert.rejects(auth.ensureAdmin(), isUnavailable)
    assert.equal(await readFile(file, 'utf8'), '{"version": 1, "users": [')
  })
})

test('setRole() holds at once, and leaves an administrator', async () => {
  await withUsers(async ({ auth }) => {
    await auth.ensureAdmin()
    const { user, token } = await auth.addUser({ username: 'eve', role: 'viewer' })
    assert.equal((await auth.setRole(user.userId, 'admin')).role, 'admin')
    assert.equal((await bearer(auth, token)).role, 'admin')
    const [admin] = (await auth.listUsers({ page: 1, pageSize: 1, roleFilter: 'admin' })).users
    assert.equal((await auth.setRole(admin?.userId ?? '', 'viewer')).role, 'viewer')
    await assert.rejects(auth.setRole(user.userId, 'operator'), refused(/must be an administrator/))
    assert.equal((await auth.setRole(user.userId, 'admin')).role, 'admin')
    await assert.rejects(auth.setRole('nobody', 'viewer'), refused(/No user has the ID/))
  })
})

test('addUser() adds a thousand users at most', async () => {
  await withUsers(async ({ auth, file }) => {
    const { user } = await auth.addUser({ username: 'eve', role: 'viewer' })
    const data = JSON.parse(await readFile(file, 'utf8'))
    const [eve] = data.users
    data.users = Array.from(
      { length: 1000 },
      (_, i) => ({ ...eve, id: `u${i}`, username: `u${i}` }),
    )
    await writeFile(file, JSON.stringify(data))
    const wish = { username: 'one-more', role: 'viewer' } as const
    await assert.rejects(auth.addUser(wish), refused(/there may be 1000/))
    assert.equal(await auth.getUserProfile(user.userId), undefined)
    await auth.removeUser('u7')
    assert.equal((await auth.addUser(wish)).user.username, 'one-more')
  })
})
