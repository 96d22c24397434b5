import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { as, type Bench, insertTestJob, openBench } from '../fixture.ts'

const sha256 = 'a'.repeat(64)
const bytes = new TextEncoder().encode('0123456789')
let bench: Bench
before(async () => {
  bench = await openBench()
  const object = { key: 'jobs/done/out/1/film.mp4', sizeBytes: 10, sha256 }
  const outputs = [{ name: 'fílm "1".mp4', type: 'final', object, contentType: 'video/mp4' }]
  await insertTestJob(bench.db, 'done', { status: 'completed', outputs })
  bench.objects.set(object.key, bytes)
  bench.objects.set('jobs/done/logs/done.probe.00000.1.log', bytes)
})
after(() => bench.close())

const path = `/v1/jobs/done/outputs/${encodeURIComponent('fílm "1".mp4')}`
const get = (url: string, headers: Record<string, string> = {}, method = 'GET') =>
  bench.app.request(url, { method, headers: { ...as('viewer'), ...headers } })

describe('GET /v1/jobs/{id}/outputs', () => {
  test('lists outputs with links that are absolute', async () => {
    const response = await get('http://box.test:8080/v1/jobs/done/outputs')
    assert.deepEqual(await response.json(), {
      job_id: 'done',
      status: 'completed',
      outputs: [{
        name: 'fílm "1".mp4',
        type: 'final',
        content_type: 'video/mp4',
        profile: 'test_profile',
        size_bytes: 10,
        sha256,
        url: `http://box.test:8080${path}`,
        download_url: 'http://box.test:8080/v1/objects/media/jobs/done/out/1/film.mp4?signature=x',
      }],
    })
  })
})

describe('GET /v1/jobs/{id}/outputs/{name}', () => {
  test('sends the file', async () => {
    const response = await get(path)
    assert.equal(response.status, 200)
    assert.equal(await response.text(), '0123456789')
    const { headers } = response
    assert.equal(headers.get('content-type'), 'video/mp4')
    assert.equal(headers.get('content-length'), '10')
    assert.equal(headers.get('accept-ranges'), 'bytes')
    assert.equal(headers.get('etag'), `"${sha256}"`)
    assert.equal(
      headers.get('content-disposition'),
      `attachment; filename="f_lm _1_.mp4"; filename*=UTF-8''f%C3%ADlm%20%221%22.mp4`,
    )
    assert.match(headers.get('content-security-policy') ?? '', /sandbox/)
  })

  test('sends ranges', async () => {
    const cases = [
      ['bytes=0-0', '0', 'bytes 0-0/10'],
      ['bytes=4-6', '456', 'bytes 4-6/10'],
      ['bytes=7-', '789', 'bytes 7-9/10'],
      ['bytes=-2', '89', 'bytes 8-9/10'],
      ['bytes=5-999', '56789', 'bytes 5-9/10'],
      ['bytes=-999', '0123456789', 'bytes 0-9/10'],
    ]
    for (const [range = '', body = '', contentRange] of cases) {
      const response = await get(path, { range })
      assert.equal(response.status, 206, range)
      assert.equal(await response.text(), body, range)
      assert.equal(response.headers.get('content-range'), contentRange)
      assert.equal(response.headers.get('content-length'), String(body.length))
    }
  })

  test('sends everything for a range that is malformed', async () => {
    for (const range of ['bytes=a-b', 'bytes=-', 'bytes=6-4', 'lines=0-1', 'bytes=0-1,3-4']) {
      const response = await get(path, { range })
      assert.equal(response.status, 200, range)
      assert.equal(await response.text(), '0123456789')
    }
  })

  test('refuses a range outside of the file', async () => {
    for (const range of ['bytes=10-', 'bytes=10-20', 'bytes=-0', 'bytes=99999999999999999999-']) {
      const response = await get(path, { range })
      assert.equal(response.status, 416, range)
      assert.equal(response.headers.get('content-range'), 'bytes */10')
      assert.match(await response.text(), /WE-STO-005/)
    }
  })

  test('knows what the client has', async () => {
    for (const tags of [`"${sha256}"`, `"older", W/"${sha256}"`, '*']) {
      assert.equal((await get(path, { 'if-none-match': tags })).status, 304, tags)
    }
    assert.equal((await get(path, { 'if-none-match': '"older"' })).status, 200)
    assert.equal((await get(path, { range: 'bytes=0-1', 'if-range': `"${sha256}"` })).status, 206)
    assert.equal((await get(path, { range: 'bytes=0-1', 'if-range': '"older"' })).status, 200)
  })

  test('answers HEAD without opening the file', async () => {
    const key = 'jobs/done/out/1/film.mp4'
    bench.objects.delete(key)
    const response = await get(path, {}, 'HEAD')
    bench.objects.set(key, bytes)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-length'), '10')
    assert.equal(await response.text(), '')
  })

  test('knows no other names', async () => {
    const codeOf = async (name: string) => {
      const { error } = await (await get(`/v1/jobs/done/outputs/${name}`)).json() as {
        error: { code: string }
      }
      return error.code
    }
    assert.equal(await codeOf('other.mp4'), 'WE-STO-001')
    assert.equal(await codeOf('..%2F..%2Fetc%2Fpasswd'), 'WE-JOB-001')
    assert.equal(await codeOf('%00'), 'WE-JOB-001')
  })
})

describe('logs', () => {
  test('are listed and read as text', async () => {
    const { logs } = await (await get('/v1/jobs/done/logs')).json() as { logs: unknown[] }
    const name = 'done.probe.00000.1.log'
    assert.deepEqual(logs, [{ name, size_bytes: 10, modified_at: '2023-11-14T22:13:20.000Z' }])
    const response = await get(`/v1/jobs/done/logs/${name}`, { range: 'bytes=-3' })
    assert.equal(response.status, 206)
    assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8')
    assert.equal(response.headers.get('content-disposition'), 'inline')
    assert.equal(await response.text(), '789')
    assert.equal((await get('/v1/jobs/done/logs/missing.log')).status, 404)
  })
})
