/** Objects by URL against a real HTTP server that breaks, lies, refuses and stalls. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { type Clock, systemClock } from '../kernel/clock.ts'
import { WebEncodeError } from '../kernel/errors.ts'
import { silentLog } from '../kernel/log.ts'
import type { UrlPurpose } from './object-questions.ts'
import { createRemoteObjects } from './remote-objects.ts'
import { DamagedObject, type ObjectLease } from './transfer.ts'

const film = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251))

function refOf(bytes: Uint8Array, key = 'jobs/1/work/a.mp4') {
  return { key, sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}

/** Waits are over at once: what is waited for here has its own tests. */
const hastyClock: Clock = { ...systemClock, sleep: (_, signal) => systemClock.sleep(0, signal) }

type Answer = (request: IncomingMessage, response: ServerResponse, nth: number) => void

/** A worker and a storage whose answers the test scripts; `path` of a URL tells which question it answered. */
async function openWorker(t: TestContext, answer: Answer, cacheBytes = 10_000_000) {
  const directory = mkdtempSync(join(tmpdir(), 'remote-'))
  let requests = 0
  const server = createServer((request, response) => answer(request, response, ++requests))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  t.after(() => {
    server.close()
    server.closeAllConnections()
    rmSync(directory, { recursive: true, force: true })
  })
  const asked: UrlPurpose[] = []
  const moved = { in: 0, out: 0 }
  const stop = new AbortController()
  const lease: ObjectLease = { taskId: 't1', leaseToken: 'token', signal: stop.signal }
  const cacheDirectory = join(directory, 'cache')
  const objects = createRemoteObjects({
    urlFor(_, purpose) {
      asked.push(purpose)
      const url = `http://127.0.0.1:${port}/${asked.length}`
      return Promise.resolve({ url, headers: { 'x-signed': 'yes' }, isResumable: true })
    },
    removeObject: () => Promise.resolve(),
    cacheDirectory,
    cacheBytes,
    clock: hastyClock,
    log: silentLog,
    onTransfer: (direction, bytes) => void (moved[direction] += bytes),
  })
  const input = { ...refOf(film), url: `http://127.0.0.1:${port}/brief` }
  const write = (bytes: Uint8Array) => {
    const path = join(directory, 'local.mp4')
    writeFileSync(path, bytes)
    return path
  }
  const read = (from = input) => objects.read(from, lease)
  const put = (bytes: Uint8Array) => objects.put('k', write(bytes), 'video/mp4', lease)
  const kept = () => readdirSync(cacheDirectory)
  return {
    objects,
    lease,
    stop,
    asked,
    moved,
    input,
    read,
    put,
    write,
    kept,
    count: () => requests,
  }
}

/** Sends the film, or the range of it that is asked for, up to `limit` bytes; then the connection breaks. */
function sendFilm(
  request: IncomingMessage,
  response: ServerResponse,
  { bytes = film, limit = Infinity } = {},
): void {
  const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
  const range = { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` }
  response.writeHead(start > 0 ? 206 : 200, {
    'content-length': bytes.length - start,
    ...(start > 0 && range),
  })
  const part = bytes.subarray(start, start + limit)
  if (part.length === bytes.length - start) response.end(part)
  else response.write(part, () => response.destroy())
}

test('read() downloads an object once and answers its path', async (t) => {
  const { read, moved, count, asked, objects, lease } = await openWorker(t, (request, response) => {
    sendFilm(request, response)
  })
  const [path, same] = await Promise.all([read(), read()])
  assert.deepEqual(readFileSync(path), film)
  assert.equal(same, path)
  objects.release(lease)
  assert.equal(await read(), path)
  assert.deepEqual([count(), asked.length, moved], [1, 0, { in: film.length, out: 0 }])
})

test('read() continues a broken connection at the same byte, with a new URL', async (t) => {
  const { read, moved, asked, kept } = await openWorker(t, (request, response, nth) => {
    sendFilm(request, response, nth <= 3 ? { limit: 70_000 } : {})
  })
  assert.deepEqual(readFileSync(await read()), film)
  assert.equal(moved.in, film.length)
  assert.deepEqual(asked[0], { method: 'GET', key: 'jobs/1/work/a.mp4' })
  assert.deepEqual(kept(), [refOf(film).sha256])
})

test('read() asks for a new URL when the one of the brief has expired', async (t) => {
  const { read } = await openWorker(t, (request, response) => {
    if (request.url === '/brief') response.writeHead(403).end()
    else sendFilm(request, response)
  })
  assert.deepEqual(readFileSync(await read()), film)
})

test('read() throws DamagedObject for what is missing, short, long or changed, after a clean retry', async (t) => {
  const changed = Buffer.from(film)
  changed[7] = 255
  const cases: [Answer, RegExp][] = [
    [(_, response) => void response.writeHead(404).end(), /is missing/],
    [
      (request, response) => sendFilm(request, response, { bytes: film.subarray(1) }),
      /299999 bytes/,
    ],
    [(_, response) => void response.end(Buffer.concat([film, film])), /bytes instead of 300000/],
    [
      (request, response) => sendFilm(request, response, { bytes: changed }),
      /does not have its hash/,
    ],
  ]
  for (const [answer, message] of cases) {
    const { read, count, kept } = await openWorker(t, answer)
    await assert.rejects(read(), (failure: Error) => {
      assert.ok(failure instanceof DamagedObject, String(failure))
      assert.match(failure.message, message)
      return true
    })
    assert.deepEqual([count(), kept()], [2, []])
  }
})

test('read() believes a clean retry', async (t) => {
  const { read } = await openWorker(t, (request, response, nth) => {
    sendFilm(request, response, nth === 1 ? { bytes: Buffer.alloc(film.length) } : {})
  })
  assert.deepEqual(readFileSync(await read()), film)
})

test('read() gives up a storage that stays broken with WE-STO-004, and one that redirects', async (t) => {
  const down = await openWorker(t, (_, response) => void response.writeHead(503).end())
  await assert.rejects(down.read(), { code: 'WE-STO-004' })
  assert.equal(down.count(), 12)
  const headers = { location: 'http://127.0.0.1:1/elsewhere' }
  const astray = await openWorker(t, (_, response) => void response.writeHead(302, headers).end())
  await assert.rejects(astray.read(), { code: 'WE-STO-004', message: /redirects/ })
  assert.equal(astray.count(), 1)
})

test('a transfer that is cancelled ends at once and leaves no file', async (t) => {
  const { promise: isReading, resolve } = Promise.withResolvers<void>()
  const { read, stop, kept } = await openWorker(t, (_, response) => {
    response.writeHead(200, { 'content-length': film.length })
    response.write(film.subarray(0, 1000), () => resolve())
  })
  const reading = read()
  await isReading
  stop.abort(new Error('the lease was lost'))
  await assert.rejects(reading, /the lease was lost/)
  assert.deepEqual(kept(), [])
})

test('release() ends what a failed task was still reading', async (t) => {
  const { promise: isReading, resolve } = Promise.withResolvers<void>()
  const { read, objects, lease, kept } = await openWorker(t, (_, response) => {
    response.writeHead(200, { 'content-length': film.length })
    response.write(film.subarray(0, 1000), () => resolve())
  })
  const reading = read()
  await isReading
  objects.release(lease)
  await assert.rejects(reading, /has ended/)
  assert.deepEqual(kept(), [])
})

test('put() sends a small file whole, with its digest and the headers that were signed', async (t) => {
  const bodies: Buffer[] = []
  const { put, asked, moved } = await openWorker(t, (request, response) => {
    const { headers } = request
    const digest = createHash('sha256').update(film).digest('base64')
    assert.equal(headers['repr-digest'], `sha-256=:${digest}:`)
    assert.equal(headers['x-signed'], 'yes')
    request.on('data', (chunk: Buffer) => bodies.push(chunk))
    request.on('end', () => response.writeHead(201).end())
  })
  assert.deepEqual(await put(film), refOf(film, 'k'))
  assert.deepEqual(Buffer.concat(bodies), film)
  const { sha256 } = refOf(film, 'k')
  assert.deepEqual(asked, [{ method: 'PUT', key: 'k', contentType: 'video/mp4', sha256 }])
  assert.equal(moved.out, film.length)
})

test('put() tries again when the connection broke, and puts an empty file', async (t) => {
  const { put, asked } = await openWorker(t, (request, response, nth) => {
    if (nth === 1) return void request.destroy()
    request.resume().on('end', () => response.writeHead(201).end())
  })
  assert.deepEqual(await put(Buffer.alloc(0)), refOf(Buffer.alloc(0), 'k'))
  assert.equal(asked.length, 2)
})

test('put() says what the storage says: full, refused, or no lease', async (t) => {
  const answering = (status: number) =>
    openWorker(t, (request, response) => {
      request.resume().on('end', () => response.writeHead(status).end())
    })
  const full = await answering(507)
  await assert.rejects(full.put(film), { code: 'WE-STO-003' })
  assert.equal(full.count(), 1)
  const refused = await answering(403)
  await assert.rejects(refused.put(film), { code: 'WE-STO-002' })
  assert.equal(refused.count(), 2)
})

test('put() reads a file again that arrived with another hash, once, and sends what it is now', async (t) => {
  const other = Buffer.alloc(1000, 1)
  const worker = await openWorker(t, (request, response, nth) => {
    request.resume().on('end', () => {
      if (nth === 1) worker.write(other)
      response.writeHead(nth === 1 ? 422 : 201).end()
    })
  })
  const stored = await worker.put(film)
  assert.deepEqual(stored, refOf(other, 'k'))
  const hashes = worker.asked.map((purpose) => 'sha256' in purpose && purpose.sha256)
  assert.deepEqual(hashes, [refOf(film).sha256, refOf(other).sha256])
})

test('put() gives up bytes that do not have their hash twice, whatever storage says so', async (t) => {
  const refusals: [number, string][] = [
    [422, JSON.stringify({ error: { code: 'WE-STO-006' } })],
    [400, '<?xml version="1.0"?><Error><Code>BadDigest</Code><Message>…</Message></Error>'],
    [400, '<Error><Code>XAmzContentChecksumMismatch</Code></Error>'],
  ]
  for (const [status, text] of refusals) {
    const { put, count } = await openWorker(t, (request, response) => {
      request.resume().on('end', () => response.writeHead(status).end(text))
    })
    await assert.rejects(put(film), { code: 'WE-STO-006', next: 'stop' })
    assert.equal(count(), 2)
  }
  const { put, count } = await openWorker(t, (request, response) => {
    request.resume().on('end', () => response.writeHead(400).end('<Code>MalformedXML</Code>'))
  })
  await assert.rejects(put(film), { code: 'WE-STO-004' })
  assert.equal(count(), 1)
})

test('put() understands a refusal that comes before all was sent, and one that breaks off', async (t) => {
  const early = await openWorker(t, (request, response) => {
    response.writeHead(422).end('wrong')
    request.resume()
  })
  await assert.rejects(early.put(Buffer.alloc(8_000_000)), { code: 'WE-STO-006' })
  const broken = await openWorker(t, (request, response) => {
    response.writeHead(422, { 'content-length': 100 })
    request.resume().on('end', () => response.write('half', () => response.destroy()))
  })
  await assert.rejects(broken.put(film), { code: 'WE-STO-006' })
  assert.deepEqual([early.count(), broken.count()], [2, 2])
})

test('put() of a file that is not there fails without asking', async (t) => {
  const { objects, lease, asked } = await openWorker(t, () => assert.fail('not asked'))
  await assert.rejects(objects.put('k', '/nowhere/a.mp4', 'video/mp4', lease), { code: 'ENOENT' })
  assert.deepEqual(asked, [])
})

test('sourceUrl() waits for a kernel, and believes that there is no lease', async (t) => {
  const { lease } = await openWorker(t, () => {})
  const answers = [new WebEncodeError('WE-SYS-003', 'nobody answers'), 'http://a/source']
  const directory = mkdtempSync(join(tmpdir(), 'remote-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const objects = createRemoteObjects({
    urlFor(_, purpose) {
      assert.deepEqual(purpose, { method: 'GET' })
      const answer = answers.shift() ?? new WebEncodeError('WE-WRK-004', 'no', { next: 'stop' })
      if (answer instanceof WebEncodeError) return Promise.reject(answer)
      return Promise.resolve({ url: answer, headers: {} })
    },
    removeObject: () => Promise.resolve(),
    cacheDirectory: directory,
    cacheBytes: 0,
    clock: hastyClock,
    log: silentLog,
  })
  assert.equal(await objects.sourceUrl?.(lease), 'http://a/source')
  await assert.rejects(objects.sourceUrl?.(lease) ?? Promise.resolve(), { code: 'WE-WRK-004' })
})
