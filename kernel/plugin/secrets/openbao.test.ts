/** Secrets in a real OpenBao, and servers that do what a real one does rarely. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { WebEncodeError } from '../../errors.ts'
import { createLog } from '../../log.ts'
import { createOpenBaoStore, type OpenBaoStore, placeOf } from './openbao.ts'
import type { OpenBaoAccess } from './openbao-token.ts'
import { skipWithoutOpenBao, startTestOpenBao, type TestOpenBao } from './test-openbao.ts'

/** Timers that a test fires. */
function handClock() {
  const timers: { readonly delayMs: number; readonly callback: () => void }[] = []
  return {
    timers,
    now: systemClock.now,
    sleep: () => Promise.resolve(),
    after(delayMs: number, callback: () => void) {
      const timer = { delayMs, callback }
      timers.push(timer)
      return () => void timers.splice(timers.indexOf(timer), timers.includes(timer) ? 1 : 0)
    },
  }
}

const lines: string[] = []
const log = createLog('debug', (line) => lines.push(line))

function open(address: string, access: OpenBaoAccess, clock = handClock(), timeoutMs = 5000) {
  return createOpenBaoStore({ address, access, clock, log, timeoutMs })
}

const unavailable = (pattern: RegExp) => (failure: unknown) => {
  assert.ok(failure instanceof WebEncodeError)
  assert.equal(failure.code, 'WE-SYS-004', failure.message)
  assert.equal(failure.next, 'retry')
  assert.match(failure.message, pattern)
  return true
}

test('placeOf() reads mount, path and field', () => {
  assert.deepEqual(placeOf('secret/webencode/s3/access_key'), {
    mount: 'secret',
    path: 'webencode/s3',
    field: 'access_key',
  })
  for (const wrong of ['secret', 'secret/field', '../a/b/c', 'a//b/c']) {
    assert.throws(() => placeOf(wrong), { code: 'WE-PLG-003' }, wrong)
  }
})

describe(
  'createOpenBaoStore() with OpenBao',
  { skip: skipWithoutOpenBao, timeout: 120_000 },
  () => {
    let server: TestOpenBao
    let store: OpenBaoStore
    before(async () => {
      server = await startTestOpenBao()
      store = open(server.address, { token: server.rootToken })
    })
    after(async () => {
      store?.close()
      await server?.stop()
    })

    /** An AppRole whose tokens may do this. */
    async function appRole(name: string, policy: string, settings: object): Promise<OpenBaoAccess> {
      await server.ask('POST', `sys/policies/acl/${name}`, { policy })
      const methods = await server.ask('GET', 'sys/auth')
      if (!('approle/' in methods)) {
        await server.ask('POST', 'sys/auth/approle', {
          type: 'approle',
        })
      }
      await server.ask('POST', `auth/approle/role/${name}`, { token_policies: [name], ...settings })
      const role = await server.ask('GET', `auth/approle/role/${name}/role-id`)
      const secret = await server.ask('POST', `auth/approle/role/${name}/secret-id`)
      const of = (answer: object, field: string) =>
        String(Reflect.get(Reflect.get(answer, 'data'), field))
      return { roleId: of(role, 'role_id'), secretId: of(secret, 'secret_id') }
    }
    const readers = 'path "secret/data/webencode/*" { capabilities = ["read"] }'

    test('resolve() reads a field, and tells what is not there', async () => {
      await server.ask('POST', 'secret/data/webencode/s3', {
        data: { access_key: 'planted-secret', number: 5 },
      })
      assert.equal(await store.resolve('secret/webencode/s3/access_key'), 'planted-secret')
      for (const gone of ['s3/other', 's4/access_key', 's3/constructor']) {
        await assert.rejects(store.resolve(`secret/webencode/${gone}`), {
          code: 'WE-PLG-003',
          message: `There is no secret "secret/webencode/${gone}"`,
        })
      }
      await assert.rejects(store.resolve('secret/webencode/s3/number'), {
        code: 'WE-PLG-003',
        message: /must be text, found number/,
      })
    })

    test('put() keeps the other fields, list() has names only, remove() takes one away', async () => {
      await store.put('secret/webencode/kick/token', 'planted-one')
      await store.put('secret/webencode/kick/key', 'planted-two')
      await store.put('secret/webencode/kick/token', 'planted-three')
      assert.equal(await store.resolve('secret/webencode/kick/token'), 'planted-three')
      assert.equal(await store.resolve('secret/webencode/kick/key'), 'planted-two')
      const names = (await store.list()).map(({ name }) => name)
      assert.ok(names.includes('secret/webencode/kick/key'), names.join())
      assert.doesNotMatch(JSON.stringify(await store.list()), /planted/)
      await store.remove('secret/webencode/kick/key')
      await assert.rejects(store.resolve('secret/webencode/kick/key'), { code: 'WE-PLG-003' })
      await assert.rejects(store.remove('secret/webencode/kick/key'), { code: 'WE-PLG-003' })
      assert.equal(await store.resolve('secret/webencode/kick/token'), 'planted-three')
    })

    test('a version that was deleted is not there', async () => {
      await store.put('secret/webencode/old/key', 'x')
      await server.ask('DELETE', 'secret/data/webencode/old')
      await assert.rejects(store.resolve('secret/webencode/old/key'), { code: 'WE-PLG-003' })
    })

    test('an AppRole signs in, sees what its policy allows, and renews its token in time', async () => {
      await store.put('secret/webencode/role/key', 'planted-secret')
      const clock = handClock()
      const access = await appRole('reader', readers, { token_ttl: '90s' })
      const role = open(server.address, access, clock)
      assert.equal(await role.resolve('secret/webencode/role/key'), 'planted-secret')
      await assert.rejects(
        role.resolve('secret/elsewhere/key'),
        unavailable(/permission denied: .* must allow GET secret\/data\/elsewhere/),
      )
      const [timer] = clock.timers
      assert.equal(timer?.delayMs, 60_000, 'two thirds of its life')
      timer.callback()
      await eventually(() => assert.notEqual(clock.timers.at(-1), timer))
      assert.ok((clock.timers.at(-1)?.delayMs ?? 0) > 50_000, 'renewed to its whole life')
      assert.equal(await role.resolve('secret/webencode/role/key'), 'planted-secret')
      role.close()
      assert.equal(clock.timers.length, 0)
    })

    test('a token that was revoked, or cannot be renewed, is replaced by signing in again', async () => {
      const access = await appRole('brief', readers, { token_ttl: '90s', token_type: 'batch' })
      const clock = handClock()
      const role = open(server.address, access, clock)
      await role.resolve('secret/webencode/role/key')
      const timer = clock.timers.at(-1)
      timer?.callback()
      await eventually(() => assert.notEqual(clock.timers.at(-1), timer))
      role.close()

      const own = await appRole('revoked', readers, { token_ttl: '90s' })
      const second = open(server.address, own)
      await second.resolve('secret/webencode/role/key')
      await revokeTokensOf('revoked')
      assert.equal(await second.resolve('secret/webencode/role/key'), 'planted-secret')
      second.close()
    })

    test('the policy of the README is enough, and no more than that', async () => {
      const readme = await readFile('kernel/plugin/secrets/README.md', 'utf8')
      const policy = /```hcl\n([^`]+)```/.exec(readme)?.[1] ?? ''
      const role = open(server.address, await appRole('whole', policy, { token_ttl: '90s' }))
      const name = 'secret/webencode/policy/key'
      await role.put(name, 'planted-one')
      await role.put(name, 'planted-two')
      assert.equal(await role.resolve(name), 'planted-two')
      assert.ok((await role.list()).some((secret) => secret.name === name))
      await role.remove(name)
      await assert.rejects(role.resolve(name), { code: 'WE-PLG-003' })
      await assert.rejects(role.put('secret/elsewhere/key', 'x'), unavailable(/permission denied/))
      role.close()
    })

    async function revokeTokensOf(role: string): Promise<void> {
      const listed = await server.ask('LIST', 'auth/token/accessors')
      const accessors: string[] = Reflect.get(Reflect.get(listed, 'data'), 'keys')
      for (const accessor of accessors) {
        const found = await server.ask('POST', 'auth/token/lookup-accessor', { accessor })
        const { meta } = Reflect.get(found, 'data') as { meta: { role_name?: string } | null }
        if (meta?.role_name === role) {
          await server.ask('POST', 'auth/token/revoke-accessor', { accessor })
        }
      }
    }

    test('a wrong token and a wrong AppRole are told, without repeating them', async () => {
      const wrong = open(server.address, { token: 'planted-token' })
      await assert.rejects(
        wrong.resolve('secret/a/b'),
        unavailable(/may not use its token: .* 403/),
      )
      const role = open(server.address, { roleId: 'nobody', secretId: 'planted-id' })
      await assert.rejects(
        role.resolve('secret/a/b'),
        unavailable(/may not sign in with its AppRole/),
      )
    })

    test('nothing that was planted is in the log', () => {
      assert.doesNotMatch(lines.join('\n'), /planted/)
    })

    test('a sealed server is said to be sealed', async () => {
      await server.ask('PUT', 'sys/seal')
      await assert.rejects(
        store.resolve('secret/webencode/s3/access_key'),
        unavailable(/is sealed; unseal it/),
      )
    })
  },
)

describe('createOpenBaoStore() with a server that fails', { timeout: 60_000 }, () => {
  /** Stands in for OpenBao where a real one does not fail on demand. */
  async function failing(listener: RequestListener): Promise<{ server: Server; address: string }> {
    const server = createServer(listener)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    if (address === null || typeof address === 'string') throw new TypeError('a port was expected')
    return { server, address: `http://127.0.0.1:${address.port}` }
  }
  async function close(server: Server): Promise<void> {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }

  test('silence ends after the timeout, three times', async () => {
    let asked = 0
    const { server, address } = await failing(() => void asked++)
    const store = open(address, { token: 't' }, handClock(), 50)
    await assert.rejects(store.resolve('secret/a/b'), unavailable(/gave no answer: .*timeout/i))
    assert.equal(asked, 3)
    await close(server)
  })

  test('nobody there is said so', async () => {
    const { server, address } = await failing(() => {})
    await close(server)
    await assert.rejects(
      open(address, { token: 't' }).resolve('secret/a/b'),
      unavailable(/gave no answer/),
    )
  })

  test('a redirect is not followed: the token stays here', async () => {
    let reached = 0
    const elsewhere = await failing((_, response) => void (reached++, response.end('{}')))
    const { server, address } = await failing((_, response) => {
      response.writeHead(307, { location: `${elsewhere.address}/v1/x` }).end()
    })
    await assert.rejects(
      open(address, { token: 't' }).resolve('secret/a/b'),
      unavailable(/leads elsewhere/),
    )
    assert.equal(reached, 0)
    await close(server)
    await close(elsewhere.server)
  })

  test('garbage and floods are refused, and not repeated in the failure', async () => {
    for (const body of ['{"data": planted-secret', 'x'.repeat(2_000_000)]) {
      const { server, address } = await failing((_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' }).end(body)
      })
      await assert.rejects(
        open(address, { token: 't' }).resolve('secret/a/b'),
        (failure: Error) => {
          assert.match(failure.message, /its answer (is no JSON|has more than)/)
          assert.doesNotMatch(`${failure.message} ${String(failure.cause)}`, /planted/)
          return true
        },
      )
      await close(server)
    }
  })

  test('a failure that passes is not noticed', async () => {
    let asked = 0
    const { server, address } = await failing((request, response) => {
      response.setHeader('content-type', 'application/json')
      if (++asked < 3) return void response.writeHead(503).end('{"errors":["standby"]}')
      const body = request.url === '/v1/auth/token/lookup-self'
        ? { data: { ttl: 0, renewable: false } }
        : { data: { data: { b: 'value' } } }
      response.end(JSON.stringify(body))
    })
    assert.equal(await open(address, { token: 't' }).resolve('secret/a/b'), 'value')
    await close(server)
  })
})

/** Looks again a little later, for what an answer from the server changes. */
async function eventually(check: () => void): Promise<void> {
  for (let tries = 0;; tries++) {
    try {
      return check()
    } catch (failure) {
      if (tries >= 250) throw failure
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}
