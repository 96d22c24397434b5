import assert from 'node:assert/strict'
import { test } from 'node:test'
import { userPageFrom } from './user-page.ts'

test('userPageFrom() cuts out a page of those who have the role', () => {
  const all = (['admin', 'viewer', 'viewer', 'operator', 'viewer'] as const)
    .map((role, id) => ({ id, role }))
  const idsOf = (request: Parameters<typeof userPageFrom>[1]) => {
    const { users, totalCount } = userPageFrom(all, request)
    return [users.map((user) => user.id), totalCount]
  }
  assert.deepEqual(idsOf({ page: 1, pageSize: 2 }), [[0, 1], 5])
  assert.deepEqual(idsOf({ page: 3, pageSize: 2 }), [[4], 5])
  assert.deepEqual(idsOf({ page: 4, pageSize: 2 }), [[], 5])
  assert.deepEqual(idsOf({ page: 2, pageSize: 2, roleFilter: 'viewer' }), [[4], 3])
  assert.deepEqual(idsOf({ page: 0, pageSize: 2 }), [[0, 1], 5])
})
