import assert from 'node:assert/strict'
import { test } from 'node:test'
import { browsedSourceUrl, parseStoredSource, storedSourceUrl } from './stored-source.ts'

test('parseStoredSource() reads what storedSourceUrl() writes', () => {
  for (const key of ['a.mp4', 'a/b c/映画 #1 100%?.mp4', "it's/(1)!*.mkv"]) {
    const source = { pluginId: 'storage-s3', bucket: 'my.bucket-1', key }
    assert.deepEqual(parseStoredSource(storedSourceUrl(source)), source)
  }
})

test('parseStoredSource() refuses what names no object', () => {
  const wrong = [
    'storage://',
    'storage://storage-s3',
    'storage://storage-s3/bucket',
    'storage://storage-s3/bucket/',
    'storage://Storage/bucket/a.mp4',
    'storage://storage-s3/bucket/a.mp4?x=1',
    'storage://storage-s3/bucket/%zz',
    's3://bucket/a.mp4',
  ]
  for (const text of wrong) assert.equal(parseStoredSource(text), undefined, text)
})

test('browsedSourceUrl() is a file URL on a disk, else the object', () => {
  assert.equal(browsedSourceUrl('storage-fs', '/media/a b.mp4'), 'file:///media/a%20b.mp4')
  assert.equal(
    browsedSourceUrl('storage-s3', 'bucket/dir/a b.mp4'),
    'storage://storage-s3/bucket/dir/a%20b.mp4',
  )
})
