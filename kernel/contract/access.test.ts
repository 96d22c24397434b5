import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authorizeRole, highestRole, mayDo, roleCovers } from './access.ts'
import { roles } from './auth.ts'

test('the roles have what the specification gives them', () => {
  const of = (work: (role: (typeof roles)[number]) => boolean) => roles.filter(work)
  assert.deepEqual(of((role) => mayDo(role, 'job', 'read')), ['viewer', 'operator', 'admin'])
  assert.deepEqual(of((role) => mayDo(role, 'worker', 'read')), ['viewer', 'operator', 'admin'])
  for (const resource of ['job', 'stream', 'restream'] as const) {
    assert.deepEqual(of((role) => mayDo(role, resource, 'create')), ['operator', 'admin'])
    assert.deepEqual(of((role) => mayDo(role, resource, 'update')), ['operator', 'admin'])
  }
  assert.deepEqual(of((role) => mayDo(role, 'worker-log', 'read')), ['operator', 'admin'])
  assert.deepEqual(of((role) => mayDo(role, 'worker', 'execute')), ['admin'])
  assert.deepEqual(of((role) => mayDo(role, 'plugin', 'update')), ['admin'])
  assert.deepEqual(of((role) => mayDo(role, 'profile', 'update')), ['admin'])
  assert.deepEqual(of((role) => mayDo(role, 'audit', 'read')), ['admin'])
})

test('authorizeRole() refuses what the table does not know, and says why', () => {
  const ask = (action: string, resourceType: string, role: 'viewer' | undefined = 'viewer') =>
    authorizeRole(role, { action, resourceType })
  assert.deepEqual(ask('read', 'job'), { allowed: true, reason: '' })
  assert.match(ask('create', 'job').reason, /needs the role operator, and yours is viewer/)
  for (
    const [action, resource] of [['read', 'nothing'], ['explode', 'job'], ['update', 'audit'], [
      'read',
      'constructor',
    ], ['constructor', 'job']]
  ) {
    assert.equal(ask(action ?? '', resource ?? '').allowed, false)
  }
  assert.equal(authorizeRole(undefined, { action: 'read', resourceType: 'job' }).allowed, false)
})

test('roles include those below them', () => {
  assert.deepEqual(
    roles.map((role) => roles.map((needed) => roleCovers(role, needed))),
    [[true, false, false], [true, true, false], [true, true, true]],
  )
  assert.equal(highestRole(['viewer', 'admin', 'operator']), 'admin')
  assert.equal(highestRole([]), undefined)
})
