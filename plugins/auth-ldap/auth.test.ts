import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../kernel/clock.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { createLog, silentLog } from '../../kernel/log.ts'
import { createLdapAuth } from './auth.ts'
import { fillFilter } from './filter.ts'
import type { LdapOptions } from './options.ts'
import { personEntry, skipWithoutSlapd, startTestSlapd, type TestSlapd } from './test-slapd.ts'

const groups = `dn: ou=groups,dc=example,dc=com
objectClass: organizationalUnit
ou: groups
`
const group = (cn: string, ...members: string[]) =>
  `dn: cn=${cn},ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: ${cn}
${members.map((uid) => `member: uid=${uid},ou=people,dc=example,dc=com\n`).join('')}`
const star = `dn: uid=star\\2A,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: star*
cn: Star
sn: Star
userPassword: secret-star
`
const entries = [
  personEntry('anna', 'Anna', 'pass:wörd'),
  personEntry('otto', 'Otto', 'secret-otto'),
  personEntry('vera', 'Vera', 'secret-vera'),
  personEntry('nils', 'Nils', 'secret-nils'),
  star,
  groups,
  group('Video Admins', 'anna'),
  group('makers', 'anna', 'otto'),
  group('guests', 'vera', 'anna', 'star\\2A'),
]

describe('createLdapAuth()', { skip: skipWithoutSlapd }, () => {
  let slapd: TestSlapd
  before(async () => {
    slapd = await startTestSlapd(...entries)
  })
  after(() => slapd?.stop())

  const open = (options: Partial<LdapOptions> = {}) =>
    createLdapAuth({
      url: slapd.url,
      ca: slapd.ca,
      bindDn: 'cn=searcher,dc=example,dc=com',
      bindPassword: 'search-password',
      userBase: 'ou=people,dc=example,dc=com',
      groupBase: 'ou=groups,dc=example,dc=com',
      roles: {
        'video admins': 'admin',
        'cn=makers,ou=groups,dc=example,dc=com': 'operator',
        guests: 'viewer',
      },
      clock: systemClock,
      log: silentLog,
      ...options,
    })
  const signIn = (auth: ReturnType<typeof open>, username: string, password: string) =>
    auth.authenticate({
      token: Buffer.from(`${username}:${password}`).toString('base64'),
      scheme: 'basic',
      clientIp: '127.0.0.1',
      userAgent: 'test',
    })
  const isUnavailable = (error: unknown) =>
    error instanceof WebEncodeError && error.code === 'WE-AUTH-005'

  test('gives the highest role of the groups, over StartTLS and over LDAPS', async () => {
    for (const url of [slapd.url, slapd.secureUrl]) {
      const auth = open({ url })
      const anna = await signIn(auth, 'anna', 'pass:wörd')
      assert.deepEqual([anna.valid, anna.username, anna.email, anna.role], [
        true,
        'anna',
        'anna@example.com',
        'admin',
      ])
      assert.match(anna.userId, /^ldap:[0-9a-f-]{36}$/)
      assert.equal((await signIn(auth, 'otto', 'secret-otto')).role, 'operator')
      assert.equal((await signIn(auth, 'vera', 'secret-vera')).role, 'viewer')
    }
  })

  test('refuses a wrong and an empty password, an unknown name and another scheme', async () => {
    const auth = open()
    for (
      const [name, password] of [['anna', 'wrong'], ['anna', ''], ['nobody', 'pass:wörd'], [
        '',
        'x',
      ]] as const
    ) {
      assert.equal((await signIn(auth, name, password)).valid, false, `${name}:${password}`)
    }
    const bearer = { token: 'x', scheme: 'bearer', clientIp: '', userAgent: '' } as const
    assert.equal((await auth.authenticate(bearer)).valid, false)
    assert.equal((await auth.refreshToken({ refreshToken: 'x' })).valid, false)
  })

  test('refuses people without a role, unless there is a default one', async () => {
    assert.equal((await signIn(open(), 'nils', 'secret-nils')).valid, false)
    const lenient = open({ defaultRole: 'viewer' })
    assert.deepEqual(
      [
        (await signIn(lenient, 'nils', 'secret-nils')).role,
        (await signIn(lenient, 'nils', 'x')).valid,
      ],
      ['viewer', false],
    )
  })

  test('takes the characters of a filter in a name as characters', async () => {
    const auth = open({ defaultRole: 'viewer' })
    const star = await signIn(auth, 'star*', 'secret-star')
    assert.deepEqual([star.valid, star.username], [true, 'star*'])
    const attacks = [
      '*',
      'ann*',
      'anna)(uid=*',
      'anna)(|(uid=*',
      '*)(objectClass=*',
      'anna\\2a',
      'anna\0',
      '\\61nna',
      ')(',
    ]
    for (const name of attacks) {
      assert.equal((await signIn(auth, name, 'pass:wörd')).valid, false, name)
    }
  })

  test('finds people again by their id, until they lose their groups', async () => {
    const auth = open()
    const { userId } = await signIn(auth, 'otto', 'secret-otto')
    const profile = await auth.getUserProfile(userId)
    assert.deepEqual([profile?.username, profile?.displayName, profile?.role], [
      'otto',
      'Otto',
      'operator',
    ])
    assert.equal(await open({ roles: {} }).getUserProfile(userId), undefined)
    assert.equal(await auth.getUserProfile('ldap:*'), undefined)
    assert.equal(await auth.getUserProfile('someone-else'), undefined)
    const may = (action: 'create' | 'delete', resourceType: string) =>
      auth.authorize({ userId, action, resourceType }).then(({ allowed }) => allowed)
    assert.deepEqual([await may('create', 'job'), await may('delete', 'worker')], [true, false])
  })

  test('lists people with roles in pages', async () => {
    const auth = open()
    const all = await auth.listUsers({ page: 1, pageSize: 10 })
    assert.deepEqual(all.users.map(({ username }) => username).sort(), [
      'anna',
      'otto',
      'star*',
      'vera',
    ])
    const viewers = await auth.listUsers({ page: 2, pageSize: 1, roleFilter: 'viewer' })
    assert.deepEqual([viewers.users.length, viewers.totalCount], [1, 2])
  })

  test('says a password to nobody whose certificate it does not know', async () => {
    for (const url of [slapd.url, slapd.secureUrl]) {
      const other = await signIn(createLdapAuth({ ...optionsWithoutCa(), url }), 'anna', 'x')
        .then(() => 'answered', (error: unknown) => error)
      assert.ok(isUnavailable(other), String(other))
    }
  })

  function optionsWithoutCa(): LdapOptions {
    const roles = { guests: 'viewer' } as const
    const userBase = 'ou=people,dc=example,dc=com'
    return { url: slapd.url, userBase, roles, clock: systemClock, log: silentLog }
  }

  test('is WE-AUTH-005 when the searcher is refused, and when TLS is needed and not used', async () => {
    await assert.rejects(signIn(open({ bindPassword: 'old' }), 'anna', 'x'), isUnavailable)
    await assert.rejects(signIn(open({ startTls: false }), 'anna', 'pass:wörd'), isUnavailable)
  })

  test('is WE-AUTH-005 when the server is gone, and in time when it hangs', async () => {
    await assert.rejects(signIn(open({ url: 'ldap://127.0.0.1:1' }), 'anna', 'x'), isUnavailable)
    const auth = open({ timeoutMs: 300, maxConnections: 2 })
    slapd.freeze()
    try {
      const started = Date.now()
      const answers = await Promise.allSettled(
        Array.from({ length: 6 }, () => signIn(auth, 'anna', 'pass:wörd')),
      )
      for (const answer of answers) {
        assert.ok(answer.status === 'rejected' && isUnavailable(answer.reason))
      }
      // Without the time of its settings, each of three rounds would take five seconds.
      assert.ok(Date.now() - started < 10_000)
    } finally {
      slapd.thaw()
    }
    assert.equal((await signIn(open(), 'anna', 'pass:wörd')).valid, true)
  })

  test('serves more people than it has connections', async () => {
    const auth = open({ maxConnections: 2 })
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => signIn(auth, 'otto', 'secret-otto')),
    )
    assert.equal(answers.filter(({ valid }) => valid).length, 20)
  })

  test('keeps passwords out of the log', async () => {
    const lines: string[] = []
    const auth = open({ log: createLog('debug', (line) => lines.push(line)) })
    await signIn(auth, 'nils', 'secret-nils')
    await signIn(auth, 'anna', 'wrong-password')
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /no group of this person/)
    assert.doesNotMatch(lines.join(), /secret-nils|wrong-password|search-password/)
  })
})

test('createLdapAuth() refuses settings that cannot work', () => {
  const base = {
    url: 'ldaps://directory.example',
    userBase: 'ou=people',
    roles: {},
    clock: systemClock,
    log: silentLog,
  }
  const isRefused = (path: string) => (error: unknown) =>
    error instanceof WebEncodeError && error.code === 'WE-PLG-003' && error.path === path
  assert.throws(() => createLdapAuth({ ...base, url: 'https://x' }), isRefused('url'))
  assert.throws(
    () => createLdapAuth({ ...base, userFilter: '(uid=anna)' }),
    isRefused('userFilter'),
  )
  assert.throws(() => createLdapAuth({ ...base, bindDn: 'cn=x' }), isRefused('bindPassword'))
})

test('fillFilter() escapes what it puts in', () => {
  assert.equal(
    fillFilter('(&(uid={username})(x={other}))', { username: 'a*(b)\\c\0' }),
    '(&(uid=a\\2a\\28b\\29\\5cc\\00)(x={other}))',
  )
})
