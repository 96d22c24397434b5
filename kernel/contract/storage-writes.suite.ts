/** The behaviour of storages that keep what they are given: uploads, listing, signed URLs, and failures in the middle of them. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { bucket, chunksOf, type Get, isCode, put, textOf, waysToFail } from './storage.fixture.ts'

export function describeWriting(get: Get): void {
  test('upload() keeps the bytes and tells size, hash and etag', async () => {
    const summary = await put(get(), 'objects/a.txt', 'hello ', 'world')
    const sha256 = createHash('sha256').update('hello world').digest('hex')
    assert.equal(summary.size, 11)
    assert.equal(summary.sha256, sha256)
    const { metadata, body } = await get().storage.download({ bucket, path: 'objects/a.txt' })
    assert.equal(await textOf(body), 'hello world')
    assert.equal(metadata.etag, summary.etag)
  })

  test('upload() keeps an empty object', async () => {
    assert.equal((await put(get(), 'objects/empty.txt')).size, 0)
    const { body } = await get().storage.download({ bucket, path: 'objects/empty.txt' })
    assert.equal(await textOf(body), '')
  })

  test('upload() replaces an object, and its etag', async () => {
    const first = await put(get(), 'objects/again.txt', 'one')
    const second = await put(get(), 'objects/again.txt', 'other')
    assert.notEqual(first.etag, second.etag)
    const { body } = await get().storage.download({ bucket, path: 'objects/again.txt' })
    assert.equal(await textOf(body), 'other')
  })

  test('upload() that breaks off leaves what was there before, and nothing else', async () => {
    await put(get(), 'broken/old.txt', 'old')
    const breaking = async function* () {
      yield* chunksOf('new')
      throw new Error('connection lost')
    }
    for (const path of ['broken/old.txt', 'broken/new.txt']) {
      await assert.rejects(get().storage.upload({ bucket, path }, breaking()), /connection lost/)
    }
    const { objects } = await get().storage.listObjects({ bucket, prefix: 'broken/' })
    assert.deepEqual(objects.map(({ key, size }) => [key, size]), [['broken/old.txt', 3]])
  })

  test('upload() refuses bytes that have not the hash they should have', async () => {
    const sha256 = createHash('sha256').update('film').digest('hex')
    const target = { bucket, path: 'objects/hashed.txt', sha256 }
    const refused = { ...isCode('WE-STO-006'), next: 'stop' }
    for (const texts of [['fllm'], ['film', 'x'], ['fil'], []]) {
      await assert.rejects(get().storage.upload(target, chunksOf(...texts)), refused)
      const missing = get().storage.getObjectMetadata(target)
      await assert.rejects(missing, isCode('WE-STO-001'))
    }
    assert.equal((await get().storage.upload(target, chunksOf('fi', 'lm'))).sha256, sha256)
  })

  test('upload() stops when its signal is aborted', async () => {
    const controller = new AbortController()
    const endless = async function* () {
      for (;;) {
        yield* chunksOf('more')
        controller.abort(new Error('no longer wanted'))
      }
    }
    const target = { bucket, path: 'objects/aborted.txt', signal: controller.signal }
    await assert.rejects(get().storage.upload(target, endless()), /no longer wanted/)
    const missing = get().storage.getObjectMetadata({ bucket, path: 'objects/aborted.txt' })
    await assert.rejects(missing, isCode('WE-STO-001'))
  })

  test('two uploads of one key end with one of the two, whole', async () => {
    const path = 'objects/twice.bin'
    const texts = ['a', 'b'].map((letter) => letter.repeat(3_000_000))
    const summaries = await Promise.all(texts.map((text) => put(get(), path, text.slice(1), 'x')))
    const { metadata, body } = await get().storage.download({ bucket, path })
    const sha256 = createHash('sha256').update(await textOf(body)).digest('hex')
    assert.equal(metadata.size, 3_000_000)
    assert.ok(summaries.some((summary) => summary.sha256 === sha256), 'the bytes are mixed')
    await get().storage.delete({ bucket, path })
  })

  test('of uploads of one key that must be absent one succeeds, and none of what is there', async () => {
    const { storage } = get()
    const target = { bucket, path: 'a/once.txt', ifAbsent: true }
    const texts = ['one', 'two', 'three']
    const uploads = texts.map((text) => storage.upload(target, chunksOf(text)))
    const ended = await Promise.allSettled(uploads)
    const won = texts.filter((_, i) => ended[i]?.status === 'fulfilled')
    assert.deepEqual(won, [await textOf((await storage.download(target)).body)])
    for (const [i, { status }] of ended.entries()) {
      if (status === 'rejected') await assert.rejects(uploads[i]!, isCode('WE-STO-007'))
    }
    await assert.rejects(storage.upload(target, chunksOf('late')), isCode('WE-STO-007'))
    assert.deepEqual(won, [await textOf((await storage.download(target)).body)])
    await put(get(), target.path, 'replaced')
    assert.equal(await textOf((await storage.download(target)).body), 'replaced')
  })

  test('delete() removes an object, and is content when there is none', async () => {
    const target = { bucket, path: 'objects/deleted.txt' }
    await put(get(), target.path, 'x')
    await get().storage.delete(target)
    await get().storage.delete(target)
    await assert.rejects(get().storage.getObjectMetadata(target), isCode('WE-STO-001'))
  })
}

export function describeListing(get: Get): void {
  test('listObjects() lists keys of a prefix in order, in pages', async () => {
    const keys = ['list/a.txt', 'list/a/1.txt', 'list/a/2.txt', 'list/ab.txt', 'list/b/c/d.txt']
    for (const key of [...keys, 'lisp/other.txt', 'list0.txt']) await put(get(), key, 'x')
    const list = get().storage.listObjects
    const found: string[] = []
    let continuationToken: string | undefined
    let pages = 0
    do {
      const request = { bucket, prefix: 'list/', maxKeys: 2 }
      const page = await list(
        continuationToken === undefined ? request : { ...request, continuationToken },
      )
      assert.ok(page.objects.length <= 2)
      found.push(...page.objects.map(({ key }) => key))
      continuationToken = page.nextContinuationToken
      pages++
    } while (continuationToken !== undefined && pages < 10)
    assert.deepEqual(found, keys)
    assert.equal(pages, 3)
  })

  test('listObjects() takes a prefix that ends within a name, and one without objects', async () => {
    await put(get(), 'prefix/chunk-1.mp4', 'x')
    await put(get(), 'prefix/other.mp4', 'x')
    const { objects } = await get().storage.listObjects({ bucket, prefix: 'prefix/chu' })
    assert.deepEqual(objects.map(({ key }) => key), ['prefix/chunk-1.mp4'])
    assert.deepEqual(await get().storage.listObjects({ bucket, prefix: 'nothing/' }), {
      objects: [],
    })
  })
}

export function describeSignedUrls(get: Get): void {
  const sign = (objectKey: string) => ({
    bucket,
    objectKey,
    expirySeconds: 60,
    audience: 'browser' as const,
  })

  test('getUrl() names the download', async () => {
    await put(get(), 'signed/b.mp4', 'x')
    const request = {
      ...sign('signed/b.mp4'),
      method: 'GET',
      downloadName: 'My "film".mp4',
    } as const
    const answer = await get().fetch((await get().storage.getUrl(request)).url)
    assert.match(answer.headers.get('content-disposition') ?? '', /^attachment;.*filename/)
    await answer.body?.cancel()
  })

  test('getUploadUrl() takes an object, of the signed content type only', async () => {
    const request = { ...sign('signed/up.mp4'), method: 'PUT', contentType: 'video/mp4' } as const
    const { url, headers } = await get().storage.getUploadUrl(request)
    const wrong = { method: 'PUT', body: 'x', headers: { 'content-type': 'text/html' } }
    assert.equal((await get().fetch(url, wrong)).status, 403)
    const answer = await get().fetch(url, { method: 'PUT', body: 'film', headers })
    assert.ok(answer.ok, `status ${answer.status}`)
    const { body } = await get().storage.download({ bucket, path: 'signed/up.mp4' })
    assert.equal(await textOf(body), 'film')
  })

  test("getUploadUrl() with a hash takes these bytes, and refuses others as the client's mistake", async () => {
    const path = 'signed/hashed.mp4'
    const { url, headers } = await get().storage.getUploadUrl({
      ...sign(path),
      method: 'PUT',
      contentType: 'video/mp4',
      sha256: createHash('sha256').update('film').digest('hex'),
    })
    const wrong = await get().fetch(url, { method: 'PUT', body: 'fllm', headers })
    assert.ok(wrong.status === 400 || wrong.status === 422, `status ${wrong.status}`)
    assert.match(await wrong.text(), /WE-STO-006|Digest|Checksum/)
    const missing = get().storage.getObjectMetadata({ bucket, path })
    await assert.rejects(missing, isCode('WE-STO-001'))
    const right = await get().fetch(url, { method: 'PUT', body: 'film', headers })
    assert.ok(right.ok, `status ${right.status}`)
    await right.body?.cancel()
  })

  test('getUploadUrl() without a content type takes what its headers say', async () => {
    const request = { ...sign('signed/plain.mkv'), method: 'PUT' } as const
    const { url, headers } = await get().storage.getUploadUrl(request)
    const answer = await get().fetch(url, { method: 'PUT', body: Buffer.from('film'), headers })
    assert.ok(answer.ok, `status ${answer.status}`)
    const path = 'signed/plain.mkv'
    const { contentType, size } = await get().storage.getObjectMetadata({ bucket, path })
    assert.deepEqual([contentType, size], ['video/x-matroska', 4])
  })

  test('a signed URL serves no other method, object or time', async () => {
    await put(get(), 'signed/c.mp4', 'x')
    const { url } = await get().storage.getUrl({ ...sign('signed/c.mp4'), method: 'GET' })
    const forged = [
      get().fetch(url, { method: 'PUT', body: 'x' }),
      get().fetch(url.replace('signed/c.mp4', 'signed/a.mp4')),
      get().fetch(url.split('?')[0] ?? ''),
    ]
    for (const answer of await Promise.all(forged)) assert.equal(answer.status, 403)
  })
}

export function describeFailures(get: Get): void {
  for (const how of waysToFail) {
    test(`a storage that is ${how} is WE-STO-004 in every call, and harms nothing`, async (t) => {
      await put(get(), 'failing/old.txt', 'old')
      const mend = await get().fail(how)
      if (mend === undefined) return t.skip(`this storage cannot be made ${how} here`)
      try {
        const { storage } = get()
        const target = { bucket, path: 'failing/old.txt' }
        const calls = {
          upload: storage.upload({ ...target, path: 'failing/new.txt' }, chunksOf('new')),
          replace: storage.upload(target, chunksOf('new')),
          download: storage.download(target),
          metadata: storage.getObjectMetadata(target),
          list: storage.listObjects({ bucket, prefix: 'failing/' }),
          delete: storage.delete({ bucket, path: 'failing/none.txt' }),
        }
        await Promise.all(
          Object.entries(calls).map(([name, call]) =>
            assert.rejects(call, isCode('WE-STO-004'), name)
          ),
        )
      } finally {
        await mend()
      }
      // What was asked for in vain may still be done when the storage is itself again, but whole.
      const { objects } = await get().storage.listObjects({ bucket, prefix: 'failing/' })
      assert.ok(objects.some(({ key }) => key === 'failing/old.txt'))
      assert.ok(objects.every(({ size }) => size === 3), JSON.stringify(objects))
    })
  }

  test('a storage that is full is WE-STO-003, and shows nothing half-written', async (t) => {
    const mend = await get().fail('full')
    if (mend === undefined) return t.skip('this storage cannot be made full here')
    try {
      await put(get(), 'full/old.txt', 'old')
      const megabyte = 'm'.repeat(1_000_000)
      for (const path of ['full/old.txt', 'full/new.txt']) {
        const full = put(get(), path, ...Array.from({ length: 40 }, () => megabyte))
        await assert.rejects(full, isCode('WE-STO-003'))
      }
      const { objects } = await get().storage.listObjects({ bucket, prefix: 'full/' })
      assert.deepEqual(objects.map(({ key, size }) => [key, size]), [['full/old.txt', 3]])
    } finally {
      await mend()
    }
  })
}
