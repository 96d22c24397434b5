/** What every storage plugin must do, asked over the wire. */
import { randomUUID } from 'node:crypto'
import type { StorageProvider } from '../../contract/storage.ts'
import { storageFrom } from '../adapters/storage.ts'
import type { HostedPlugin } from '../instance.ts'
import type { Check } from './check.ts'
import { must, mustFail } from './must.ts'

const bucket = 'media'
/** Keys that no storage takes; the kernel refuses them too, so they are sent past it. */
const badKeys = ['', '/a', 'a/', '../a', 'a/../../b', 'a//b', 'a\0b', 'a\\b']

/** The checks, in order; objects are below a prefix of their own. A manifest with `upload = false` is one of a storage that is only read. */
export function storageChecks(plugin: HostedPlugin): readonly Check[] {
  const storage = storageFrom(plugin)
  const isRead = plugin.manifest.capabilities['upload'] === false
  const at = (name: string) => ({ bucket, path: `plugin-check-${run}/${name}` })
  const run = randomUUID()
  return [
    {
      title: 'GetCapabilities names the kind of storage',
      run: () => checkCapabilities(storage, isRead),
    },
    ...isRead ? readChecks(storage, at('refused')) : writtenChecks(storage, at),
    { title: 'a bad key is WE-STO-002 in every call', run: () => checkKeys(plugin) },
  ]
}

function readChecks(storage: StorageProvider, target: Place): readonly Check[] {
  const sign = { bucket, objectKey: target.path, expirySeconds: 60, audience: 'browser' } as const
  const calls: Readonly<Record<string, () => Promise<unknown>>> = {
    Upload: () => storage.upload(target, chunksOf('x')),
    Delete: () => storage.delete(target),
    ListObjects: () => storage.listObjects({ bucket, prefix: '' }),
    GetUploadURL: () => storage.getUploadUrl({ ...sign, method: 'PUT' }),
  }
  return Object.entries(calls).map(([name, call]) => ({
    title: `${name} is WE-STO-002, because it is only read`,
    run: () => mustFail(call(), 'WE-STO-002', name),
  }))
}

function writtenChecks(storage: StorageProvider, at: (name: string) => Place): readonly Check[] {
  return [
    {
      title: 'Upload and Download keep an object, also an empty one',
      run: async () => {
        await checkRoundTrip(storage, at('object.bin'), [100_000, 1, 900_000])
        await checkRoundTrip(storage, at('empty.bin'), [])
      },
    },
    { title: 'Download gives a range', run: () => checkRange(storage, at('range.txt')) },
    {
      title: 'an upload that breaks off leaves nothing',
      run: () => checkBroken(storage, at('broken')),
    },
    {
      title: 'an upload of other bytes than its hash says is WE-STO-006, and leaves nothing',
      run: () => checkHash(storage, at('hash')),
    },
    { title: 'ListObjects lists by prefix, in pages', run: () => checkList(storage, at('list')) },
    {
      title: 'Delete removes, and is content with nothing',
      run: () => checkDelete(storage, at('gone')),
    },
    { title: 'a missing object is WE-STO-001', run: () => checkMissing(storage, at('missing')) },
    {
      title: 'signed URLs work, where it has them',
      run: () => checkUrls(storage, at('signed.txt')),
    },
  ]
}

type Place = { readonly bucket: string; readonly path: string }

async function* chunksOf(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield await Promise.resolve(Buffer.from(text))
}

async function read(storage: StorageProvider, target: Parameters<StorageProvider['download']>[0]) {
  return await new Response((await storage.download(target)).body).text()
}

async function checkCapabilities(storage: StorageProvider, isRead: boolean): Promise<void> {
  const { storageType, supportsUpload } = await storage.getCapabilities()
  must(storageType !== '', 'storage_type must not be empty')
  must(supportsUpload !== isRead, `supports_upload must be ${!isRead}, as in the manifest`)
}

async function checkRoundTrip(
  storage: StorageProvider,
  target: Place,
  sizes: readonly number[],
): Promise<void> {
  const texts = sizes.map((size, i) => String(i).repeat(size))
  const whole = texts.join('')
  const summary = await storage.upload(target, chunksOf(...texts))
  must(summary.size === whole.length, `size must be ${whole.length}, found ${summary.size}`)
  const { size } = await storage.getObjectMetadata(target)
  must(size === whole.length, `the size of the metadata must be ${whole.length}, found ${size}`)
  must(await read(storage, target) === whole, 'the bytes must be those that were sent')
  await storage.delete(target)
}

async function checkRange(storage: StorageProvider, target: Place): Promise<void> {
  await storage.upload(target, chunksOf('01234', '56789'))
  const part = await read(storage, { ...target, range: { start: 3, end: 6 } })
  must(part === '3456', `bytes 3 to 6 must be "3456", found "${part}"`)
  await storage.delete(target)
}

async function checkBroken(storage: StorageProvider, target: Place): Promise<void> {
  const lost = new Error('connection lost')
  const breaking = async function* () {
    yield* chunksOf('half')
    throw lost
  }
  await storage.upload(target, breaking()).catch((failure: unknown) => {
    if (failure !== lost) throw failure
  })
  await mustFail(storage.getObjectMetadata(target), 'WE-STO-001', 'the metadata of half an object')
}

async function checkHash(storage: StorageProvider, target: Place): Promise<void> {
  const upload = storage.upload({ ...target, sha256: '0'.repeat(64) }, chunksOf('other'))
  await mustFail(upload, 'WE-STO-006', 'an upload of other bytes')
  await mustFail(
    storage.getObjectMetadata(target),
    'WE-STO-001',
    'the metadata of a refused object',
  )
}

async function checkList(storage: StorageProvider, { path }: Place): Promise<void> {
  const keys = ['a', 'b', 'b/c'].map((name) => `${path}/${name === 'b/c' ? 'd/c' : name}`)
  for (const key of keys) await storage.upload({ bucket, path: key }, chunksOf('x'))
  const found: string[] = []
  let token: string | undefined
  do {
    const request = { bucket, prefix: `${path}/`, maxKeys: 2 }
    const page = await storage.listObjects(
      token === undefined ? request : { ...request, continuationToken: token },
    )
    must(page.objects.length <= 2, `a page must have at most 2 keys, found ${page.objects.length}`)
    found.push(...page.objects.map(({ key }) => key))
    token = page.nextContinuationToken
  } while (token !== undefined && found.length <= keys.length)
  for (const key of keys) await storage.delete({ bucket, path: key })
  must(found.join() === keys.join(), `the keys must be ${keys.join()}, found ${found.join()}`)
}

async function checkDelete(storage: StorageProvider, target: Place): Promise<void> {
  await storage.upload(target, chunksOf('x'))
  await storage.delete(target)
  await storage.delete(target)
  await checkMissing(storage, target)
}

async function checkMissing(storage: StorageProvider, target: Place): Promise<void> {
  await mustFail(storage.getObjectMetadata(target), 'WE-STO-001', 'GetObjectMetadata')
  await mustFail(storage.download(target), 'WE-STO-001', 'Download')
}

async function checkKeys(plugin: HostedPlugin): Promise<void> {
  for (const path of badKeys) {
    const shown = JSON.stringify(path)
    for (const method of ['GetObjectMetadata', 'Delete']) {
      await mustFail(plugin.call(method, { bucket, path }), 'WE-STO-002', `${method} of ${shown}`)
    }
    const messages = async function* () {
      yield await Promise.resolve({ metadata: { bucket, path } })
    }
    await mustFail(plugin.writeStream('Upload', messages()), 'WE-STO-002', `Upload of ${shown}`)
  }
}

async function checkUrls(storage: StorageProvider, { path: objectKey }: Place): Promise<void> {
  const { supportsSignedUrls } = await storage.getCapabilities()
  if (!supportsSignedUrls) return
  await storage.upload({ bucket, path: objectKey }, chunksOf('signed'))
  const request = { bucket, objectKey, expirySeconds: 60, audience: 'browser' } as const
  const { url } = await storage.getUrl({ ...request, method: 'GET' })
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) })
  const text = await answer.text()
  await storage.delete({ bucket, path: objectKey })
  must(
    answer.ok && text === 'signed',
    `the signed URL must give the object, found ${answer.status}`,
  )
}
