/** The storage adapter with plugins that know only the messages of the specification. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { storageFrom } from './storage.ts'

const target = { bucket: 'media', path: 'a' }

/** A plugin that sends the whole object as chunks, whatever part was asked for. */
function wholeSender(...chunks: string[]) {
  return storageFrom({
    async *readStream() {
      await Promise.resolve()
      for (const chunk of chunks) yield { content: 'data', data: Buffer.from(chunk) }
    },
    call: (method) => {
      assert.equal(method, 'GetObjectMetadata')
      return Promise.resolve({ key: 'a', size: 10, etag: 'e', lastModified: 1, contentType: 'x/y' })
    },
    writeStream: () => Promise.reject(new Error('not asked for')),
  })
}

test('download() cuts a range out of what a plugin sends that knows no ranges', async () => {
  const storage = wholeSender('01', '2345', '', '6789')
  const cases = [
    [{ start: 0, end: 0 }, '0'],
    [{ start: 1, end: 6 }, '123456'],
    [{ start: 2, end: 5 }, '2345'],
    [{ start: 7 }, '789'],
    [{ start: 9, end: 99 }, '9'],
  ] as const
  for (const [range, text] of cases) {
    const { body } = await storage.download({ ...target, range })
    assert.equal(await new Response(body).text(), text)
  }
})

test('download() asks for the metadata of an object that a plugin sends without', async () => {
  const { metadata, body } = await wholeSender('0123456789').download(target)
  assert.deepEqual([metadata.size, metadata.contentType], [10, 'x/y'])
  assert.equal(await new Response(body).text(), '0123456789')
})
