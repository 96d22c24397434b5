import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Authenticator } from '../../kernel/contract/auth.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { createLog, silentLog } from '../../kernel/log.ts'
import { createHtpasswdAuth, type HtpasswdOptions } from './htpasswd.ts'
import { argon2Of, bcryptOf } from './test-hashes.ts'

let directory: string
let file: string
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'htpasswd-'))
  file = join(directory, 'users')
})
after(() => rm(directory, { recursive: true }))

const withBcrypt = async (password: string) => (await bcryptOf(password)).replace(/^\$2a/, '$2y')

async function open(lines: readonly string[], options: Partial<HtpasswdOptions> = {}) {
  await writeFile(file, lines.join('\n') + '\n')
  const roles = { anna: 'admin', otto: 'operator' } as const
  return createHtpasswdAuth({ file, roles, log: silentLog, ...options })
}
const signIn = (auth: Authenticator, username: string, password: string) => {
  const token = Buffer.from(`${username}:${password}`).toString('base64')
  return auth.authenticate({ token, scheme: 'basic', clientIp: '', userAgent: '' })
}

test('bcrypt and argon2id are understood, as htpasswd and others write them', async () => {
  const auth = await open([
    '# people',
    `anna:${await withBcrypt('pass:wörd')}`,
    '',
    `otto:${await argon2Of('secret')}:a comment`,
  ])
  const anna = await signIn(auth, 'anna', 'pass:wörd')
  assert.deepEqual([anna.valid, anna.userId, anna.role], [true, 'htpasswd:anna', 'admin'])
  assert.equal((await signIn(auth, 'otto', 'secret')).role, 'operator')
  const wrong = [['anna', 'wrong'], ['anna', ''], ['otto', 'pass:wörd'], ['Anna', 'pass:wörd'], [
    'nobody',
    'x',
  ]] as const
  for (const [name, password] of wrong) {
    assert.equal((await signIn(auth, name, password)).valid, false, `${name}:${password}`)
  }
})

test('a password that bcrypt would cut is refused', async () => {
  const long = 'x'.repeat(72)
  const auth = await open([`anna:${await withBcrypt(long)}`])
  assert.equal((await signIn(auth, 'anna', long)).valid, true)
  assert.equal((await signIn(auth, 'anna', long + 'y')).valid, false)
})

test('weak and unknown hashes let nobody in, and the log names their lines', async () => {
  const lines: string[] = []
  const auth = await open(
    ['anna:secret', 'otto:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=', 'nils:$apr1$x$y', ':', 'odd'],
    { log: createLog('debug', (line) => lines.push(line)), defaultRole: 'viewer' },
  )
  for (const name of ['anna', 'otto', 'nils', '', 'odd']) {
    assert.equal((await signIn(auth, name, 'secret')).valid, false, name)
  }
  assert.deepEqual(lines.map((line) => (JSON.parse(line) as { line: number }).line), [
    1,
    2,
    3,
    4,
    5,
  ])
  assert.doesNotMatch(lines.join(), /secret"|apr1|SHA/)
})

test('users without a role are refused, unless there is a default one', async () => {
  const line = `nils:${await withBcrypt('secret')}`
  assert.equal((await signIn(await open([line]), 'nils', 'secret')).valid, false)
  const lenient = await open([line], { defaultRole: 'viewer' })
  assert.equal((await signIn(lenient, 'nils', 'secret')).role, 'viewer')
  assert.equal((await lenient.listUsers({ page: 1, pageSize: 9 })).users[0]?.username, 'nils')
  const odd = await open([`constructor:${await withBcrypt('secret')}`])
  assert.equal((await signIn(odd, 'constructor', 'secret')).valid, false)
})

test('a changed file is read again, and who is gone from it is nobody', async () => {
  const auth = await open([`anna:${await withBcrypt('old')}`])
  assert.equal((await auth.getUserProfile('htpasswd:anna'))?.role, 'admin')
  await writeFile(file, `otto:${await withBcrypt('new password')}`)
  assert.equal(await auth.getUserProfile('htpasswd:anna'), undefined)
  assert.equal((await signIn(auth, 'anna', 'old')).valid, false)
  assert.equal((await signIn(auth, 'otto', 'new password')).valid, true)
  const may = await auth.authorize({
    userId: 'htpasswd:otto',
    action: 'create',
    resourceType: 'job',
  })
  assert.equal(may.allowed, true)
})

test('a file that is not there is WE-AUTH-005', async () => {
  const auth = createHtpasswdAuth({ file: join(directory, 'none'), roles: {}, log: silentLog })
  await assert.rejects(
    signIn(auth, 'anna', 'x'),
    (error: unknown) => error instanceof WebEncodeError && error.code === 'WE-AUTH-005',
  )
})
