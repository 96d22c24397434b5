/** The sign-in port through both adapters and a real socket. */
import assert from 'node:assert/strict'
import { ChannelCredentials } from '@grpc/grpc-js'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Authenticator, UserProfile } from '../../contract/auth.ts'
import { WebEncodeError } from '../../errors.ts'
import { silentLog } from '../../log.ts'
import { connectPlugin } from '../client.ts'
import { createPluginMetrics } from '../sdk/plugin-metrics.ts'
import { listen } from '../sdk/service-server.ts'
import { serviceOf } from '../services.ts'
import { failureFrom } from '../wire-error.ts'
import { authFrom } from './auth.ts'
import { authMethods } from './auth-methods.ts'

const ada: UserProfile = {
  userId: 'u1',
  username: 'ada',
  email: 'ada@example.com',
  displayName: 'Ada ü',
  role: 'operator',
  createdAtUnix: 1_700_000_000,
  lastLoginUnix: 0,
}

/** The port as the kernel sees it, over a socket. */
async function overTheWire(t: TestContext, auth: Authenticator): Promise<Authenticator> {
  const directory = mkdtempSync(join(tmpdir(), 'auth-'))
  const socket = join(directory, 's')
  const served = {
    pillar: 'auth',
    methods: authMethods(auth),
    selfTest: () => Promise.resolve([]),
    metrics: createPluginMetrics('auth'),
    log: silentLog,
  } as const
  const server = await listen(served, socket)
  const connection = connectPlugin(`unix:${socket}`, ChannelCredentials.createInsecure())
  t.after(async () => {
    connection.close()
    await server.close(1000)
    rmSync(directory, { recursive: true })
  })
  return authFrom({
    async call(name, request) {
      const method = serviceOf('auth')[name]
      assert.ok(method)
      try {
        return await connection.unary(method, request)
      } catch (failure) {
        throw failureFrom(failure, { plugin: 'p', pillar: 'auth', method: name, timeoutMs: 1 })
      }
    },
  })
}

const request = { token: 't', scheme: 'bearer', clientIp: '::1', userAgent: 'x' } as const
const nobody = { ...ada, valid: false, metadata: {}, expiresAtUnix: 0 }

function authWith(overrides: Partial<Authenticator>): Authenticator {
  return {
    authenticate: () => Promise.resolve(nobody),
    getUserProfile: (userId) => Promise.resolve(userId === 'u1' ? ada : undefined),
    listUsers: ({ roleFilter }) =>
      Promise.resolve({ users: roleFilter === 'admin' ? [] : [ada], totalCount: 1 }),
    logout: () => Promise.resolve(),
    ...overrides,
  }
}

test('authFrom() and authMethods() carry every answer', async (t) => {
  const ended: unknown[] = []
  const auth = await overTheWire(
    t,
    authWith({
      authenticate: (asked) => {
        assert.deepEqual(asked, request)
        const { userId, username, email, role } = ada
        return Promise.resolve({
          valid: true,
          userId,
          username,
          email,
          role,
          metadata: { group: 'a' },
          expiresAtUnix: 7,
        })
      },
      logout: (asked) => Promise.resolve(void ended.push(asked)),
    }),
  )
  const answer = await auth.authenticate(request)
  assert.deepEqual([answer.role, answer.metadata, answer.expiresAtUnix], ['operator', {
    group: 'a',
  }, 7])
  assert.deepEqual(await auth.getUserProfile('u1'), ada)
  assert.equal(await auth.getUserProfile('u2'), undefined)
  assert.deepEqual(await auth.listUsers({ page: 1, pageSize: 5 }), { users: [ada], totalCount: 1 })
  assert.deepEqual((await auth.listUsers({ page: 1, pageSize: 5, roleFilter: 'admin' })).users, [])
  await auth.logout({ userId: 'u1', sessionId: 's' })
  assert.deepEqual(ended, [{ userId: 'u1', sessionId: 's', allSessions: false }])
})

test('an answer that is not valid names nobody', async (t) => {
  const answer = await (await overTheWire(t, authWith({}))).authenticate(request)
  assert.deepEqual([answer.valid, answer.userId, answer.role], [false, '', 'viewer'])
})

test('a role that nobody knows, and a failure with a code, are refused with their codes', async (t) => {
  const role = 'root' as 'admin'
  const auth = await overTheWire(
    t,
    authWith({
      authenticate: () => Promise.resolve({ ...nobody, valid: true, role }),
      getUserProfile: () =>
        Promise.reject(
          new WebEncodeError('WE-AUTH-005', 'The directory is gone', { retryAfterSeconds: 3 }),
        ),
    }),
  )
  await assert.rejects(auth.authenticate(request), { code: 'WE-AUTH-005', message: /found "root"/ })
  await assert.rejects(auth.getUserProfile('u1'), { code: 'WE-AUTH-005', retryAfterSeconds: 3 })
})
