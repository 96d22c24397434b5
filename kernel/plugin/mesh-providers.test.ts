/** Plugins of the mesh as storages and as a way to sign in. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pillar } from '../contract/plugin.ts'
import type { PluginMesh, ServingPlugin } from '../contract/plugin-mesh.ts'
import { WebEncodeError } from '../errors.ts'
import { createMeshSignIn } from './mesh-sign-in.ts'
import { createMeshStorages } from './mesh-storages.ts'

type Answer = (pluginId: string, method: string, request: object) => unknown

/** A mesh of these plugins, `id` or `id:priority`, that all answer alike; `ruled` is whom its rules name for what. */
function meshOf(
  pillar: Pillar,
  plugins: readonly string[],
  answer: Answer,
  ruled: Readonly<Record<string, readonly string[]>> = {},
): PluginMesh {
  const serving = plugins.map((text) => {
    const [id = '', priority = '0'] = text.split(':')
    return { manifest: { id }, state: 'healthy', priority: Number(priority) } as ServingPlugin
  })
  return {
    call: (id, method, request) => Promise.resolve(answer(id, method, request)),
    readStream: () => assert.fail('nothing is read'),
    writeStream: () => assert.fail('nothing is written'),
    pillarOf: (id) => id.startsWith(pillar) ? pillar : undefined,
    listServing: (asked) => (asked === pillar ? serving : []),
    route: ({ value }) => Promise.resolve(ruled[value] ?? []),
  }
}

const request = { token: 't', scheme: 'bearer', clientIp: '', userAgent: '' } as const

function user(userId: string, role = 'operator') {
  return { valid: true, userId, username: 'ann', email: '', role, metadata: {}, expiresAtUnix: 0 }
}

test('createMeshStorages() lists who serves, and calls each by its own id', async () => {
  const storages = createMeshStorages(
    meshOf('storage', ['storage-a', 'storage-b'], (id) => ({ storageType: id })),
  )
  const types = await Promise.all(
    storages.list().map(async ({ id, storage }) => [
      id,
      (await storage.getCapabilities()).storageType,
    ]),
  )
  assert.deepEqual(types, [['storage-a', 'storage-a'], ['storage-b', 'storage-b']])
  assert.equal(storages.list()[0]?.storage, storages.list()[0]?.storage)
  // It does not serve: whoever calls it is told why.
  assert.equal(storages.find('storage-c')?.id, 'storage-c')
  assert.equal(storages.find('auth-a'), undefined)
})

test('createMeshSignIn() asks the higher priority first, and names users by their plugin', async () => {
  const asked: string[] = []
  const auth = createMeshSignIn(meshOf('auth', ['auth-low', 'auth-high:5'], (id, method) => {
    asked.push(`${id} ${method}`)
    return id === 'auth-low' ? user('7') : { ...user(''), valid: false }
  }))
  const answer = await auth.authenticate(request)
  assert.deepEqual([answer.valid, answer.userId], [true, 'plugin:auth-low:7'])
  assert.deepEqual(asked, ['auth-high Authenticate', 'auth-low Authenticate'])
})

test('createMeshSignIn() asks first whom the rules name for the method', async () => {
  const asked: string[] = []
  const mesh = meshOf('auth', ['auth-a:5', 'auth-b'], (id) => {
    asked.push(id)
    return { ...user(''), valid: false }
  }, { basic: ['auth-b'] })
  const auth = createMeshSignIn(mesh)
  await auth.authenticate({ ...request, scheme: 'basic' })
  await auth.authenticate(request)
  assert.deepEqual(asked, ['auth-b', 'auth-a', 'auth-a', 'auth-b'])
})

test('createMeshSignIn() never hands a link or the word of a proxy to a plugin', async () => {
  const auth = createMeshSignIn(meshOf('auth', ['auth-a'], () => assert.fail('asked')))
  for (const scheme of ['one-time', 'upstream'] as const) {
    assert.equal((await auth.authenticate({ ...request, scheme })).valid, false)
  }
})

test('createMeshSignIn() finds a user at their plugin alone', async () => {
  const auth = createMeshSignIn(meshOf('auth', ['auth-a', 'auth-b'], (id, method, asked) => {
    assert.deepEqual([id, method, asked], ['auth-b', 'GetUserProfile', { userId: 'x:y' }])
    return { ...user('x:y'), displayName: '', createdAtUnix: 0, lastLoginUnix: 0 }
  }))
  assert.equal((await auth.getUserProfile('plugin:auth-b:x:y'))?.userId, 'plugin:auth-b:x:y')
  assert.equal(await auth.getUserProfile('ldap:ann'), undefined)
  const may = (action: 'create' | 'delete', resourceType: string) =>
    auth.authorize({ userId: 'plugin:auth-b:x:y', action, resourceType })
  assert.equal((await may('create', 'job')).allowed, true)
  assert.equal((await may('delete', 'worker')).allowed, false)
})

test('createMeshSignIn() goes on to the next plugin, and says when nobody could answer', async () => {
  const broken = () => {
    throw new WebEncodeError('WE-PLG-004', 'gone')
  }
  const one = createMeshSignIn(
    meshOf('auth', ['auth-a', 'auth-b'], (id) => id === 'auth-a' ? broken() : user('1')),
  )
  assert.equal((await one.authenticate(request)).userId, 'plugin:auth-b:1')
  const none = createMeshSignIn(meshOf('auth', ['auth-a'], broken))
  await assert.rejects(none.authenticate(request), { code: 'WE-AUTH-005' })
})
