/** Uploads in pieces: broken and continued, asked about, refused, and never seen half. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { WebEncodeError } from '../../kernel/errors.ts'
import { silentLog } from '../../kernel/log.ts'
import { createFsStorage, type FsStorage } from './storage.ts'

const film = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251))
const digest = digestOf(film)

function digestOf(bytes: Uint8Array): string {
  return `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`
}

interface Bench {
  readonly root: string
  readonly time: { now: number }
  /** A server on the directory; any number of them may be opened. */
  readonly openServer: () => FsStorage
}

function openFor(t: TestContext, root = mkdtempSync(join(tmpdir(), 'pieces-'))): Bench {
  t.after(() => rmSync(root, { recursive: true, force: true }))
  const time = { now: Date.now() }
  const openServer = () =>
    createFsStorage({
      root,
      signingKey: new Uint8Array(32).fill(7),
      publicPath: '/v1/objects',
      workerUrlBase: () => 'http://kernel.test:8080/',
      now: () => time.now,
      log: silentLog,
    })
  return { root, time, openServer }
}

async function uploadUrl(storage: FsStorage, expirySeconds = 60): Promise<string> {
  const request = { bucket: 'media', objectKey: 'jobs/1/out/a.mp4', method: 'PUT' } as const
  const signed = await storage.getUploadUrl({ ...request, expirySeconds, audience: 'worker' })
  assert.equal(signed.isResumable, true)
  return signed.url
}

/** What a PUT answers: the status and how far the upload is, or the code of a refusal and what to do next. */
async function put(
  storage: FsStorage,
  url: string,
  range: string,
  { body, reprDigest = digest }: { body?: BodyInit; reprDigest?: string | null } = {},
) {
  const headers = new Headers({ 'content-range': range })
  if (reprDigest !== null) headers.set('repr-digest', reprDigest)
  const init = { method: 'PUT', headers, body: body ?? null, duplex: 'half' } as const
  try {
    const answer = await storage.serve(new Request(url, init))
    return [answer.status, answer.headers.get('range')]
  } catch (failure) {
    assert.ok(failure instanceof WebEncodeError, String(failure))
    return [failure.code, failure.next]
  }
}

/** A body that brings these bytes and then breaks, or goes silent until the test ends. */
function endingIn(end: 'break' | 'silence', bytes: Uint8Array, onSilence = () => {}) {
  let isSent = false
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (!isSent) {
        isSent = true
        return controller.enqueue(bytes)
      }
      if (end === 'break') throw new WebEncodeError('WE-STO-004', 'the connection broke')
      onSilence()
      return new Promise(() => {})
    },
  }, { highWaterMark: 0 })
}

function objectOf({ root }: Bench): Buffer | undefined {
  const path = join(root, 'media/jobs/1/out/a.mp4')
  return existsSync(path) ? readFileSync(path) : undefined
}

function partsOf({ root }: Bench): string[] {
  return readdirSync(join(root, 'media/.part'))
}

test('serve() puts an object together from its pieces, whoever of several servers gets them', async (t) => {
  const bench = openFor(t)
  const one = bench.openServer()
  const other = bench.openServer()
  const url = await uploadUrl(one)
  assert.match(url, /^http:\/\/kernel\.test:8080\/v1\/objects\/media\//)
  const first = { body: film.subarray(0, 400) }
  assert.deepEqual(await put(one, url, 'bytes 0-399/1000', first), [308, 'bytes=0-399'])
  assert.equal(objectOf(bench), undefined)
  // A new URL of the same object continues, whoever signed it.
  bench.time.now += 10_000
  const last = { body: film.subarray(400) }
  assert.deepEqual(await put(other, await uploadUrl(other), 'bytes 400-999/1000', last), [
    201,
    null,
  ])
  assert.deepEqual(objectOf(bench), film)
  assert.deepEqual(partsOf(bench), [])
})

test('serve() tells how far an upload is, and keeps what came before the connection broke', async (t) => {
  const bench = openFor(t)
  const storage = bench.openServer()
  const url = await uploadUrl(storage)
  assert.deepEqual(await put(storage, url, 'bytes */1000'), [308, null])
  const broken = { body: endingIn('break', film.subarray(0, 300)) }
  assert.deepEqual(await put(storage, url, 'bytes 0-999/1000', broken), ['WE-STO-004', 'retry'])
  assert.deepEqual(await put(storage, url, 'bytes */1000'), [308, 'bytes=0-299'])
  const rest = { body: film.subarray(300) }
  assert.deepEqual(await put(storage, url, 'bytes 300-999/1000', rest), [201, null])
  assert.deepEqual(objectOf(bench), film)
})

test('serve() takes a piece that overlaps, and none that leaves a gap', async (t) => {
  const bench = openFor(t)
  const storage = bench.openServer()
  const url = await uploadUrl(storage)
  await put(storage, url, 'bytes 0-399/1000', { body: film.subarray(0, 400) })
  const gap = { body: film.subarray(500) }
  assert.deepEqual(await put(storage, url, 'bytes 500-999/1000', gap), [308, 'bytes=0-399'])
  const overlap = { body: film.subarray(200, 600) }
  assert.deepEqual(await put(storage, url, 'bytes 200-599/1000', overlap), [308, 'bytes=0-599'])
  await put(storage, url, 'bytes 600-999/1000', { body: film.subarray(600) })
  assert.deepEqual(objectOf(bench), film)
})

test('serve() says that an upload is whole when its last answer was lost', async (t) => {
  const bench = openFor(t)
  const storage = bench.openServer()
  const url = await uploadUrl(storage)
  await put(storage, url, 'bytes 0-999/1000', { body: film })
  assert.deepEqual(await put(storage, url, 'bytes */1000'), [201, null])
  const another = { reprDigest: digestOf(Buffer.from('another')) }
  assert.deepEqual(await put(storage, url, 'bytes */1000', another), [308, null])
})

test('serve() refuses an object that has not its digest, and shows nothing of it', async (t) => {
  const bench = openFor(t)
  const storage = bench.openServer()
  const url = await uploadUrl(storage)
  const wrong = { body: Buffer.alloc(1000, 1) }
  assert.deepEqual(await put(storage, url, 'bytes 0-999/1000', wrong), ['WE-STO-006', 'stop'])
  assert.equal(objectOf(bench), undefined)
  assert.deepEqual(partsOf(bench), [])
  const whole = new Request(url, {
    method: 'PUT',
    body: wrong.body,
    headers: { 'repr-digest': `sha-512=:AAAA:, ${digest}` },
  })
  await assert.rejects(storage.serve(whole), { code: 'WE-STO-006' })
  assert.equal(objectOf(bench), undefined)
  assert.deepEqual(partsOf(bench), [])
})

test('serve() refuses ranges and digests that cannot be read, and pieces of another length', async (t) => {
  const bench = openFor(t)
  const storage = bench.openServer()
  const url = await uploadUrl(storage)
  const bad = ['bytes 0-1000/1000', 'bytes 5-4/1000', 'bytes 0-4/*', 'bytes */0', 'items 0-1/2', '']
  for (const range of [...bad, `bytes 0-1/${'9'.repeat(20)}`]) {
    assert.deepEqual(await put(storage, url, range, { body: 'x' }), ['WE-STO-005', 'stop'], range)
  }
  for (const reprDigest of ['sha-256=:AAAA:', 'sha-256=x', 'sha-256=::']) {
    const refused = await put(storage, url, 'bytes 0-0/1000', { body: 'x', reprDigest })
    assert.deepEqual(refused, ['WE-STO-006', 'stop'], reprDigest)
  }
  const [short, long] = [{ body: film.subarray(0, 5) }, { body: film.subarray(0, 20) }]
  assert.deepEqual(await put(storage, url, 'bytes 0-9/1000', short), ['WE-STO-004', 'retry'])
  assert.deepEqual(await put(storage, url, 'bytes 0-9/1000', long), ['WE-STO-004', 'retry'])
  assert.deepEqual(await put(storage, url, 'bytes */1000'), [308, 'bytes=0-9'])
})

test('serve() refuses a piece of another content type, or by an expired URL', async (t) => {
  const bench = openFor(t)
  const storage = bench.openServer()
  const request = { bucket: 'media', objectKey: 'a.mp4', method: 'PUT' } as const
  const terms = { contentType: 'video/mp4', audience: 'worker', expirySeconds: 60 } as const
  const { url, headers } = await storage.getUploadUrl({ ...request, ...terms })
  assert.deepEqual(headers, { 'content-type': 'video/mp4' })
  assert.deepEqual(await put(storage, url, 'bytes */10'), ['WE-STO-002', 'stop'])
  bench.time.now += 61_000
  const late = await put(storage, await uploadUrl(storage, 1), 'bytes */10')
  assert.deepEqual(late, [308, null])
  bench.time.now += 2_000
  assert.deepEqual(await put(storage, url, 'bytes */10'), ['WE-STO-002', 'stop'])
})

test('a newer request ends an older one that has gone silent', async (t) => {
  const bench = openFor(t)
  const storage = bench.openServer()
  const url = await uploadUrl(storage)
  const { promise: isSilent, resolve } = Promise.withResolvers<void>()
  const body = endingIn('silence', film.subarray(0, 100), resolve)
  const older = put(storage, url, 'bytes 0-999/1000', { body })
  await isSilent
  const newer = put(storage, url, 'bytes */1000')
  assert.deepEqual(await older, ['WE-STO-004', 'retry'])
  assert.deepEqual(await newer, [308, 'bytes=0-99'])
})

test('uploads of one key never mix: by their digest, or by their URL when they have none', async (t) => {
  const bench = openFor(t)
  const storage = bench.openServer()
  const other = Buffer.alloc(1000, 9)
  const url = await uploadUrl(storage)
  const half = (bytes: Buffer<ArrayBuffer>) => ({ body: bytes.subarray(0, 500) })
  await put(storage, url, 'bytes 0-499/1000', half(film))
  const others = { ...half(other), reprDigest: digestOf(other) }
  assert.deepEqual(await put(storage, url, 'bytes 0-499/1000', others), [308, 'bytes=0-499'])
  const nameless = { ...half(other), reprDigest: null }
  await put(storage, await uploadUrl(storage, 50), 'bytes 0-499/1000', nameless)
  const second = await put(storage, await uploadUrl(storage, 40), 'bytes */1000', {
    reprDigest: null,
  })
  assert.deepEqual(second, [308, null])
  await put(storage, url, 'bytes 500-999/1000', { body: film.subarray(500) })
  assert.deepEqual(objectOf(bench), film)
  const rest = { body: other.subarray(500), reprDigest: digestOf(other) }
  await put(storage, url, 'bytes 500-999/1000', rest)
  assert.deepEqual(objectOf(bench), other)
})

test('a part that nobody continues is swept a day later, by a server that runs', async (t) => {
  const bench = openFor(t)
  const storage = bench.openServer()
  await put(storage, await uploadUrl(storage), 'bytes 0-9/1000', { body: film.subarray(0, 10) })
  const [part = ''] = partsOf(bench)
  const path = join(bench.root, 'media/.part', part)
  const yesterday = bench.time.now / 1000 - 24 * 3600
  utimesSync(path, yesterday, yesterday)
  bench.time.now += 3600_000
  await put(storage, await uploadUrl(storage), 'bytes */1000', { reprDigest: null })
  assert.deepEqual(partsOf(bench), [])
})

test('a full disk is WE-STO-003, and the part does not keep it full', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'full-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', root], { stdio: 'ignore' })
  } catch {
    return t.skip('needs the right to mount a small file system')
  }
  try {
    const storage = openFor(t, root).openServer()
    const body = Buffer.alloc(2 * 1024 * 1024)
    const url = await uploadUrl(storage)
    const range = `bytes 0-${body.length - 1}/${body.length}`
    assert.deepEqual(await put(storage, url, range, { body }), ['WE-STO-003', 'retry'])
    assert.deepEqual(readdirSync(join(root, 'media/.part')), [])
  } finally {
    execFileSync('umount', [root])
  }
})
