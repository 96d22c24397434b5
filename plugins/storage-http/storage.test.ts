/** Web servers as a storage: the common suite, and servers that do not do as they are asked. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { describeStorage } from '../../kernel/contract/storage.suite.ts'
import { createOutbound } from '../../kernel/outbound.ts'
import { createHttpStorage } from './storage.ts'
import { openWebStorage, startTestWeb, type TestWeb } from './test-web.ts'

const allowedHosts = ['127.0.0.1']

describeStorage('http storage', async () => {
  const outbound = createOutbound({ allowedHosts, responseTimeoutMs: 1000 })
  return await openWebStorage(createHttpStorage({ outbound }))
}, { isReadOnly: true })

describe('createHttpStorage()', { timeout: 60_000 }, () => {
  const outbound = createOutbound({ allowedHosts, idleTimeoutMs: 500 })
  const storage = createHttpStorage({ outbound, now: () => 1_000_000 })
  let web: TestWeb
  before(async () => {
    web = await startTestWeb()
    web.files.set('/film.mp4?key=secret', '0123456789')
  })
  beforeEach(() => {
    web.manner = 'well'
    web.requests.length = 0
  })
  after(() => web.shut())

  const place = () => ({ bucket: web.origin, path: 'film.mp4?key=secret' })
  const read = async (range?: { start: number; end?: number }) => {
    const { body } = await storage.download({ ...place(), ...range && { range } })
    return await new Response(body).text()
  }

  test('knows the facts of an object without reading it', async () => {
    const { lastModified, ...facts } = await storage.getObjectMetadata(place())
    assert.deepEqual(facts, {
      key: 'film.mp4?key=secret',
      size: 10,
      etag: '10',
      contentType: 'video/mp4',
    })
    assert.ok(Math.abs(lastModified - Date.now() / 1000) < 3600)
    assert.deepEqual(web.requests.map(({ method, headers }) => [method, headers.range]), [
      ['GET', 'bytes=0-0'],
    ])
  })

  test('reads a part from servers that know no ranges, or no lengths', async () => {
    for (const manner of ['without ranges', 'without lengths'] as const) {
      web.manner = manner
      assert.equal(await read({ start: 2, end: 4 }), '234', manner)
      assert.equal(await read({ start: 9 }), '9', manner)
      assert.equal(await read(), '0123456789', manner)
      const { size } = await storage.getObjectMetadata(place())
      assert.equal(size, manner === 'without ranges' ? 10 : 0)
    }
    web.manner = 'without ranges'
    await assert.rejects(read({ start: 10 }), { code: 'WE-STO-005' })
  })

  test('a range behind the end is WE-STO-005', async () => {
    await assert.rejects(read({ start: 10 }), { code: 'WE-STO-005' })
  })

  test('a body that breaks off, or other bytes than were asked for, are WE-STO-004', async () => {
    web.manner = 'half'
    await assert.rejects(read(), { code: 'WE-STO-004', message: /broke off after 5 bytes/ })
    web.manner = 'other ranges'
    await assert.rejects(read({ start: 2 }), { code: 'WE-STO-004', message: /other bytes/ })
  })

  test('statuses have the codes of the port, and no sentence the query', async () => {
    const codes: [number, string][] = [
      [401, 'WE-STO-002'],
      [403, 'WE-STO-002'],
      [404, 'WE-STO-001'],
      [410, 'WE-STO-001'],
      [429, 'WE-STO-004'],
      [500, 'WE-STO-004'],
      [204, 'WE-STO-004'],
    ]
    for (const [status, code] of codes) {
      web.statuses.set('/refused?key=secret', status)
      const target = { bucket: web.origin, path: 'refused?key=secret' }
      for (const call of [storage.getObjectMetadata(target), storage.download(target)]) {
        await assert.rejects(call, (failure: Error & { code?: string }) => {
          assert.equal(failure.code, code, String(status))
          assert.doesNotMatch(failure.message, /secret/)
          return true
        })
      }
    }
  })

  test('no refusal tells the query', async () => {
    const target = { bucket: web.origin, path: 'film.mp4?key=secret\n' }
    for (const call of [storage.download(target), storage.delete(place())]) {
      await assert.rejects(call, (failure: Error) => {
        assert.match(failure.message, /film\.mp4"/)
        assert.doesNotMatch(failure.message, /secret/)
        return true
      })
    }
  })

  test('private addresses are refused, also behind a redirect', async () => {
    web.redirects.set('/moved', '/film.mp4?key=secret')
    web.redirects.set('/astray', 'http://10.0.0.1/film.mp4')
    const at = (path: string, bucket = web.origin) => storage.getObjectMetadata({ bucket, path })
    assert.equal((await at('moved')).size, 10)
    await assert.rejects(at('astray'), { code: 'WE-STO-002', message: /10\.0\.0\.1/ })
    const inside = { bucket: 'http://192.168.0.1', path: 'a' }
    await assert.rejects(storage.download(inside), { code: 'WE-STO-002' })
    const sign = { expirySeconds: 60, method: 'GET', audience: 'worker' } as const
    const url = storage.getUrl({ ...sign, bucket: inside.bucket, objectKey: inside.path })
    await assert.rejects(url, { code: 'WE-STO-002' })
  })

  test('a bucket is an origin, and nothing else', async () => {
    const { host } = new URL(web.origin)
    const wrong = ['media', host, `${web.origin}/`, `${web.origin}/films`, `ftp://${host}`, '']
    for (const bucket of [...wrong, `http://user:password@${host}`, `${web.origin}?a=`]) {
      const asked = storage.getObjectMetadata({ bucket, path: 'film.mp4' })
      await assert.rejects(asked, { code: 'WE-STO-002' }, bucket)
    }
    assert.deepEqual(web.requests, [])
  })

  test('a URL is the address itself, and ends when it was asked to', async () => {
    const { bucket, path: objectKey } = place()
    const request = {
      bucket,
      objectKey,
      expirySeconds: 60,
      method: 'GET',
      audience: 'worker',
    } as const
    assert.deepEqual(await storage.getUrl(request), {
      url: `${web.origin}/film.mp4?key=secret`,
      headers: {},
      expiresAt: 1060,
    })
  })
})
