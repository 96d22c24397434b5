import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { delimiter, resolve } from 'node:path'
import { test } from 'node:test'
import { configTable, listConfigWarnings, readConfig } from './config.ts'
import { WebEncodeError } from './errors.ts'

test('readConfig() of an empty environment answers the defaults', () => {
  assert.deepEqual(readConfig({}), {
    kernelPort: 8080,
    kernelHost: '127.0.0.1',
    publicUrl: undefined,
    logLevel: 'info',
    dataDirectory: resolve('data'),
    databaseUrl: undefined,
    natsUrl: undefined,
    kernelId: undefined,
    pluginDirectory: undefined,
    natsReplicas: 1,
    storageUrl: undefined,
    s3Bucket: undefined,
    s3Endpoint: undefined,
    s3PublicEndpoint: undefined,
    s3Region: 'us-east-1',
    s3AccessKeyId: undefined,
    s3SecretAccessKey: undefined,
    s3SignedUrlSeconds: 604_800,
    adminToken: undefined,
    mediaRoots: [],
    sourceHosts: [],
    trustedProxies: [],
    proxySignIn: 'no',
    roles: { viewer: 'viewer', operator: 'operator', admin: 'admin' },
    defaultRole: undefined,
    signInOrder: ['users', 'htpasswd', 'ldap'],
    htpasswd: undefined,
    htpasswdRoles: {},
    ldapUrl: undefined,
    ldapStartTls: 'yes',
    ldapCa: undefined,
    ldapBindDn: undefined,
    ldapBindPassword: undefined,
    ldapUserBase: undefined,
    ldapUserFilter: '(&(objectClass=person)(uid={username}))',
    ldapGroupBase: undefined,
    ldapIdAttribute: 'entryUUID',
    ldapUsernameAttribute: 'uid',
    oidcIssuer: undefined,
    oidcClientId: undefined,
    oidcClientSecret: undefined,
    oidcLabel: undefined,
    oidcScopes: 'openid profile email',
    oidcRolesClaim: 'groups',
    oidcAudience: undefined,
    workerId: 'local',
    workerRegion: 'local',
    workerSlots: availableParallelism(),
    workerLanes: undefined,
    joinToken: undefined,
    workerCacheBytes: 10 * 2 ** 30,
    drainSeconds: 30,
    encoder: 'auto',
    ffmpegPath: 'ffmpeg',
    ffprobePath: 'ffprobe',
    leaseMs: 20_000,
    heartbeatMs: 5_000,
    maxUploadBytes: 50 * 2 ** 30,
    maxBodyBytes: 2 ** 20,
    maxRequests: 1000,
    maxTransfers: 1000,
    maxLiveConnections: 12_000,
    keepJobsDays: 0,
    keepUploadsHours: 24,
    secretsKeyFile: undefined,
    openbaoAddress: undefined,
    openbaoToken: undefined,
    openbaoRoleId: undefined,
    openbaoSecretId: undefined,
    keepAuditDays: 90,
    keepLogsDays: 30,
  })
})

test('readConfig() reads each kind of value', () => {
  const config = readConfig({
    KERNEL_PORT: '0',
    WEBENCODE_PUBLIC_URL: 'https://video.example.org/',
    DATABASE_URL: 'postgresql://user:pass@postgres:5432/webencode',
    WEBENCODE_MEDIA_ROOTS: ['/srv/a', ' /srv/b ', ''].join(delimiter),
    WEBENCODE_SOURCE_HOSTS: 'nas.local, 10.0.0.0/8,::1,fd00::/8',
    WEBENCODE_MAX_UPLOAD_BYTES: '1048577',
    WEBENCODE_MAX_BODY_BYTES: '2 MiB',
    WEBENCODE_ENCODER: 'wasm',
    WORKER_LANES: 'cpu, gpu.nvidia,cpu',
  })
  assert.deepEqual(config.workerLanes, ['cpu', 'gpu.nvidia'])
  assert.equal(config.kernelPort, 0)
  assert.equal(config.publicUrl, 'https://video.example.org')
  assert.equal(config.databaseUrl, 'postgresql://user:pass@postgres:5432/webencode')
  assert.deepEqual(config.mediaRoots, [resolve('/srv/a'), resolve('/srv/b')])
  assert.deepEqual(config.sourceHosts, ['nas.local', '10.0.0.0/8', '::1', 'fd00::/8'])
  assert.equal(config.maxUploadBytes, 1_048_577)
  assert.equal(config.maxBodyBytes, 2 * 2 ** 20)
  assert.equal(config.encoder, 'wasm')
})

test('readConfig() reads the settings of signing in', () => {
  const config = readConfig({
    WEBENCODE_TRUSTED_PROXIES: '10.0.0.0/8, ::1',
    WEBENCODE_ROLES: ' cn=Video Admins,ou=groups,dc=x=admin; crew = operator;',
    WEBENCODE_SIGN_IN_ORDER: 'ldap,users',
    WEBENCODE_HTPASSWD: '/etc/webencode/htpasswd',
    WEBENCODE_LDAP_URL: 'ldaps://directory.example/',
    WEBENCODE_OIDC_ISSUER: 'https://id.example/app/',
  })
  assert.deepEqual(config.trustedProxies, ['10.0.0.0/8', '::1'])
  assert.deepEqual(config.roles, { 'cn=Video Admins,ou=groups,dc=x': 'admin', crew: 'operator' })
  assert.deepEqual(config.signInOrder, ['ldap', 'users'])
  assert.equal(config.htpasswd, '/etc/webencode/htpasswd')
  assert.equal(config.ldapUrl, 'ldaps://directory.example')
  assert.equal(config.oidcIssuer, 'https://id.example/app/') // with its slash, as it names itself
  const wrong = {
    WEBENCODE_TRUSTED_PROXIES: 'proxy.example',
    WEBENCODE_ROLES: 'crew=root',
    WEBENCODE_DEFAULT_ROLE: 'root',
    WEBENCODE_LDAP_URL: 'http://x',
    WEBENCODE_LDAP_USER_FILTER: '(uid=anna)',
    WEBENCODE_OIDC_SCOPES: 'profile',
  }
  for (const [name, value] of Object.entries(wrong)) {
    assert.throws(() => readConfig({ [name]: value }), new RegExp(`${name} must`))
  }
})

test('readConfig() takes a blank variable for an absent one', () => {
  assert.deepEqual(readConfig({ KERNEL_PORT: '', DATABASE_URL: '  ' }), readConfig({}))
})

const wrong: ReadonlyArray<readonly [name: string, value: string, message: string]> = [
  ['KERNEL_PORT', 'http', 'KERNEL_PORT must be a whole number from 0 to 65535, found "http"'],
  ['KERNEL_PORT', '65536', 'KERNEL_PORT must be a whole number from 0 to 65535, found "65536"'],
  ['KERNEL_PORT', '-1', 'KERNEL_PORT must be a whole number from 0 to 65535, found "-1"'],
  ['KERNEL_PORT', '1e3', 'KERNEL_PORT must be a whole number from 0 to 65535, found "1e3"'],
  [
    'WEBENCODE_PUBLIC_URL',
    'video.example.org',
    'WEBENCODE_PUBLIC_URL must be a URL that starts with http:// or https://, found "video.example.org"',
  ],
  ['LOG_LEVEL', 'loud', 'LOG_LEVEL must be one of debug, info, warn, error, found "loud"'],
  [
    'WEBENCODE_MAX_BODY_BYTES',
    '1MB',
    'WEBENCODE_MAX_BODY_BYTES must be a number of bytes, at least 1024, plain or with KiB, MiB, GiB or TiB, found "1MB"',
  ],
  ...['disk', 'cpu,disk', ','].map((lanes) =>
    [
      'WORKER_LANES',
      lanes,
      'WORKER_LANES must be one or more of cpu, gpu.nvidia, gpu.intel, gpu.amd, copy, probe, live, ' +
      `separated by commas, found "${lanes}"`,
    ] as const
  ),
  [
    'WORKER_REGION',
    'EU West',
    'WORKER_REGION must be 1 to 32 lower-case letters, digits or dashes, found "EU West"',
  ],
]
for (const [name, value, message] of wrong) {
  test(`readConfig() refuses ${name}=${value}`, () => {
    assert.throws(() => readConfig({ [name]: value }), {
      name: 'WebEncodeError',
      path: name,
      message,
    })
  })
}

for (
  const entry of ['10.0.0.0/33', '1.2.3', 'http://nas', 'a b', '::1/129', '1.2.3.4/8/8', 'nas/8']
) {
  test(`readConfig() refuses the source host ${entry}`, () => {
    assert.throws(() => readConfig({ WEBENCODE_SOURCE_HOSTS: entry }), {
      message: 'WEBENCODE_SOURCE_HOSTS must be host names, IP addresses or CIDR blocks, ' +
        `separated by commas, found "${entry}"`,
    })
  })
}

test('readConfig() names every wrong variable in one error', () => {
  assert.throws(() => readConfig({ KERNEL_PORT: 'x', LOG_LEVEL: 'y' }), (error) => {
    assert.ok(error instanceof WebEncodeError)
    assert.equal(error.message.split('\n').length, 2)
    assert.equal(error.path, 'KERNEL_PORT')
    assert.equal(error.next, 'stop')
    return true
  })
})

test('readConfig() never repeats the value of a secret', () => {
  const message =
    'WEBENCODE_ADMIN_TOKEN must be at least 1 characters long, without white space, found 10 characters'
  assert.throws(() => readConfig({ WEBENCODE_ADMIN_TOKEN: 'hunter two' }), { message })
  assert.throws(() => readConfig({ DATABASE_URL: 'mysql://u:hunter@db/x' }), (error) => {
    assert.ok(error instanceof Error)
    assert.doesNotMatch(error.message, /hunter/)
    return true
  })
})

test('readConfig() wants two heartbeats in a lease', () => {
  assert.equal(
    readConfig({ WEBENCODE_LEASE_MS: '2000', WEBENCODE_HEARTBEAT_MS: '1000' }).heartbeatMs,
    1000,
  )
  assert.throws(() => readConfig({ WEBENCODE_LEASE_MS: '2000', WEBENCODE_HEARTBEAT_MS: '1001' }), {
    path: 'WEBENCODE_HEARTBEAT_MS',
    message:
      'WEBENCODE_HEARTBEAT_MS must be at most half of WEBENCODE_LEASE_MS, found 1001 with a lease of 2000',
  })
})

test('listConfigWarnings() names WEBENCODE_ variables that do nothing, and no others', () => {
  const env = {
    WEBENCODE_PORT: '1',
    WEBENCODE_TEST_DATABASE_URL: '2',
    WEBENCODE_ENCODER: 'wasm',
    PATH: '3',
  }
  assert.deepEqual(listConfigWarnings(env), [
    'WEBENCODE_PORT is not a variable of WebEncode and changes nothing',
  ])
})

test('readConfig() wants all of a bucket, or nothing', () => {
  const bucket = {
    WEBENCODE_S3_BUCKET: 'media-1',
    WEBENCODE_S3_ACCESS_KEY_ID: 'key',
    WEBENCODE_S3_SECRET_ACCESS_KEY: 'planted-secret',
  }
  assert.equal(readConfig(bucket).s3Bucket, 'media-1')
  for (const missing of Object.keys(bucket)) {
    const env = { ...bucket, [missing]: '' }
    assert.throws(() => readConfig(env), {
      code: 'WE-SYS-001',
      path: missing,
      message: `${missing} must be set for S3 storage, found nothing`,
    })
  }
  assert.throws(() => readConfig({ WEBENCODE_S3_ENDPOINT: 'http://s3:8333' }), {
    path: 'WEBENCODE_S3_BUCKET',
  })
})

test('configTable() has a row for every property of the configuration', () => {
  const lines = configTable().trimEnd().split('\n')
  assert.equal(lines.length, 2 + Object.keys(readConfig({})).length)
  assert.ok(
    lines.includes('| `KERNEL_PORT` | `8080` | Port of the HTTP server; 0 takes a free one. |'),
  )
  assert.ok(
    lines.some((line) =>
      line.startsWith('| `WEBENCODE_ADMIN_TOKEN` | generated, printed once |') &&
      line.endsWith('Secret. |')
    ),
  )
})
