import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { after, before, beforeEach, test } from 'node:test'
import { ResumableUploads } from '../../resumable-uploads.ts'
import { createRuntime } from '../../runtime/serve.ts'
import { as, type Bench, openBench } from '../fixture.ts'

let bench: Bench
before(async () => {
  bench = await openBench({ config: { maxUploadBytes: 1000 } })
})
beforeEach(() => bench.objects.clear())
after(() => bench.close())

const path = '/v1/files/tus'
const tus = { 'tus-resumable': '1.0.0' }
const operator = { ...as('operator'), ...tus }
const filename = (name: string) => `filename ${Buffer.from(name).toString('base64')}`

function begin(length: number, headers: Record<string, string> = {}) {
  return bench.app.request(path, {
    method: 'POST',
    headers: {
      ...operator,
      'upload-length': String(length),
      'upload-metadata': filename('../a film.MP4'),
      ...headers,
    },
  })
}

function patch(location: string, offset: number, body: string, headers: object = operator) {
  return bench.app.request(location, {
    method: 'PATCH',
    headers: {
      ...headers,
      'upload-offset': String(offset),
      'content-type': 'application/offset+octet-stream',
    },
    body,
  })
}

const ask = (location: string) => bench.app.request(location, { method: 'HEAD', headers: operator })

async function begun(length: number): Promise<string> {
  const response = await begin(length)
  assert.equal(response.status, 201, await response.clone().text())
  return response.headers.get('location') ?? ''
}

async function codeOf(response: Response, status: number): Promise<string> {
  const text = await response.text()
  assert.equal(response.status, status, text)
  return (JSON.parse(text) as { error: { code: string } }).error.code
}

const keys = () => [...bench.objects.keys()]

test('OPTIONS tells what is understood', async () => {
  const response = await bench.app.request(path, { method: 'OPTIONS', headers: as('operator') })
  assert.equal(response.status, 204)
  assert.equal(response.headers.get('tus-version'), '1.0.0')
  assert.equal(response.headers.get('tus-max-size'), '1000')
  assert.match(response.headers.get('tus-extension') ?? '', /creation.*termination.*expiration/)
  assert.equal(response.headers.get('access-control-allow-origin'), null)
})

test('an upload of three requests becomes a source, and leaves no piece', async () => {
  const response = await begin(11)
  const location = response.headers.get('location') ?? ''
  assert.match(location, /^\/v1\/files\/tus\/[0-9a-f-]{36}$/)
  const source = response.headers.get('webencode-source') ?? ''
  assert.match(source, /^fs:\/\/uploads\/[0-9a-f-]{36}\/a_film\.MP4$/)
  for (const [offset, text] of [[0, 'hello'], [5, ' '], [6, 'world']] as const) {
    const added = await patch(location, offset, text)
    assert.equal(added.status, 204, await added.text())
    assert.equal(added.headers.get('upload-offset'), String(offset + text.length))
    const asked = await ask(location)
    assert.equal(asked.headers.get('upload-offset'), String(offset + text.length))
    assert.equal(asked.headers.get('upload-length'), '11')
    assert.equal(asked.headers.get('webencode-source'), source)
  }
  const key = source.slice('fs://'.length)
  assert.equal(Buffer.from(bench.objects.get(key) ?? []).toString(), 'hello world')
  assert.deepEqual(keys().filter((each) => each.endsWith('.part')), [])
})

test('an upload may bring its first bytes, or have none at all', async () => {
  const first = await bench.app.request(path, {
    method: 'POST',
    headers: {
      ...operator,
      'upload-length': '4',
      'content-type': 'application/offset+octet-stream',
    },
    body: 'fi',
  })
  assert.deepEqual([first.status, first.headers.get('upload-offset')], [201, '2'])
  await patch(first.headers.get('location') ?? '', 2, 'lm')
  const empty = await begin(0)
  const sizes = [first, empty].map(({ headers }) =>
    bench.objects.get((headers.get('webencode-source') ?? '').slice('fs://'.length))?.length
  )
  assert.deepEqual(sizes, [4, 0])
})

test('what is too large is refused with 413, before and while it comes', async () => {
  assert.equal(await codeOf(await begin(1001), 413), 'WE-SYS-006')
  const location = await begun(4)
  assert.equal(await codeOf(await patch(location, 0, 'too long'), 413), 'WE-SYS-006')
  assert.equal((await ask(location)).headers.get('upload-offset'), '0')
})

test('what is wrong is refused with what it is', async () => {
  const location = await begun(4)
  assert.equal((await patch(location, 2, 'lm')).status, 409)
  assert.equal((await patch(location, 0, 'film', as('operator'))).status, 412)
  assert.equal((await begin(-1)).status, 400)
  const long = { 'upload-metadata': filename('x'.repeat(4000)) }
  assert.equal(await codeOf(await begin(4, long), 400), 'WE-JOB-001')
  for (const id of ['00000000-0000-4000-8000-000000000000', '..', 'facts.json']) {
    assert.ok([404, 400].includes((await ask(`${path}/${id}`)).status), id)
  }
  const full = await patch(await begun(9), 0, 'DISK FULL')
  assert.equal(await codeOf(full, 507), 'WE-STO-003')
})

test('a file that has not the hash of its metadata is 422, and nothing is kept of it', async () => {
  const sha256 = createHash('sha256').update('film').digest('hex')
  const named = (hash: string) => ({
    'upload-metadata': `${filename('a.mp4')},sha256 ${Buffer.from(hash).toString('base64')}`,
  })
  const location = (await begin(4, named(sha256))).headers.get('location') ?? ''
  assert.equal((await patch(location, 0, 'fl')).status, 204)
  assert.equal(await codeOf(await patch(location, 2, 'lm'), 422), 'WE-STO-006')
  assert.deepEqual(keys(), [])
  assert.equal((await ask(location)).status, 404)
  const again = (await begin(4, named(sha256))).headers.get('location') ?? ''
  assert.equal((await patch(again, 0, 'film')).status, 204)
  assert.ok(keys().some((key) => key.endsWith('/a.mp4')))
  bench.objects.clear()
  for (const hash of ['', 'xyz', sha256.toUpperCase()]) {
    assert.equal(await codeOf(await begin(4, named(hash)), 422), 'WE-STO-006', hash)
  }
  assert.equal(await codeOf(await begin(0, named(sha256)), 422), 'WE-STO-006')
  assert.deepEqual(keys(), [])
})

test('only operators may upload, and a browser must show its token', async () => {
  const location = await begun(4)
  for (const [headers, status] of [[{}, 401], [as('viewer'), 403]] as const) {
    const all = { ...tus, ...headers }
    const statuses = [
      (await bench.app.request(path, { method: 'POST', headers: all })).status,
      (await bench.app.request(location, { method: 'HEAD', headers: all })).status,
      (await bench.app.request(location, { method: 'DELETE', headers: all })).status,
      (await patch(location, 0, 'film', all)).status,
    ]
    assert.deepEqual(statuses, [status, status, status, status])
  }
  assert.equal((await ask(location)).headers.get('upload-offset'), '0')
})

test('DELETE gives an upload up', async () => {
  const location = await begun(4)
  await patch(location, 0, 'fi')
  const response = await bench.app.request(location, { method: 'DELETE', headers: operator })
  assert.equal(response.status, 204)
  assert.deepEqual(keys(), [])
  assert.equal((await ask(location)).status, 404)
})

test('an upload goes on as long as something comes each day, then it expires and is deleted', async () => {
  const hourMs = 3_600_000
  const uploads = new ResumableUploads(bench)
  const location = await begun(6)
  bench.moveClock(20 * hourMs)
  assert.equal((await patch(location, 0, 'fi')).status, 204)
  bench.moveClock(20 * hourMs)
  assert.equal(await uploads.removeExpired(), 0)
  const expires = (await patch(location, 2, 'lm')).headers.get('upload-expires') ?? ''
  assert.ok(Date.parse(expires) > bench.clock.now(), expires)
  bench.moveClock(25 * hourMs)
  assert.equal((await ask(location)).status, 404)
  assert.equal(await uploads.removeExpired(), 1)
  assert.deepEqual(keys(), [])
})

test('a connection that hangs lets go when another one asks, and what it brought is kept', {
  timeout: 20_000,
}, async () => {
  const runtime = await createRuntime()
  const server = await runtime.serve({
    app: bench.app,
    port: 0,
    host: '127.0.0.1',
    graceMs: 1000,
  })
  const location = await begun(100)
  const socket = connect(server.port, '127.0.0.1')
  const head = `PATCH ${location} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer operator\r\n` +
    'Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Length: 100\r\n' +
    'Content-Type: application/offset+octet-stream\r\n\r\n'
  socket.on('error', () => {})
  socket.write(`${head}some bytes`)
  while ((await ask(location)).headers.get('upload-offset') !== '10') {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  socket.destroy()
  assert.equal((await patch(location, 10, 'x'.repeat(90))).status, 204)
  await server.close()
})
