import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StorageProvider } from './contract/storage.ts'
import { createStorages } from './storages.ts'

const storage = {} as StorageProvider
const named = (id: string) => ({ id, storage })

test('createStorages() finds each storage by its id, and the main one without', () => {
  const storages = createStorages(named('storage-s3'), [named('storage-fs')])
  assert.equal(storages.get(), storages.main)
  assert.equal(storages.get('storage-fs').id, 'storage-fs')
  assert.deepEqual(storages.list().map(({ id }) => id), ['storage-s3', 'storage-fs'])
  assert.throws(() => storages.get('storage-x'), {
    code: 'WE-PLG-001',
    message: 'There is no storage plugin "storage-x"; there is storage-s3, storage-fs',
  })
})

test('createStorages() finds a plugin that does not serve now, and lists it not', () => {
  const storages = createStorages(named('main'), [], {
    list: () => [named('storage-a'), named('main')],
    find: (id) => id.startsWith('storage-') ? named(id) : undefined,
  })
  assert.deepEqual(storages.list().map(({ id }) => id), ['main', 'storage-a'])
  assert.equal(storages.get('storage-b').id, 'storage-b')
  assert.throws(() => storages.get('publisher-a'), { code: 'WE-PLG-001' })
})

test('createStorages() refuses two storages with one id', () => {
  assert.throws(() => createStorages(named('a'), [named('a')]), TypeError)
})
