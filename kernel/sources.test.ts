import assert from 'node:assert/strict'
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { StorageProvider } from './contract/storage.ts'
import { type ErrorCode, WebEncodeError } from './errors.ts'
import { createSources, type SourcesOptions } from './sources.ts'
import { createStorages, type NamedStorage } from './storages.ts'

let base = ''
let root = ''

before(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'webencode-sources-')))
  root = join(base, 'media')
  await mkdir(join(root, 'folder'), { recursive: true })
  await mkdir(join(base, 'media-other'))
  await writeFile(join(root, 'my film.mp4'), 'x')
  await writeFile(join(root, 'list.m3u8'), '#EXTM3U')
  await writeFile(join(base, 'secret.mp4'), 'x')
  await writeFile(join(base, 'media-other', 'near.mp4'), 'x')
  await symlink(join(base, 'secret.mp4'), join(root, 'out.mp4'))
  await symlink(join(root, 'my film.mp4'), join(root, 'in.mp4'))
  await symlink(join(root, 'list.m3u8'), join(root, 'hidden.mp4'))
  await symlink(root, join(base, 'alias'))
})
after(() => rm(base, { recursive: true, force: true }))

const checked: string[] = []

function sources(roots: readonly string[] = [root]) {
  return createSources(options(roots))
}

function options(roots: readonly string[]): SourcesOptions {
  return {
    roots,
    uploadsBucket: 'media',
    outbound: {
      async check(url) {
        if (url.includes('127.0.0.1')) {
          throw new WebEncodeError('WE-JOB-002', 'not a public address')
        }
      },
      async open(url) {
        checked.push(url)
        if (url.includes('127.0.0.1')) {
          throw new WebEncodeError('WE-JOB-002', 'not a public address')
        }
        const status = url.includes('missing') ? 404 : 206
        const body = Readable.from([url.includes('disguised') ? '#EXTM3U\n' : 'media'])
        return { url, status, headers: {}, body: body as IncomingMessage }
      },
    },
    storage: {
      async getObjectMetadata({ path }) {
        if (path.includes('gone')) throw new WebEncodeError('WE-STO-001', 'no such object')
        if (path.includes('down')) throw new WebEncodeError('WE-STO-004', 'disk on fire')
        return { key: path, size: 1, etag: '', lastModified: 0, contentType: 'video/mp4' }
      },
      async getUrl({ objectKey, audience }) {
        return { url: `signed:${audience}:${objectKey}`, headers: {}, expiresAt: 0 }
      },
    },
  }
}

const fileUrl = (...path: string[]) => pathToFileURL(join(...path)).href
const refused = (code: ErrorCode) => (error: unknown) => {
  assert.ok(error instanceof WebEncodeError, String(error))
  assert.equal(error.code, code, error.message)
  return true
}

test('checkSource() accepts files below a root, also through links that stay inside', async () => {
  for (const name of ['my film.mp4', 'in.mp4']) {
    const url = fileUrl(root, name)
    assert.deepEqual(await sources().checkSource(url), { type: 'url', url })
  }
  const url = fileUrl(root, 'my film.mp4')
  assert.equal((await sources([join(base, 'alias')]).checkSource(url)).url, url)
})

test('checkSource() confines files to the roots', async () => {
  const outside = [
    fileUrl(base, 'secret.mp4'),
    fileUrl(base, 'does-not-exist.mp4'),
    fileUrl(base, 'media-other', 'near.mp4'),
    `file://${root}/../secret.mp4`,
    `file://${root}/%2e%2e/secret.mp4`,
    fileUrl(root, 'out.mp4'),
    fileUrl(root, 'folder'),
    fileUrl(root),
    'file:///dev/zero',
    'file:///proc/self/environ',
  ]
  for (const url of outside) {
    await assert.rejects(sources().checkSource(url), refused('WE-STO-002'), url)
  }
  const noRoots = sources([]).checkSource(fileUrl(root, 'my film.mp4'))
  await assert.rejects(noRoots, refused('WE-STO-002'))
  const missingRoot = sources([join(base, 'nowhere')]).checkSource(
    fileUrl(base, 'nowhere', 'a.mp4'),
  )
  await assert.rejects(missingRoot, refused('WE-JOB-002'))
})

test('checkSource() refuses what cannot be a source, with a sentence', async () => {
  const bad = [
    '',
    'film.mp4',
    '/etc/passwd',
    'concat:a.mp4|b.mp4',
    'data:video/mp4;base64,AAAA',
    's3://bucket/a.mp4',
    'ftp://example.com/a.mp4',
    'rtmp://example.com/live',
    'subfile,,start,0,end,9,,:/etc/passwd',
    'https://example.com/live.m3u8?token=1',
    'https://example.com/a/manifest.MPD',
    'https://example.com/list.ffconcat',
    `file://${root}/list.m3u8`,
    `file://${root}/hidden.mp4`,
    `file://${root}/missing.mp4`,
    `file://${root}/a%00.mp4`,
    `file://${root}/a%2Fb.mp4`,
    `file://example.com${root}/my film.mp4`,
    'http://127.0.0.1/a.mp4',
  ]
  for (const url of bad) {
    await assert.rejects(sources().checkSource(url), refused('WE-JOB-002'), url)
  }
})

test('checkSource() asks the guard of outgoing requests about every remote address', async () => {
  checked.length = 0
  const source = await sources().checkSource('https://example.com/film.mp4?sig=1')
  assert.deepEqual(source, { type: 'url', url: 'https://example.com/film.mp4?sig=1' })
  assert.deepEqual(checked, ['https://example.com/film.mp4?sig=1'])
})

test('checkSource() takes uploads as they were answered', async () => {
  const url = 'fs://uploads/u1/my #1 film 100%.mp4'
  assert.deepEqual(await sources().checkSource(url), { type: 'upload', url })
  for (
    const bad of [
      'fs://uploads/gone/a.mp4',
      'fs://uploads/u1',
      'fs://uploads/u1/',
      'fs://jobs/j1/out/a.mp4',
      'fs://uploads/../jobs/a.mp4',
      'fs://uploads/u1/../../a.mp4',
      'fs://uploads//a.mp4',
      'fs:uploads/u1/a.mp4',
      'fs://uploads/u1/list.m3u8',
    ]
  ) {
    await assert.rejects(sources().checkSource(bad), refused('WE-JOB-002'), bad)
  }
  await assert.rejects(sources().checkSource('fs://uploads/down/a.mp4'), refused('WE-STO-004'))
})

/** A storage that has these objects, or answers nothing at all. */
function storageWith(id: string, objects: readonly string[], isOut = false): NamedStorage {
  const has = ({ bucket, path }: { bucket: string; path: string }) =>
    objects.includes(`${bucket}/${path}`)
  const storage: Pick<StorageProvider, 'getObjectMetadata' | 'getUrl'> = {
    async getObjectMetadata(request) {
      if (isOut) throw new WebEncodeError('WE-STO-004', `${id} does not answer`)
      if (!has(request)) throw new WebEncodeError('WE-STO-001', 'no such object')
      return { key: request.path, size: 1, etag: '', lastModified: 0, contentType: 'video/mp4' }
    },
    getUrl: ({ objectKey }) =>
      Promise.resolve({ url: `https://${id}.test/${objectKey}`, headers: {}, expiresAt: 0 }),
  }
  return { id, storage: storage as StorageProvider }
}

test('an address of a storage goes where the rules lead, to the first that has the object', async () => {
  const asked: string[] = []
  const { checkSource, resolveSource } = createSources({
    ...options([root]),
    storages: createStorages(storageWith('main', []), [
      storageWith('west', ['media/a b.mp4']),
      storageWith('east', ['media/a b.mp4', 'media/100%.mp4']),
      storageWith('down', [], true),
    ]),
    routeStorage(url) {
      asked.push(url)
      if (!url.startsWith('s3://')) return Promise.resolve([])
      return Promise.resolve(url.includes('/lost/') ? ['down', 'west'] : ['down', 'west', 'east'])
    },
  })
  const url = 's3://media/a b.mp4'
  assert.deepEqual(await checkSource(url), { type: 'url', url })
  assert.deepEqual(await resolveSource(url), {
    url: 'https://west.test/a b.mp4',
    name: 'a b.mp4',
    isStored: true,
  })
  assert.equal((await resolveSource('s3://media/100%.mp4')).url, 'https://east.test/100%.mp4')
  assert.deepEqual(asked, [url, url, 's3://media/100%.mp4'])
  // Nobody has it, but one did not answer: it may be there.
  await assert.rejects(checkSource('s3://media/lost/a.mp4'), refused('WE-STO-004'))
  for (const bad of ['s3://media', 's3://media/', 's3:media/a.mp4', 's3://media/list.m3u8']) {
    await assert.rejects(checkSource(bad), refused('WE-JOB-002'), bad)
  }
  await assert.rejects(checkSource('gs://media/a.mp4'), {
    code: 'WE-JOB-002',
    next: 'retry',
    message: /No storage that serves now takes the source "gs:\/\/media\/a\.mp4"/,
  })
})

test('an http source goes to the plugin that takes its address, checked as every other one', async () => {
  const mirror = storageWith('mirror', ['https://mirror.example/film.mp4?sign=a'])
  const echo = storageWith('echo', ['https://echo.example/c.mp4'])
  const { checkSource, resolveSource } = createSources({
    ...options([root]),
    storages: createStorages(storageWith('main', []), [
      mirror,
      { id: 'echo', storage: { ...echo.storage, getUrl: echoed } },
      storageWith('down', [], true),
    ]),
    routeStorage: (url) =>
      Promise.resolve(
        ['mirror', 'echo', 'down'].filter((id) =>
          URL.parse(url)?.host === `${id}.example` ||
          (id === 'mirror' && url.includes('127.0.0.1'))
        ),
      ),
  })
  const before = checked.length
  const url = 'https://mirror.example/film.mp4?sign=a'
  assert.deepEqual(await checkSource(url), { type: 'url', url })
  assert.deepEqual(await resolveSource(url), {
    url: 'https://mirror.test/film.mp4?sign=a',
    name: 'film.mp4',
    isStored: true,
  })
  // A host that a user named stays a user's: whoever fetches it checks it again.
  assert.deepEqual(await resolveSource('https://echo.example/c.mp4'), {
    url: 'https://echo.example/c.mp4',
    name: 'c.mp4',
  })
  assert.equal(checked.length, before, 'the kernel has not fetched')
  await assert.rejects(checkSource('https://mirror.example/lost.mp4?sign=secret'), {
    code: 'WE-JOB-002',
    message: 'The source does not exist in mirror, which takes mirror.example',
  })
  for (const bad of ['http://127.0.0.1/film.mp4', 'https://mirror.example/list.m3u8']) {
    await assert.rejects(checkSource(bad), refused('WE-JOB-002'), bad)
  }
  await assert.rejects(checkSource('https://down.example/a.mp4'), refused('WE-STO-004'))
  await checkSource('https://other.example/a.mp4')
  assert.deepEqual(checked.slice(before), ['https://other.example/a.mp4'])
})

/** Answers with the host that it was asked for. */
function echoed({ bucket, objectKey }: { bucket: string; objectKey: string }) {
  return Promise.resolve({ url: `${bucket}/${objectKey}`, headers: {}, expiresAt: 0 })
}

test('resolveSource() answers what a worker can open', async () => {
  const { resolveSource } = sources()
  assert.deepEqual(await resolveSource(fileUrl(root, 'in.mp4')), {
    url: fileUrl(root, 'my film.mp4'),
    name: 'my film.mp4',
  })
  assert.deepEqual(await resolveSource('https://example.com/a/film.mp4?x=1'), {
    url: 'https://example.com/a/film.mp4?x=1',
    name: 'film.mp4',
  })
  assert.deepEqual(await resolveSource('fs://uploads/u1/film.mp4'), {
    url: 'signed:worker:uploads/u1/film.mp4',
    name: 'film.mp4',
    isStored: true,
  })
})

test('resolveSource() gives workers on other machines a URL of a checked file', async () => {
  const { resolveSource } = createSources({
    ...options([root]),
    urlSeconds: 60,
    getMediaUrl: (path, seconds) => Promise.resolve(`https://kernel.test${path}?for=${seconds}`),
  })
  assert.deepEqual(await resolveSource(fileUrl(root, 'in.mp4')), {
    url: `https://kernel.test${root}/my film.mp4?for=60`,
    name: 'my film.mp4',
    isStored: true,
  })
  await assert.rejects(resolveSource(fileUrl(root, 'out.mp4')), refused('WE-STO-002'))
})

test('resolveSource() checks again, because links can change', async () => {
  const link = join(root, 'turning.mp4')
  await symlink(join(root, 'my film.mp4'), link)
  await sources().checkSource(fileUrl(link))
  await rm(link)
  await symlink(join(base, 'secret.mp4'), link)
  await assert.rejects(sources().resolveSource(fileUrl(link)), refused('WE-STO-002'))
  await rm(link)
})

test('checkSource() refuses what a server does not have, and a playlist under another name', async () => {
  await assert.rejects(
    sources().checkSource('https://example.com/missing.mp4'),
    refused('WE-JOB-002'),
  )
  await assert.rejects(
    sources().checkSource('https://example.com/disguised.mp4'),
    refused('WE-JOB-002'),
  )
})
