/** The product's own plugins as sandboxed processes, against the servers that they are for. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createLog } from '../../kernel/log.ts'
import { authFrom } from '../../kernel/plugin/adapters/auth.ts'
import { storageFrom } from '../../kernel/plugin/adapters/storage.ts'
import { openPluginHost, type ProcessPluginHost } from '../../kernel/plugin/host.ts'
import { readManifest } from '../../kernel/plugin/manifest.ts'
import { argon2Of, bcryptOf } from '../../plugins/auth-basic/test-hashes.ts'
import {
  personEntry,
  skipWithoutSlapd,
  startTestSlapd,
} from '../../plugins/auth-ldap/test-slapd.ts'
import { skipWithoutS3, TestS3 } from '../../plugins/storage-s3/test-s3.ts'
import { pluginsDirectory } from '../box/paths.ts'
import { version } from '../box/version.ts'
import { tryPlugin } from '../cli/plugin.ts'

const sourcesDirectory = pluginsDirectory.replace(/dist\/plugins$/, 'plugins')

describe('plugins of the product as processes', { timeout: 240_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'plugin-programs-'))
  const secrets = new Map<string, string>()
  const lines: string[] = []
  let host: ProcessPluginHost
  before(async () => {
    host = await openPluginHost({
      directory: pluginsDirectory,
      stateDirectory: join(directory, 'state'),
      kernelVersion: version,
      secrets: {
        resolve: (name) => {
          const value = secrets.get(name)
          return value === undefined
            ? Promise.reject(new Error(`no secret ${name}`))
            : Promise.resolve(value)
        },
      },
      log: createLog('debug', (line) => lines.push(line)),
      startTimeoutMs: 60_000,
    })
  })
  after(async () => {
    await host.close()
    rmSync(directory, { recursive: true, force: true })
  })

  const start = async (id: string, config: object) => {
    const folder = join(pluginsDirectory, id)
    const manifest = await readManifest(folder, version)
    const plugin = { folder, manifest, config: host.checkConfig(manifest, config) }
    return await host.start(plugin)
  }

  test('storage-s3 keeps objects in a bucket, with keys that only it has seen', {
    skip: skipWithoutS3,
  }, async () => {
    const server = await TestS3.start(join(directory, 's3'))
    try {
      const { bucket, endpoint, region, accessKeyId, secretAccessKey } = server.options
      secrets.set('s3/id', accessKeyId).set('s3/secret', secretAccessKey)
      const plugin = await start('storage-s3', {
        bucket,
        endpoint,
        region,
        use_ssl: false,
        access_key_id_ref: 's3/id',
        secret_access_key_ref: 's3/secret',
      })
      await plugin.check()
      const storage = storageFrom(plugin)
      const target = { bucket: 'media', path: 'uploads/a/film.mp4' }
      async function* chunks() {
        yield await Promise.resolve(new TextEncoder().encode('0123456789'))
      }
      assert.equal((await storage.upload(target, chunks())).size, 10)
      const { body } = await storage.download({ ...target, range: { start: 2, end: 5 } })
      assert.equal(await new Response(body).text(), '2345')
      const { url } = await storage.getUrl({
        bucket: 'media',
        objectKey: target.path,
        expirySeconds: 60,
        method: 'GET',
        audience: 'worker',
      })
      assert.equal(await (await fetch(url)).text(), '0123456789')
      const logs = plugin.logs().map(({ message }) => message).join('\n') + lines.join('\n')
      assert.ok(!logs.includes(secretAccessKey))
      await storage.delete(target)
      await assert.rejects(storage.getObjectMetadata(target), { code: 'WE-STO-001' })
      await plugin.stop()
    } finally {
      await server.kill()
    }
  })

  test(
    'storage-s3 with a wrong key is not fit, and says why',
    { skip: skipWithoutS3 },
    async () => {
      const server = await TestS3.start(join(directory, 's3-wrong'))
      try {
        const { bucket, endpoint, accessKeyId } = server.options
        secrets.set('s3/id', accessKeyId).set('s3/wrong', 'not the key')
        const plugin = await start('storage-s3', {
          bucket,
          endpoint,
          use_ssl: false,
          access_key_id_ref: 's3/id',
          secret_access_key_ref: 's3/wrong',
        })
        await assert.rejects(plugin.check(), /WE-STO-002|denied|key/i)
        await plugin.stop()
      } finally {
        await server.kill()
      }
    },
  )

  test('auth-ldap signs people of a directory in', { skip: skipWithoutSlapd }, async () => {
    const slapd = await startTestSlapd(personEntry('anna', 'Anna', 'secret-anna'))
    try {
      const ca_file = join(directory, 'ca.pem')
      writeFileSync(ca_file, slapd.ca)
      secrets.set('ldap/search', 'search-password')
      const plugin = await start('auth-ldap', {
        url: slapd.secureUrl,
        ca_file,
        user_base: 'ou=people,dc=example,dc=com',
        bind_dn: 'cn=searcher,dc=example,dc=com',
        bind_password_ref: 'ldap/search',
        roles: {},
        default_role: 'operator',
      })
      await plugin.check()
      const auth = authFrom(plugin)
      const signIn = (password: string) =>
        auth.authenticate({
          token: Buffer.from(`anna:${password}`).toString('base64'),
          scheme: 'basic',
          clientIp: '',
          userAgent: '',
        })
      const anna = await signIn('secret-anna')
      assert.deepEqual([anna.valid, anna.username, anna.role], [true, 'anna', 'operator'])
      assert.equal((await signIn('wrong')).valid, false)
      assert.equal((await auth.getUserProfile(anna.userId))?.email, 'anna@example.com')
      await plugin.stop()
    } finally {
      await slapd.stop()
    }
  })

  test('auth-basic signs the users of an htpasswd file in, as the file is now', async () => {
    const htpasswd = join(directory, 'users')
    const write = (lines: readonly string[]) => writeFileSync(htpasswd, lines.join('\n') + '\n')
    const [anna, otto] = [await bcryptOf('secret-anna'), await argon2Of('secret-otto')]
    write([`anna:${anna}`, `otto:${otto}`, 'old:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='])
    const config = { htpasswd, htpasswd_roles: { anna: 'admin' }, default_role: 'viewer' }
    const plugin = await start('auth-basic', config)
    await plugin.check()
    const auth = authFrom(plugin)
    const signIn = async (username: string, password: string) => {
      const token = Buffer.from(`${username}:${password}`).toString('base64')
      const request = { token, scheme: 'basic', clientIp: '', userAgent: '' } as const
      const { valid, userId, role } = await auth.authenticate(request)
      return valid ? `${userId} ${role}` : 'nobody'
    }
    assert.equal(await signIn('anna', 'secret-anna'), 'htpasswd:anna admin')
    assert.equal(await signIn('otto', 'secret-otto'), 'htpasswd:otto viewer')
    const wrong = [['anna', 'secret-otto'], ['anna', ''], ['old', 'password'], ['x', 'x']] as const
    for (const [name, password] of wrong) {
      assert.equal(await signIn(name, password), 'nobody', `${name}:${password}`)
    }
    assert.equal((await auth.getUserProfile('htpasswd:otto'))?.role, 'viewer')
    assert.equal((await auth.listUsers({ page: 1, pageSize: 10 })).totalCount, 2)
    const mayRemove = { userId: 'htpasswd:anna', action: 'delete', resourceType: 'job' } as const
    assert.equal((await auth.authorize(mayRemove)).allowed, true)
    assert.equal((await auth.authorize({ ...mayRemove, userId: 'htpasswd:otto' })).allowed, false)

    write([`otto:${otto}`])
    assert.equal(await signIn('anna', 'secret-anna'), 'nobody', 'the file is read again')
    rmSync(htpasswd)
    await assert.rejects(signIn('otto', 'secret-otto'), { code: 'WE-AUTH-005' })
    const logs = plugin.logs().map(({ message }) => message).join('\n') + lines.join('\n')
    assert.match(logs, /a line of the htpasswd file is not understood/)
    assert.ok(![anna, otto, 'secret-anna', 'secret-otto'].some((secret) => logs.includes(secret)))
    await plugin.stop()
  })

  const tryOwn = async (id: string, config: object) => {
    const said: string[] = []
    // As an admin types it: the sources, also where the command itself was compiled.
    const folder = join(sourcesDirectory, id)
    const say = (line: string) => void said.push(line)
    return { holds: await tryPlugin({ folder, config, env: {}, say }), said: said.join('\n') }
  }

  test('storage-http passes the contract test of a storage that is only read', async () => {
    const { holds, said } = await tryOwn('storage-http', {})
    assert.ok(holds, said)
    assert.match(said, /ok {6}Upload is WE-STO-002, because it is only read/)
  })

  test('auth-basic passes the contract test, and without users it is not fit', async () => {
    const htpasswd = join(directory, 'checked')
    const check = (config: object) => tryOwn('auth-basic', config)
    writeFileSync(htpasswd, `anna:${await bcryptOf('secret-anna')}\n`)
    const right = await check({ htpasswd, htpasswd_roles: { anna: 'viewer' } })
    assert.ok(right.holds, right.said)
    const roleless = await check({ htpasswd })
    assert.equal(roleless.holds, false)
    assert.match(roleless.said, /FAILED {2}its self-test[^]*must have a user with a bcrypt/)
    const relative = await check({ htpasswd: 'users' })
    assert.match(relative.said, /FAILED {2}the configuration/)
  })
})
