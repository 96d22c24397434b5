/** Objects of a worker on one machine: linked into place, hashed once, checked when they are read. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { ObjectRef } from '../kernel/contract/media.ts'
import type { StorageProvider } from '../kernel/contract/storage.ts'
import { createLocalObjects, DamagedObject } from './transfer.ts'

function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

const lease = { taskId: 't1', leaseToken: 'token', signal: new AbortController().signal }

function openObjects(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'transfer-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  const parts = join(root, 'parts')
  mkdirSync(parts)
  const pathOf = (key: string) => join(root, 'objects', key)
  const storage: Pick<StorageProvider, 'getUploadUrl' | 'delete'> = {
    getUploadUrl({ objectKey, audience, method }) {
      assert.deepEqual([audience, method], ['worker', 'PUT'])
      mkdirSync(dirname(pathOf(objectKey)), { recursive: true })
      const headers = { 'x-part-url': pathToFileURL(join(parts, 'one')).href }
      return Promise.resolve({ url: pathToFileURL(pathOf(objectKey)).href, headers, expiresAt: 0 })
    },
    delete: ({ path }) => unlink(pathOf(path)),
  }
  const writeLocal = (text: string) => {
    const path = join(root, 'local.mp4')
    writeFileSync(path, text)
    return path
  }
  const withUrl = (object: ObjectRef) => ({
    ...object,
    url: pathToFileURL(pathOf(object.key)).href,
  })
  return { objects: createLocalObjects({ storage }), pathOf, parts, writeLocal, withUrl }
}

test('put() gives the file its second name in storage, without copying it', async (t) => {
  const { objects, pathOf, parts, writeLocal } = openObjects(t)
  const local = writeLocal('film')
  const object = await objects.put('a/film.mp4', local, 'video/mp4', lease)
  assert.deepEqual(object, { key: 'a/film.mp4', sizeBytes: 4, sha256: sha256Of('film') })
  assert.equal(statSync(pathOf('a/film.mp4')).ino, statSync(local).ino)
  assert.deepEqual(readdirSync(parts), [])
})

test('put() replaces an object of the same key', async (t) => {
  const { objects, pathOf, writeLocal } = openObjects(t)
  await objects.put('a.mp4', writeLocal('one'), 'video/mp4', lease)
  await unlink(writeLocal('one'))
  await objects.put('a.mp4', writeLocal('other'), 'video/mp4', lease)
  assert.equal(readFileSync(pathOf('a.mp4'), 'utf8'), 'other')
})

test('put() of a missing file fails and leaves nothing', async (t) => {
  const { objects, parts } = openObjects(t)
  await assert.rejects(objects.put('a.mp4', '/nowhere/a.mp4', 'video/mp4', lease), {
    code: 'ENOENT',
  })
  assert.deepEqual(readdirSync(parts), [])
})

test('read() answers the path of an object that is as it should be', async (t) => {
  const { objects, pathOf, writeLocal, withUrl } = openObjects(t)
  const object = await objects.put('a.mp4', writeLocal('film'), 'video/mp4', lease)
  assert.equal(await objects.read(withUrl(object), lease), pathOf('a.mp4'))
  writeFileSync(pathOf('b.mp4'), 'made elsewhere')
  const other = { key: 'b.mp4', sizeBytes: 14, sha256: sha256Of('made elsewhere') }
  assert.equal(await objects.read(withUrl(other), lease), pathOf('b.mp4'))
})

test('read() throws DamagedObject for one that is missing, short, or changed', async (t) => {
  const { objects, pathOf, writeLocal, withUrl } = openObjects(t)
  const object = await objects.put('a.mp4', writeLocal('film'), 'video/mp4', lease)
  await assert.rejects(objects.read(withUrl({ ...object, key: 'none.mp4' }), lease), DamagedObject)
  await assert.rejects(
    objects.read(withUrl({ ...object, sizeBytes: 5 }), lease),
    /4 bytes instead of 5/,
  )
  await assert.rejects(
    objects.read(withUrl({ ...object, sha256: sha256Of('x') }), lease),
    DamagedObject,
  )
  writeFileSync(pathOf('a.mp4'), 'fllm')
  utimesSync(pathOf('a.mp4'), 1, 1)
  await assert.rejects(objects.read(withUrl(object), lease), /does not have its hash/)
})

test('read() refuses a URL that is not of this machine', async (t) => {
  const { objects } = openObjects(t)
  const input = { key: 'a', sizeBytes: 1, sha256: sha256Of('x'), url: 'https://example.com/a' }
  await assert.rejects(objects.read(input, lease), { code: 'WE-STO-004' })
})

test('remove() deletes the object', async (t) => {
  const { objects, pathOf, writeLocal } = openObjects(t)
  await objects.put('a.mp4', writeLocal('film'), 'video/mp4', lease)
  await objects.remove('a.mp4', lease)
  assert.throws(() => statSync(pathOf('a.mp4')), { code: 'ENOENT' })
})
