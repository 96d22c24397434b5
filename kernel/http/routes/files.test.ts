import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import { createRuntime } from '../../runtime/serve.ts'
import { as, type Bench, multipart, openBench, post } from '../fixture.ts'

let bench: Bench
before(async () => {
  bench = await openBench({ config: { maxUploadBytes: 1 << 20 } })
})
beforeEach(() => bench.objects.clear())
after(() => bench.close())

const url = '/v1/files/upload'

const form = (...parts: [string, string | File][]) => multipart(as('operator'), ...parts)

async function codeOf(response: Response, status: number): Promise<string> {
  const text = await response.text()
  assert.equal(response.status, status, text)
  return (JSON.parse(text) as { error: { code: string } }).error.code
}

describe('POST /v1/files/upload', () => {
  test('stores the file of a form', async () => {
    const file = new File(['hello'], '../../Fílm 1.MP4', { type: 'video/mp4' })
    const response = await bench.app.request(
      url,
      await form(['plugin_id', 'storage-test'], ['file', file]),
    )
    assert.equal(response.status, 201)
    const stored = await response.json() as Record<string, unknown>
    const key = String(stored['object_key'])
    assert.match(key, /^uploads\/[0-9a-f-]{36}\/Fi_lm_1\.MP4$/)
    assert.deepEqual(stored, {
      plugin_id: 'storage-test',
      bucket: 'media',
      object_key: key,
      url: `fs://${key}`,
      size_bytes: 5,
      sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
    })
    assert.equal(Buffer.from(bench.objects.get(key) ?? []).toString(), 'hello')
  })

  test('stores a bare body under the name of the query or of the header', async () => {
    const send = (path: string, headers: Record<string, string> = {}) =>
      bench.app.request(path, {
        method: 'POST',
        headers: { ...as('operator'), ...headers },
        body: 'abc',
      })
    assert.equal((await send(`${url}?name=a.mp4`)).status, 201)
    assert.equal((await send(url, { 'x-file-name': '%E5%8B%95.mkv' })).status, 201)
    const names = [...bench.objects.keys()].map((key) => key.split('/')[2])
    assert.deepEqual(names, ['a.mp4', 'upload.mkv'])
    assert.equal(await codeOf(await send(url), 400), 'WE-JOB-001')
    assert.equal(await codeOf(await send(url, { 'x-file-name': '%zz' }), 400), 'WE-JOB-001')
  })

  test('refuses a bare body that has not its Repr-Digest, or one that cannot be read', async () => {
    const send = (reprDigest: string) =>
      bench.app.request(`${url}?name=a.mp4`, {
        method: 'POST',
        headers: { ...as('operator'), 'repr-digest': reprDigest },
        body: 'hello',
      })
    const wrong = [`sha-256=:${'A'.repeat(43)}=:`, 'sha-256=:AAAA:', 'sha-256=hello']
    for (const reprDigest of wrong) {
      assert.equal(await codeOf(await send(reprDigest), 422), 'WE-STO-006', reprDigest)
    }
    assert.equal(bench.objects.size, 0)
    const right = await send('sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:')
    assert.equal(right.status, 201, await right.text())
  })

  test('refuses what is too large, declared or not, and keeps nothing', async () => {
    const big = new Uint8Array((1 << 20) + 1)
    const streamed = (headers: Record<string, string>) =>
      ({
        method: 'POST',
        headers: { ...as('operator'), ...headers },
        body: new Blob([big]).stream(),
        duplex: 'half',
      }) as RequestInit
    const file = new File([big], 'big.mp4')
    assert.equal(
      await codeOf(await bench.app.request(url, await form(['file', file])), 413),
      'WE-SYS-006',
    )
    const bare = await bench.app.request(`${url}?name=a`, streamed({}))
    assert.equal(await codeOf(bare, 413), 'WE-SYS-006')
    const declared = await bench.app.request(
      `${url}?name=a`,
      streamed({ 'content-length': '99999999' }),
    )
    assert.equal(await codeOf(declared, 413), 'WE-SYS-006')
    assert.equal(bench.objects.size, 0)
  })

  test('stores a file of exactly the limit', async () => {
    const file = new File([new Uint8Array(1 << 20)], 'limit.mp4')
    assert.equal((await bench.app.request(url, await form(['file', file]))).status, 201)
  })

  test('answers 507 when the disk is full', async () => {
    const file = new File(['DISK FULL'], 'a.mp4')
    assert.equal(
      await codeOf(await bench.app.request(url, await form(['file', file])), 507),
      'WE-STO-003',
    )
  })

  test('takes an empty file: what it is worth is for the probe to say', async () => {
    const response = await bench.app.request(url, await form(['file', new File([], 'empty.mp4')]))
    assert.equal(response.status, 201)
  })

  test('refuses forms without a file, or with none chosen, and broken forms', async () => {
    const cases: RequestInit[] = [
      await form(['name', 'x']),
      await form(['other', new File(['x'], 'x.mp4')]),
      await form(['file', new File([], '')]),
      { method: 'POST', headers: as('operator') },
      {
        method: 'POST',
        headers: { ...as('operator'), 'content-type': 'multipart/form-data' },
        body: 'no boundary',
      },
      {
        method: 'POST',
        headers: { ...as('operator'), 'content-type': 'multipart/form-data; boundary=b' },
        body: '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\ncut off',
      },
      {
        method: 'POST',
        headers: { ...as('operator'), 'content-type': 'multipart/form-data; boundary=b' },
        body: 'not a form at all',
      },
    ]
    for (const [i, init] of cases.entries()) {
      assert.equal(await codeOf(await bench.app.request(url, init), 400), 'WE-JOB-001', `case ${i}`)
    }
    assert.equal(bench.objects.size, 0)
  })

  test('keeps nothing of a connection that breaks', { timeout: 20_000 }, async () => {
    const runtime = await createRuntime()
    const server = await runtime.serve({
      app: bench.app,
      port: 0,
      host: '127.0.0.1',
      graceMs: 1000,
    })
    const head = (type: string, path: string) =>
      `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer operator\r\n` +
      `Content-Type: ${type}\r\nContent-Length: 1000\r\n\r\n`
    const part =
      '--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\nsome bytes'
    const requests = [
      head('multipart/form-data; boundary=b', url) + part,
      head('video/mp4', `${url}?name=a.mp4`) + 'some bytes',
    ]
    const answered = () => bench.logLines.filter((line) => line.includes('"answered"')).length
    const before = answered()
    for (const text of requests) {
      const socket = connect(server.port, '127.0.0.1')
      await new Promise<void>((resolve) => socket.write(text, () => resolve()))
      socket.destroy()
    }
    while (answered() < before + requests.length) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    assert.equal(bench.objects.size, 0)
    await server.close()
  })
})

describe('the storage', () => {
  const get = (path: string) => bench.app.request(path, { headers: as('operator') })

  test('says what it can do and where it starts', async () => {
    assert.deepEqual(await (await get('/v1/files/capabilities')).json(), [{
      plugin_id: 'storage-test',
      storage_type: 'test',
      supports_browse: true,
      supports_upload: true,
      supports_signed_urls: true,
    }])
    assert.deepEqual(await (await get('/v1/files/roots')).json(), [
      { name: 'media', path: '/media', plugin_id: 'storage-test', storage_type: 'test' },
    ])
  })

  test('is browsed', async () => {
    const response = await get('/v1/files/browse?plugin=storage-test&path=/media&media_only=true')
    const folder = await response.json() as { current_path: string; entries: { name: string }[] }
    assert.equal(folder.current_path, '/media')
    assert.deepEqual(folder.entries.map(({ name }) => name), ['media'])
    assert.equal(await codeOf(await get('/v1/files/browse?plugin=other'), 404), 'WE-PLG-001')
    assert.equal(await codeOf(await get('/v1/files/browse?path=%00'), 400), 'WE-JOB-001')
    assert.equal(await codeOf(await get('/v1/files/browse?media_only=maybe'), 400), 'WE-JOB-001')
  })
})

describe('POST /v1/files/upload-url', () => {
  const ask = (body: object, role: 'viewer' | 'operator' = 'operator') =>
    bench.app.request('/v1/files/upload-url', post(body, as(role)))

  test('signs an upload to a new key, or to the one that is wished for', async () => {
    const response = await ask({ file_name: '../a film.MP4', content_type: 'video/mp4' })
    assert.equal(response.status, 201)
    const signed = await response.json() as Record<string, unknown>
    assert.match(String(signed['object_key']), /^uploads\/[0-9a-f-]{36}\/a_film\.MP4$/)
    assert.match(String(signed['upload_url']), /^http:.*\/v1\/objects\/media\/uploads\//)
    assert.equal(signed['url'], `fs://${String(signed['object_key'])}`)
    assert.deepEqual([signed['plugin_id'], signed['method']], ['storage-test', 'PUT'])
    const bare = { method: 'POST', headers: as('operator') }
    assert.equal((await bench.app.request('/v1/files/upload-url', bare)).status, 201)
    const wished = await ask({
      plugin_id: 'storage-test',
      bucket: 'media',
      object_key: 'uploads/video.mp4',
    })
    const { url } = await wished.json() as { url: string }
    assert.equal(url, 'storage://storage-test/media/uploads/video.mp4')
  })

  test('refuses keys that are not for uploads, keys that are taken, and unknown storages', async () => {
    bench.objects.set('uploads/1/taken.mp4', new Uint8Array(1))
    const refused: [object, string][] = [
      [{ object_key: 'jobs/1/out/a.mp4' }, 'WE-STO-002'],
      [{ object_key: 'uploads/../jobs/1/out/a.mp4' }, 'WE-STO-002'],
    ]
    for (const [body, code] of refused) assert.equal(await codeOf(await ask(body), 403), code)
    assert.equal(await codeOf(await ask({ object_key: 'uploads/1/taken.mp4' }), 409), 'WE-STO-007')
    assert.equal(await codeOf(await ask({ plugin_id: 'storage-none' }), 404), 'WE-PLG-001')
    assert.equal(await codeOf(await ask({ object_key: 'a\0b' }), 400), 'WE-JOB-001')
    assert.equal(await codeOf(await ask({}, 'viewer'), 403), 'WE-AUTH-003')
    const file = new File(['hello'], 'a.mp4')
    for (const field of [['plugin_id', 'storage-none'], ['object_key', 'logs/a']] as const) {
      const response = await bench.app.request(url, await form([...field], ['file', file]))
      assert.ok([403, 404].includes(response.status))
    }
  })
})

describe('/v1/objects', () => {
  test('is answered by the storage, or by nobody', async () => {
    assert.equal(
      await codeOf(await bench.app.request('/v1/objects/media/a?x=1'), 404),
      'WE-SYS-007',
    )
    const own = await openBench({
      db: bench.db,
      serveObject: async (request) =>
        Response.json({ method: request.method, body: await request.text() }, { status: 201 }),
    })
    const body = 'x'.repeat(own.config.maxBodyBytes + 1)
    const response = await own.app.request('/v1/objects/media/a', { method: 'PUT', body })
    assert.equal(response.status, 201)
    assert.equal((await response.json() as { body: string }).body.length, body.length)
    assert.match(response.headers.get('content-security-policy') ?? '', /sandbox/)
    await own.close()
  })
})
