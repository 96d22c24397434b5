/** Storage on a disk: the common suite, and what only files can do wrong. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { rename } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { describeStorage } from '../../kernel/contract/storage.suite.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import { statusOf as statusFor } from '../../kernel/http/problem.ts'
import { silentLog } from '../../kernel/log.ts'
import { createFsStorage, type FsStorage } from './storage.ts'

const bucket = 'media'

interface Opened {
  readonly root: string
  readonly storage: FsStorage
  readonly time: { now: number }
  readonly serve: (url: string, init?: RequestInit) => Promise<Response>
  readonly close: () => Promise<void>
}

function open(
  mediaRoots: string[] = [],
  root = mkdtempSync(join(tmpdir(), 'storage-fs-')),
  workerUrlBase?: string,
): Opened {
  const time = { now: Date.now() }
  const storage = createFsStorage({
    root,
    signingKey: new Uint8Array(32).fill(7),
    publicPath: '/v1/objects',
    now: () => time.now,
    log: silentLog,
    mediaRoots,
    ...(workerUrlBase !== undefined && { workerUrlBase: () => workerUrlBase }),
  })
  const serve = async (url: string, init?: RequestInit) => {
    try {
      return await storage.serve(new Request(new URL(url, 'http://localhost'), init))
    } catch (failure) {
      assert.ok(failure instanceof WebEncodeError, String(failure))
      const { code, message: details } = failure
      return Response.json({ error: { code, details } }, { status: statusFor(code) })
    }
  }
  const close = async () => {
    await storage.close()
    rmSync(root, { recursive: true, force: true })
  }
  return { root, storage, time, serve, close }
}

/** A storage that the test closes at its end. */
function openFor(t: TestContext, mediaRoots?: string[]): Opened {
  const opened = open(mediaRoots)
  t.after(opened.close)
  return opened
}

async function* chunksOf(...chunks: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(Buffer.from(chunk))
}

function put({ storage }: Opened, path: string, ...chunks: (string | Uint8Array)[]) {
  return storage.upload({ bucket, path }, chunksOf(...chunks))
}

async function signedUrl({ storage }: Opened, objectKey: string, downloadName?: string) {
  const request = {
    bucket,
    objectKey,
    expirySeconds: 60,
    method: 'GET',
    audience: 'browser',
  } as const
  return (await storage.getUrl(downloadName === undefined ? request : { ...request, downloadName }))
    .url
}

/** The status of an answer whose body is not wanted. */
async function statusOf(answer: Promise<Response>): Promise<number> {
  const { status, body } = await answer
  await body?.cancel()
  return status
}

describeStorage('fs storage', async () => {
  const opened = open()
  const bucketPath = join(opened.root, bucket)
  return {
    storage: opened.storage,
    fetch: opened.serve,
    close: opened.close,
    fail: async (how) => how === 'gone' ? await takeAway(bucketPath) : fill(bucketPath, how),
  }
})

/** As when a disk is not mounted. */
async function takeAway(path: string): Promise<() => Promise<void>> {
  await rename(path, `${path}.away`)
  return () => rename(`${path}.away`, path)
}

/** Puts a small disk over the directory. */
function fill(path: string, how: 'slow' | 'full'): (() => Promise<void>) | undefined {
  if (how === 'slow') return undefined
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', path], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  return () => Promise.resolve(void execFileSync('umount', [path]))
}

test('createFsStorage() refuses a short signing key', () => {
  const options = { root: tmpdir(), publicPath: '/o', now: Date.now, log: silentLog }
  assert.throws(() => createFsStorage({ ...options, signingKey: new Uint8Array(31) }), RangeError)
})

test('createFsStorage() sweeps unfinished files older than a day', (t) => {
  const { root } = openFor(t)
  const old = join(root, 'media/.part/old')
  const young = join(root, 'media/.part/young')
  writeFileSync(old, 'x')
  writeFileSync(young, 'x')
  const yesterday = Date.now() / 1000 - 25 * 3600
  utimesSync(old, yesterday, yesterday)
  open([], root)
  assert.deepEqual([existsSync(old), existsSync(young)], [false, true])
})

test('a link inside the bucket that leads out is refused, for reading and for writing', async (t) => {
  const opened = openFor(t)
  const outside = mkdtempSync(join(tmpdir(), 'outside-'))
  t.after(() => rmSync(outside, { recursive: true }))
  writeFileSync(join(outside, 'secret.txt'), 'secret')
  symlinkSync(outside, join(opened.root, 'media/out'))
  symlinkSync(join(outside, 'secret.txt'), join(opened.root, 'media/secret.txt'))
  const target = (path: string) => ({ bucket, path })
  const denied = { code: 'WE-STO-002' }
  await assert.rejects(opened.storage.download(target('out/secret.txt')), denied)
  await assert.rejects(opened.storage.download(target('secret.txt')), denied)
  await assert.rejects(put(opened, 'out/new.txt', 'x'), denied)
  await assert.rejects(put(opened, 'out/deep/new.txt', 'x'), denied)
  await assert.rejects(opened.storage.delete(target('out/secret.txt')), denied)
  assert.deepEqual(readdirSync(outside), ['secret.txt'])
  const { objects } = await opened.storage.listObjects({ bucket, prefix: '' })
  assert.deepEqual(objects, [])
})

test('an object whose key goes through another object is refused with a code', async (t) => {
  const opened = openFor(t)
  await put(opened, 'a', 'x')
  await assert.rejects(put(opened, 'a/b', 'x'), { name: 'WebEncodeError' })
  await assert.rejects(opened.storage.download({ bucket, path: 'a/b' }), { code: 'WE-STO-001' })
  await put(opened, 'd/e', 'x')
  await assert.rejects(put(opened, 'd', 'x'), { code: 'WE-STO-002' })
  await assert.rejects(opened.storage.download({ bucket, path: 'd' }), { code: 'WE-STO-001' })
})

test('messages name the key and never a path of the machine', async (t) => {
  const opened = openFor(t)
  await assert.rejects(opened.storage.download({ bucket, path: 'none.txt' }), (failure: Error) => {
    assert.match(failure.message, /none\.txt/)
    assert.ok(!failure.message.includes(opened.root), failure.message)
    return true
  })
})

test('delete() removes the directories it left empty, and no others', async (t) => {
  const opened = openFor(t)
  await put(opened, 'jobs/1/work/a.mp4', 'x')
  await put(opened, 'jobs/2/out/b.mp4', 'x')
  await opened.storage.delete({ bucket, path: 'jobs/1/work/a.mp4' })
  assert.deepEqual(readdirSync(join(opened.root, 'media/jobs')), ['2'])
})

test('upload() leaves no part file behind, whether it succeeds or not', async (t) => {
  const opened = openFor(t)
  await put(opened, 'a.txt', 'x')
  const breaking = async function* () {
    yield* chunksOf('x')
    throw new Error('broken')
  }
  await assert.rejects(opened.storage.upload({ bucket, path: 'b.txt' }, breaking()), /broken/)
  assert.deepEqual(readdirSync(join(opened.root, 'media/.part')), [])
})

test('upload() to a full disk throws WE-STO-003 and frees what it had written', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'full-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', root], { stdio: 'ignore' })
  } catch {
    return t.skip('needs the right to mount a small file system')
  }
  try {
    const { storage } = open([], root)
    const megabyte = new Uint8Array(1024 * 1024)
    const full = storage.upload({ bucket, path: 'big.bin' }, chunksOf(megabyte, megabyte))
    await assert.rejects(full, { code: 'WE-STO-003' })
    await storage.upload({ bucket, path: 'small.bin' }, chunksOf(new Uint8Array(500_000)))
    const { objects } = await storage.listObjects({ bucket, prefix: '' })
    assert.deepEqual(objects.map(({ key }) => key), ['small.bin'])
  } finally {
    execFileSync('umount', [root])
  }
})

test('download() reads only as fast as its reader', async (t) => {
  const opened = openFor(t)
  await put(opened, 'big.bin', new Uint8Array(10 * 1024 * 1024).fill(1))
  const { body } = await opened.storage.download({ bucket, path: 'big.bin' })
  const reader = body.getReader()
  const first = await reader.read()
  assert.ok(first.value && first.value.length <= 1024 * 1024)
  await reader.cancel()
})

test('getUrl() for a worker is a file URL; getUploadUrl() adds a part file beside it', async (t) => {
  const opened = openFor(t)
  await put(opened, 'a/b.mp4', 'film')
  const sign = { bucket, expirySeconds: 60, audience: 'worker' } as const
  const read = await opened.storage.getUrl({ ...sign, objectKey: 'a/b.mp4', method: 'GET' })
  assert.equal(readFileSync(fileURLToPath(read.url), 'utf8'), 'film')
  const write = await opened.storage.getUploadUrl({ ...sign, objectKey: 'n/w.mp4', method: 'PUT' })
  writeFileSync(fileURLToPath(write.headers['x-part-url'] ?? ''), 'x')
  writeFileSync(fileURLToPath(write.url), 'new')
  const { objects } = await opened.storage.listObjects({ bucket, prefix: '' })
  assert.deepEqual(objects.map(({ key }) => key), ['a/b.mp4', 'n/w.mp4'])
})

test('a worker elsewhere gets signed URLs of this server', async (t) => {
  const root = mediaTree(t)
  const opened = open([root], undefined, 'http://10.0.0.5:8080')
  t.after(opened.close)
  await put(opened, 'a/b.mp4', 'film')
  const sign = { bucket, expirySeconds: 60, audience: 'worker' } as const
  const read = await opened.storage.getUrl({ ...sign, objectKey: 'a/b.mp4', method: 'GET' })
  assert.match(read.url, /^http:\/\/10\.0\.0\.5:8080\/v1\/objects\/media\/a\/b\.mp4\?/)
  assert.equal(await (await opened.serve(read.url)).text(), 'film')
})

test('getMediaUrl() gives a worker a file of a media directory, and nothing else', async (t) => {
  const root = mediaTree(t)
  const film = join(root, 'films/film 9.mkv')
  assert.equal(
    await openFor(t, [root]).storage.getMediaUrl(film, 60),
    pathToFileURL(film).href,
  )
  const opened = open([root], undefined, 'http://10.0.0.5:8080')
  t.after(opened.close)
  const url = await opened.storage.getMediaUrl(film, 60)
  const answer = await opened.serve(url, { headers: { range: 'bytes=0-0' } })
  assert.deepEqual([answer.status, await answer.text()], [206, 'x'])
  assert.equal(await statusOf(opened.serve(url, { method: 'PUT', body: 'y' })), 403)
  assert.equal(await statusOf(opened.serve(url.replace('film%209', 'film%2010'))), 403)
  for (const path of ['/etc/passwd', `${root}/films/etc/passwd`, 'films/film 9.mkv']) {
    await assert.rejects(opened.storage.getMediaUrl(path, 60), { code: 'WE-STO-002' }, path)
  }
  // A link put there after the URL was signed leads nowhere else.
  rmSync(film)
  symlinkSync('/etc/passwd', film)
  assert.equal(await statusOf(opened.serve(url)), 403)
})

test('serve() refuses an expired URL', async (t) => {
  const opened = openFor(t)
  await put(opened, 'a.mp4', 'x')
  const url = await signedUrl(opened, 'a.mp4')
  opened.time.now += 61_000
  assert.equal(await statusOf(opened.serve(url)), 403)
})

test('serve() refuses a URL whose expiry or download name was changed', async (t) => {
  const opened = openFor(t)
  await put(opened, 'a.mp4', 'x')
  const url = await signedUrl(opened, 'a.mp4', 'a.mp4')
  const later = url.replace(
    /expires=(\d+)/,
    (_, seconds: string) => `expires=${Number(seconds) + 1}`,
  )
  assert.equal(await statusOf(opened.serve(later)), 403)
  assert.equal(await statusOf(opened.serve(url.replace('download=a.mp4', 'download=a.exe'))), 403)
  assert.equal(await statusOf(opened.serve(url)), 200)
})

test('serve() answers ranges as RFC 9110 asks', async (t) => {
  const opened = openFor(t)
  await put(opened, 'a.mp4', '0123456789')
  await put(opened, 'empty.mp4')
  const url = await signedUrl(opened, 'a.mp4')
  const cases: [string, number, string, string | null][] = [
    ['bytes=0-', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=9-9', 206, '9', 'bytes 9-9/10'],
    ['bytes=5-99', 206, '56789', 'bytes 5-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=-99', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=10-', 416, '', 'bytes */10'],
    ['bytes=-0', 416, '', 'bytes */10'],
    ['bytes=5-4', 200, '0123456789', null],
    ['bytes=0-1,3-4', 200, '0123456789', null],
    ['items=0-1', 200, '0123456789', null],
    ['bytes=-', 200, '0123456789', null],
  ]
  for (const [range, status, text, contentRange] of cases) {
    const answer = await opened.serve(url, { headers: { range } })
    assert.equal(answer.status, status, range)
    assert.equal(await answer.text(), text, range)
    assert.equal(answer.headers.get('content-range'), contentRange, range)
  }
  const empty = await opened.serve(await signedUrl(opened, 'empty.mp4'))
  assert.deepEqual([empty.status, empty.headers.get('content-length')], [200, '0'])
})

test('serve() answers HEAD like GET without the body', async (t) => {
  const opened = openFor(t)
  await put(opened, 'a.mp4', '0123456789')
  const answer = await opened.serve(await signedUrl(opened, 'a.mp4'), { method: 'HEAD' })
  assert.equal(answer.headers.get('content-length'), '10')
  assert.equal(answer.headers.get('accept-ranges'), 'bytes')
  assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
  assert.equal(await answer.text(), '')
})

test('serve() honours If-None-Match and If-Range', async (t) => {
  const opened = openFor(t)
  await put(opened, 'a.mp4', '0123456789')
  const url = await signedUrl(opened, 'a.mp4')
  const etag = (await opened.serve(url, { method: 'HEAD' })).headers.get('etag') ?? ''
  assert.equal(await statusOf(opened.serve(url, { headers: { 'if-none-match': etag } })), 304)
  const ranged = (ifRange: string) =>
    opened.serve(url, { headers: { range: 'bytes=0-1', 'if-range': ifRange } })
  assert.equal(await statusOf(ranged(etag)), 206)
  assert.equal(await statusOf(ranged('"other"')), 200)
})

test('serve() sends unknown and dangerous files as bytes, and encodes the download name', async (t) => {
  const opened = openFor(t)
  await put(opened, 'page.html', '<script>')
  const answer = await opened.serve(await signedUrl(opened, 'page.html', 'ü"\r\nx: y.html'))
  await answer.body?.cancel()
  assert.equal(answer.headers.get('content-type'), 'application/octet-stream')
  assert.equal(
    answer.headers.get('content-disposition'),
    `attachment; filename="____x_ y.html"; filename*=UTF-8''%C3%BC%22%0D%0Ax%3A%20y.html`,
  )
})

test('serve() refuses an upload that is shorter than it declared, and other methods', async (t) => {
  const opened = openFor(t)
  const request = { bucket, objectKey: 'up.mp4', expirySeconds: 60, method: 'PUT' } as const
  const { url } = await opened.storage.getUploadUrl({ ...request, audience: 'browser' })
  const short = { method: 'PUT', body: 'abc', headers: { 'content-length': '10' } }
  assert.equal(await statusOf(opened.serve(url, short)), 500)
  assert.equal(await statusOf(opened.serve(url, { method: 'POST', body: 'abc' })), 405)
  const { objects } = await opened.storage.listObjects({ bucket, prefix: '' })
  assert.deepEqual(objects, [])
})

test('serve() takes an upload that must be the first only once', async (t) => {
  const opened = openFor(t)
  const request = { bucket, objectKey: 'once.mp4', expirySeconds: 60, method: 'PUT' } as const
  const { url } = await opened.storage.getUploadUrl({ ...request, audience: 'browser' })
  const first = { 'if-none-match': '*' }
  const send = (headers: Record<string, string>) =>
    statusOf(opened.serve(url, { method: 'PUT', body: 'abc', headers }))
  assert.deepEqual([await send(first), await send(first), await send({})], [201, 412, 201])
})

test('serve() refuses addresses that lead out of the bucket, however they are encoded', async (t) => {
  const opened = openFor(t)
  const query = new URL(await signedUrl(opened, 'a.mp4'), 'http://localhost').search
  for (const path of ['media/%2e%2e%2fetc', 'media/..%5cetc', 'media/%00', 'media', 'etc/passwd']) {
    assert.equal(await statusOf(opened.serve(`/v1/objects/${path}${query}`)), 403, path)
  }
  assert.equal(await statusOf(opened.serve(`/v1/objects/media/%ff${query}`)), 404)
  assert.equal(await statusOf(opened.serve(`/v2/other${query}`)), 404)
})

test('usage() counts bytes by group and tells the free space', async (t) => {
  const opened = openFor(t)
  await put(opened, 'uploads/1/a.mp4', '12345')
  await put(opened, 'jobs/1/work/b.mp4', '123')
  await put(opened, 'jobs/2/out/c.mp4', '1')
  const usage = await opened.storage.usage()
  assert.deepEqual(usage.entries, [
    { prefix: 'jobs/', objects: 2, bytes: 4 },
    { prefix: 'uploads/', objects: 1, bytes: 5 },
  ])
  assert.ok(usage.freeBytes > 0 && usage.capacityBytes >= usage.freeBytes)
})

function mediaTree(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'library-'))
  t.after(() => rmSync(root, { recursive: true }))
  mkdirSync(join(root, 'films'))
  for (const name of ['film 10.mp4', 'film 9.mkv', 'notes.txt', '.hidden.mp4', 'song.mp3']) {
    writeFileSync(join(root, 'films', name), 'x')
  }
  symlinkSync('/etc', join(root, 'films', 'etc'))
  return root
}

test('browse() lists a media directory and hides what leads out of it', async (t) => {
  const root = mediaTree(t)
  const { storage } = openFor(t, [root, join(root, 'missing')])
  const roots = await storage.browseRoots()
  assert.deepEqual(roots.map(({ path, isDirectory }) => [path, isDirectory]), [[root, true]])
  const films = await storage.browse({ path: join(root, 'films') })
  assert.equal(films.parentPath, root)
  assert.deepEqual(films.entries.map(({ name }) => name), [
    'film 9.mkv',
    'film 10.mp4',
    'notes.txt',
    'song.mp3',
  ])
  const media = await storage.browse({
    path: join(root, 'films'),
    mediaOnly: true,
    showHidden: true,
  })
  assert.ok(media.entries.some(({ name }) => name === '.hidden.mp4'))
  assert.ok(media.entries.every(({ name }) => name !== 'notes.txt'))
  const found = await storage.browse({ path: join(root, 'films'), searchQuery: 'FILM' })
  assert.equal(found.entries.length, 2)
  assert.equal((await storage.browse({ path: root })).parentPath, '')
})

test('browse() and locateMedia() refuse everything outside the media directories', async (t) => {
  const root = mediaTree(t)
  const { storage } = openFor(t, [root])
  const outside = ['/', '/etc', 'films', '', `${root}/..`, `${root}/films/etc`, `${root}2`]
  for (const path of [...outside, `${root}/a\0`, `${root}/films/etc/passwd`]) {
    await assert.rejects(storage.browse({ path }), { code: 'WE-STO-002' }, path)
    await assert.rejects(storage.locateMedia(path), { code: 'WE-STO-002' }, path)
  }
  await assert.rejects(storage.locateMedia(join(root, 'none.mp4')), { code: 'WE-STO-001' })
  const film = join(root, 'films/film 9.mkv')
  assert.equal(await storage.locateMedia(film), film)
})
