/** Storage on a real S3 server: the common suite, and what only a server can do wrong. */
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { StorageProvider } from '../../kernel/contract/storage.ts'
import { describeStorage } from '../../kernel/contract/storage.suite.ts'
import { silentLog } from '../../kernel/log.ts'
import { clientsFrom, type S3StorageOptions } from './options.ts'
import { createS3Storage, type S3Storage } from './storage.ts'
import { sweepParts } from './sweep.ts'
import { skipWithoutS3, TestS3 } from './test-s3.ts'

const bucket = 'media'
const megabyte = 1024 * 1024
/** Short enough for a test that waits for it, long enough for two busy cores. */
const callTimeoutMs = 1500

/** A storage whose server may be exchanged while it is open. */
interface Exchangeable {
  storage: S3Storage
}

describeStorage('s3 storage', async () => {
  const server = await TestS3.start()
  const opened: Exchangeable = {
    storage: createS3Storage({ ...server.options, callTimeoutMs }, silentLog),
  }
  return {
    get storage() {
      return opened.storage
    },
    fetch: (url, init) => fetch(url, init),
    fail: (how) => how === 'full' ? moveToSmallDisk(opened) : interrupt(server, how),
    async close() {
      await opened.storage.close()
      await server.stop()
    },
  }
}, { skip: skipWithoutS3 })

async function interrupt(server: TestS3, how: 'gone' | 'slow'): Promise<() => Promise<void>> {
  if (how === 'slow') {
    server.freeze()
    return () => Promise.resolve(server.thaw())
  }
  await server.kill()
  return () => server.restart()
}

/** Opens the storage on another server, whose disk is small. */
async function moveToSmallDisk(opened: Exchangeable): Promise<(() => Promise<void>) | undefined> {
  const directory = mkdtempSync(join(tmpdir(), 'webencode-s3-full-'))
  const disk = ['-t', 'tmpfs', '-o', 'size=20m', 'tmpfs', directory]
  try {
    execFileSync('mount', disk, { stdio: 'ignore' })
  } catch {
    rmSync(directory, { recursive: true })
    return undefined
  }
  const server = await TestS3.start(join(directory, 'data'))
  const roomy = opened.storage
  opened.storage = createS3Storage(server.options, silentLog)
  return async () => {
    await opened.storage.close()
    opened.storage = roomy
    await server.stop()
    execFileSync('umount', [directory])
    rmSync(directory, { recursive: true })
  }
}

describe('an S3 server', { skip: skipWithoutS3, timeout: 120_000 }, () => {
  let server: TestS3
  let storage: S3Storage
  const opened: S3Storage[] = []
  const open = (options: Partial<S3StorageOptions> = {}) => {
    const other = createS3Storage({ ...server.options, ...options }, silentLog)
    opened.push(other)
    return other
  }
  before(async () => {
    server = await TestS3.start()
    storage = open()
  })
  after(async () => {
    for (const each of opened) await each.close()
    await server.stop()
  })

  const unfinished = async () => {
    const { server: client, close } = clientsFrom(server.options)
    const command = new ListMultipartUploadsCommand({ Bucket: server.options.bucket })
    const { Uploads = [] } = await client.send(command)
    close()
    return Uploads.map(({ Key }) => Key)
  }

  test('upload() of many parts comes back as it was, whole and by range', async () => {
    const film = randomBytes(40 * megabyte)
    const sha256 = createHash('sha256').update(film).digest('hex')
    const target = { bucket, path: 'uploads/film.mp4', sha256 }
    const written = await storage.upload(target, piecesOf(film))
    assert.deepEqual([written.size, written.sha256], [film.length, sha256])
    const { body, metadata } = await storage.download(target)
    assert.ok(Buffer.from(await new Response(body).arrayBuffer()).equals(film))
    assert.equal(metadata.size, film.length)
    const range = { start: 20 * megabyte - 1, end: 33 * megabyte }
    const part = await storage.download({ ...target, range })
    const bytes = Buffer.from(await new Response(part.body).arrayBuffer())
    assert.ok(bytes.equals(film.subarray(range.start, range.end + 1)))
    assert.equal(part.metadata.size, film.length)
  })

  test('an upload of many parts that fails leaves no object and no part', async () => {
    const film = randomBytes(40 * megabyte)
    const controller = new AbortController()
    const breaking = async function* () {
      yield* piecesOf(film)
      throw new Error('connection lost')
    }
    const aborting = async function* () {
      yield* piecesOf(film)
      controller.abort(new Error('no longer wanted'))
      await new Promise(() => {})
      yield film
    }
    const wrong = { sha256: '0'.repeat(64) }
    const uploads: [string, () => AsyncIterable<Uint8Array>, object, object | RegExp][] = [
      ['a', breaking, {}, /connection lost/],
      ['b', aborting, { signal: controller.signal }, /no longer wanted/],
      ['c', () => piecesOf(film), wrong, { code: 'WE-STO-006' }],
    ]
    for (const [name, chunks, options, failure] of uploads) {
      const target = { bucket, path: `uploads/${name}`, ...options }
      await assert.rejects(storage.upload(target, chunks()), failure, name)
      const missing = storage.getObjectMetadata({ bucket, path: `uploads/${name}` })
      await assert.rejects(missing, { code: 'WE-STO-001' })
    }
    assert.deepEqual(await unfinished(), [])
  })

  test('a storage that goes away in the middle of an upload ends it soon, and is read no further', async () => {
    let given = 0
    const endless = async function* () {
      for (;;) {
        given += megabyte
        if (given === 40 * megabyte) await server.kill()
        yield Buffer.alloc(megabyte)
      }
    }
    const upload = storage.upload({ bucket, path: 'uploads/gone' }, endless())
    await assert.rejects(upload, { code: 'WE-STO-004' })
    assert.ok(given < 200 * megabyte, `${given} bytes were read`)
    await server.restart()
    const missing = storage.getObjectMetadata({ bucket, path: 'uploads/gone' })
    await assert.rejects(missing, { code: 'WE-STO-001' })
  })

  test('a storage that goes away ends an upload also while its source is silent', async () => {
    const silent = async function* () {
      yield* piecesOf(Buffer.alloc(17 * megabyte))
      await server.kill()
      yield* piecesOf(Buffer.alloc(17 * megabyte))
      await new Promise(() => {})
    }
    const upload = storage.upload({ bucket, path: 'uploads/silent' }, silent())
    await assert.rejects(upload, { code: 'WE-STO-004' })
    await server.restart()
  })

  test('parts that a killed process left are thrown away after a day, those of others never', async () => {
    const { server: client, close } = clientsFrom(server.options)
    const { bucket: Bucket } = server.options
    const { CreateMultipartUploadCommand } = await import('@aws-sdk/client-s3')
    for (const Key of ['uploads/left', 'backups/of-others']) {
      await client.send(new CreateMultipartUploadCommand({ Bucket, Key }))
    }
    const dayMs = 24 * 3600 * 1000
    const sweepAt = (ms: number) => sweepParts(client, Bucket, ms, AbortSignal.timeout(5000))
    await sweepAt(Date.now() + dayMs / 2)
    assert.ok((await unfinished()).includes('uploads/left'))
    await sweepAt(Date.now() + dayMs + 60_000)
    assert.deepEqual(await unfinished(), ['backups/of-others'])
    close()
  })

  test('wrong keys are WE-STO-002, a missing bucket WE-STO-004, in every call', async () => {
    const calls = (other: StorageProvider) => ({
      check: () => (other as S3Storage).check(),
      upload: () => other.upload({ bucket, path: 'uploads/x' }, piecesOf(Buffer.from('x'))),
      download: () => other.download({ bucket, path: 'uploads/x' }),
      list: () => other.listObjects({ bucket, prefix: '' }),
      delete: () => other.delete({ bucket, path: 'uploads/x' }),
      browse: () => other.browse({ path: server.options.bucket }),
    })
    const mistakes: [Partial<S3StorageOptions>, string, RegExp][] = [
      [{ accessKeyId: 'nobody' }, 'WE-STO-002', /does not know the access key/],
      [{ secretAccessKey: 'planted-secret' }, 'WE-STO-002', /the secret access key is not/],
    ]
    for (const [options, code, message] of mistakes) {
      const other = open(options)
      for (const [name, call] of Object.entries(calls(other))) {
        await assert.rejects(call, (failure: Error & { code?: string }) => {
          assert.equal(failure.code, code, name)
          assert.match(failure.message, message, name)
          assert.doesNotMatch(JSON.stringify(failure.cause) + failure.message, /planted-secret/)
          return true
        })
      }
    }
    const lost = open({ bucket: 'nowhere' })
    const { browse: _, ...others } = calls(lost)
    for (const [name, call] of Object.entries(others)) {
      await assert.rejects(call, { code: 'WE-STO-004', message: /no bucket "nowhere"/ }, name)
    }
    const missing = lost.getObjectMetadata({ bucket, path: 'uploads/x' })
    await assert.rejects(missing, { code: 'WE-STO-004', message: /no bucket "nowhere"/ })
  })

  test('getUploadUrl() with a hash takes these bytes and no others', async () => {
    const film = randomBytes(1000)
    const sha256 = createHash('sha256').update(film).digest('hex')
    const target = { bucket, objectKey: 'jobs/1/out.mp4' }
    const { url, headers, isResumable } = await storage.getUploadUrl({
      ...target,
      sha256,
      contentType: 'video/mp4',
      expirySeconds: 60,
      method: 'PUT',
      audience: 'worker',
    })
    assert.notEqual(isResumable, true)
    const send = async (body: Uint8Array<ArrayBuffer>, given = headers) => {
      const answer = await fetch(url, { method: 'PUT', body, headers: given })
      await answer.body?.cancel()
      return answer.status
    }
    assert.equal(await send(randomBytes(1000)), 400)
    assert.equal(await send(film, { 'content-type': 'video/mp4' }), 403)
    const missing = storage.getObjectMetadata({ bucket, path: target.objectKey })
    await assert.rejects(missing, { code: 'WE-STO-001' })
    assert.equal(await send(film), 200)
  })

  test('a signed URL has the public endpoint, and ends when the settings say', async () => {
    const publicEndpoint = `http://localhost:${new URL(server.url).port}`
    const other = open({ publicEndpoint, signedUrlExpirySeconds: 1 })
    await other.upload({ bucket, path: 'uploads/short.txt' }, piecesOf(Buffer.from('x')))
    const request = {
      bucket,
      objectKey: 'uploads/short.txt',
      expirySeconds: 3600,
      method: 'GET',
      audience: 'browser',
    } as const
    const { url, expiresAt } = await other.getUrl(request)
    assert.ok(url.startsWith(`${publicEndpoint}/${server.options.bucket}/`), url)
    assert.ok(expiresAt <= Date.now() / 1000 + 2)
    assert.equal(new URL(url).searchParams.get('X-Amz-Expires'), '1')
    const statusOf = async () => {
      const answer = await fetch(url)
      await answer.body?.cancel()
      return answer.status
    }
    while (await statusOf() === 200) await statusOf()
    assert.equal(await statusOf(), 403)
  })

  test('browse() shows folders and files of the bucket, and nothing else', async () => {
    const names = ['.hidden.mp4', 'b 10.mp4', 'b 9.mp4', 'notes.pdf', 'sub/c.mkv']
    for (const name of names) {
      await storage.upload({ bucket, path: `library/${name}` }, piecesOf(Buffer.from('x')))
    }
    const [root] = await storage.browseRoots()
    assert.equal(root?.path, server.options.bucket)
    const path = `${root.path}/library`
    const list = async (options: object = {}) =>
      (await storage.browse({ path, ...options })).entries.map(({ name }) => name)
    assert.deepEqual(await list(), ['sub', 'b 9.mp4', 'b 10.mp4', 'notes.pdf'])
    assert.deepEqual(await list({ mediaOnly: true }), ['sub', 'b 9.mp4', 'b 10.mp4'])
    assert.deepEqual(await list({ searchQuery: 'B 1' }), ['b 10.mp4'])
    assert.ok((await list({ showHidden: true })).includes('.hidden.mp4'))
    const { entries: [sub], parentPath } = await storage.browse({ path })
    assert.equal(parentPath, root.path)
    const { entries: [film] } = await storage.browse({ path: sub?.path ?? '' })
    assert.deepEqual([film?.path, film?.isVideo], [`${path}/sub/c.mkv`, true])
    for (const wrong of ['', 'other', `${root.path}/../etc`, `${root.path}//x`]) {
      await assert.rejects(storage.browse({ path: wrong }), { code: 'WE-STO-002' })
    }
  })
})

test('createS3Storage() refuses an endpoint and an expiry that cannot be', () => {
  const options = { bucket: 'b', accessKeyId: 'a', secretAccessKey: 's' }
  for (const endpoint of ['', 'ftp://x', 'http://user:password@x', 'http://x/path', 'a b']) {
    assert.throws(() => createS3Storage({ ...options, endpoint }, silentLog), RangeError, endpoint)
  }
  for (const signedUrlExpirySeconds of [0, 1.5, 604_801]) {
    assert.throws(() => createS3Storage({ ...options, signedUrlExpirySeconds }, silentLog), {
      name: 'RangeError',
    })
  }
})

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += megabyte) {
    yield await Promise.resolve(bytes.subarray(at, at + megabyte))
  }
}
