/** The behaviour that every storage provider must show: run it with a function that opens an empty one. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  chunksOf,
  type Get,
  isCode,
  type OpenStorage,
  placed,
  placeOf,
  signedFor,
  textOf,
  waysToFail,
} from './storage.fixture.ts'
import {
  describeFailures,
  describeListing,
  describeSignedUrls,
  describeWriting,
} from './storage-writes.suite.ts'

/**
 * Declares the suite. @param open - opens an empty storage; called once, closed at the end
 * @param options.isReadOnly - it keeps nothing, lists nothing and signs nothing: keys are addresses of what others serve
 */
export function describeStorage(
  name: string,
  open: () => Promise<OpenStorage>,
  { skip = false, isReadOnly = false }: {
    readonly skip?: string | false
    readonly isReadOnly?: boolean
  } = {},
): void {
  describe(name, { timeout: 60_000, skip }, () => {
    let opened: OpenStorage
    before(async () => {
      opened = await open()
    })
    after(async () => {
      await opened.close()
    })
    const get = () => opened
    describeReading(get)
    describeKeys(get)
    if (isReadOnly) return describeReadOnly(get)
    describeNames(get)
    describeWriting(get)
    describeListing(get)
    describeSignedUrls(get)
    describeFailures(get)
  })
}

function describeReading(get: Get): void {
  test('download() sends a range, both ends included', async () => {
    const target = await placed(get(), 'objects/range.txt', '0123456789')
    const read = async (range: { start: number; end?: number }) =>
      await textOf((await get().storage.download({ ...target, range })).body)
    assert.equal(await read({ start: 2, end: 4 }), '234')
    assert.equal(await read({ start: 7 }), '789')
    assert.equal(await read({ start: 8, end: 99 }), '89')
  })

  test('download() and getObjectMetadata() of a missing object throw WE-STO-001', async () => {
    const target = placeOf(get(), 'objects/none.txt')
    await assert.rejects(get().storage.download(target), isCode('WE-STO-001'))
    await assert.rejects(get().storage.getObjectMetadata(target), isCode('WE-STO-001'))
  })

  test('getObjectMetadata() tells size, time and content type, also of an empty object', async () => {
    for (const text of ['abc', '']) {
      const target = await placed(get(), `objects/film${text}.mp4`, text)
      const metadata = await get().storage.getObjectMetadata(target)
      assert.equal(metadata.size, text.length)
      assert.equal(metadata.contentType, 'video/mp4')
      assert.ok(Math.abs(metadata.lastModified - Date.now() / 1000) < 3600)
      const whole = await get().storage.download(target)
      assert.deepEqual([await textOf(whole.body), whole.metadata], [text, metadata])
    }
  })

  test('getUrl() gives a browser the object, whole or in part', async () => {
    const target = await placed(get(), 'signed/a.mp4', '0123456789')
    const { url } = await get().storage.getUrl(signedFor(target))
    const whole = await get().fetch(url)
    assert.equal(whole.status, 200)
    assert.equal(whole.headers.get('content-type'), 'video/mp4')
    assert.equal(await whole.text(), '0123456789')
    const part = await get().fetch(url, { headers: { range: 'bytes=2-4' } })
    assert.equal(part.status, 206)
    assert.equal(part.headers.get('content-range'), 'bytes 2-4/10')
    assert.equal(await part.text(), '234')
  })

  test('a URL of a missing object answers 404', async () => {
    const target = placeOf(get(), 'signed/none.mp4')
    assert.equal(
      (await get().fetch((await get().storage.getUrl(signedFor(target))).url)).status,
      404,
    )
  })
}

function describeReadOnly(get: Get): void {
  test('what it cannot do is refused with WE-STO-002', async () => {
    const { storage } = get()
    const target = await placed(get(), 'refused/a.txt', 'kept')
    const calls = [
      storage.upload(target, chunksOf('x')),
      storage.delete(target),
      storage.listObjects({ bucket: target.bucket, prefix: '' }),
      storage.getUploadUrl({ ...signedFor(target), method: 'PUT' }),
      storage.browse({ path: '' }),
    ]
    await Promise.all(calls.map((call) => assert.rejects(call, isCode('WE-STO-002'))))
    const { supportsUpload, supportsBrowse, supportsSignedUrls } = await storage.getCapabilities()
    assert.deepEqual([supportsUpload, supportsBrowse, supportsSignedUrls], [false, false, false])
    assert.deepEqual(await storage.browseRoots(), [])
    assert.equal(await textOf((await storage.download(target)).body), 'kept')
  })

  for (const how of waysToFail) {
    test(`a storage that is ${how} is WE-STO-004 to who reads, and is itself again after`, async (t) => {
      const target = await placed(get(), 'failing/read.txt', 'old')
      const mend = await get().fail(how)
      if (mend === undefined) return t.skip(`this storage cannot be made ${how} here`)
      const { storage } = get()
      try {
        const calls = [storage.download(target), storage.getObjectMetadata(target)]
        await Promise.all(calls.map((call) => assert.rejects(call, isCode('WE-STO-004'))))
      } finally {
        await mend()
      }
      assert.equal(await textOf((await storage.download(target)).body), 'old')
    })
  }
}

/** Keys that no storage takes. */
const badKeys = [
  '',
  '/etc/passwd',
  '../outside',
  'a/../../outside',
  'a/..',
  './a',
  'a//b',
  'a/',
  'a\0b',
  'a\nb',
  '..\\outside',
  'a\ud800',
  'x'.repeat(1025),
  'é/'.repeat(341) + 'xx',
]

/** 1,024 bytes, the most that a key may have, in names that a file system takes too. */
const longestKey = ['keys', 'é'.repeat(100), 'x'.repeat(200), '映'.repeat(60), 'y'.repeat(200)]
  .join('/') + `/${'z'.repeat(235)}`

function describeKeys(get: Get): void {
  test('every call refuses a bad key with WE-STO-002', async () => {
    const { storage } = get()
    for (const path of badKeys) {
      const target = placeOf(get(), path)
      const calls = [
        storage.upload(target, chunksOf('x')),
        storage.download(target),
        storage.delete(target),
        storage.getObjectMetadata(target),
        storage.getUrl(signedFor(target)),
        storage.getUploadUrl({ ...signedFor(target), method: 'PUT', audience: 'worker' }),
      ]
      await Promise.all(
        calls.map((call, i) =>
          assert.rejects(call, isCode('WE-STO-002'), `call ${i} with ${JSON.stringify(path)}`)
        ),
      )
    }
  })

  test('keys may have spaces, dots and any script', async () => {
    const names = ['a b.txt', '...txt', '映画 🎬.txt', "it's (1)!*.txt"]
    for (const path of [...names.map((name) => `keys/${name}`), longestKey]) {
      await expectRead(get(), path)
    }
  })
}

function describeNames(get: Get): void {
  test('keys may have what means something in an address', async () => {
    await expectRead(get(), 'keys/100%?#&+.txt')
  })
}

async function expectRead(opened: OpenStorage, path: string): Promise<void> {
  const target = await placed(opened, path, path)
  assert.equal(await textOf((await opened.storage.download(target)).body), path)
  const { url } = await opened.storage.getUrl(signedFor(target))
  assert.equal(await (await opened.fetch(url)).text(), path)
}
