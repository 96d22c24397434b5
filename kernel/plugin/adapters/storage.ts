/** A storage plugin as the storage port: the kernel's end. */
import { createHash, type Hash } from 'node:crypto'
import { byteStreamFrom } from '../../contract/byte-stream.ts'
import type { PluginInstance } from '../../contract/plugin.ts'
import type {
  BrowseEntry,
  ObjectInfo,
  ObjectMetadata,
  SignedUrlResponse,
  StorageProvider,
  UploadSummary,
} from '../../contract/storage.ts'
import { WebEncodeError } from '../../errors.ts'
import { messageChunks } from '../wire.ts'
import { refuseBadKey } from './storage-key.ts'
import {
  browseEntryFrom,
  type FileChunkMessage,
  fileRequestFrom,
  metadataFrom,
  objectInfoFrom,
  objectMetadataFrom,
  signedUrlFrom,
  signedUrlRequestMessage,
  summaryFrom,
} from './storage-messages.ts'

/** Silence that a transfer may have, in milliseconds: a full disk is slow to answer. */
const transferTimeoutMs = 60_000

type Target = Parameters<StorageProvider['upload']>[0]
type DownloadTarget = Parameters<StorageProvider['download']>[0]

/** The port; every failure has a code. The instance may be asked at each call for the one that serves now. */
export function storageFrom(
  instance: Pick<PluginInstance, 'call' | 'readStream' | 'writeStream'>,
): StorageProvider {
  const call = async <T>(method: string, request: object) =>
    await instance.call(method, request) as T
  return {
    upload: createUpload(instance),
    download: (target) => download(instance, target),
    delete: async (target) => void await call('Delete', fileRequestFrom(target)),
    getUrl: async (request) =>
      signedUrlFrom(await call<SignedUrlResponse>('GetURL', signedUrlRequestMessage(request))),
    getUploadUrl: async (request) =>
      signedUrlFrom(
        await call<SignedUrlResponse>('GetUploadURL', signedUrlRequestMessage(request)),
      ),
    async listObjects(request) {
      const page = await call<{ objects: ObjectInfo[]; nextContinuationToken: string }>(
        'ListObjects',
        request,
      )
      const { nextContinuationToken: token } = page
      const objects = page.objects.map(objectInfoFrom)
      return token === '' ? { objects } : { objects, nextContinuationToken: token }
    },
    getObjectMetadata: async (target) =>
      metadataFrom(await call<ObjectMetadata>('GetObjectMetadata', fileRequestFrom(target))),
    getCapabilities: () => call('GetCapabilities', {}),
    browseRoots: async () =>
      (await call<{ roots: BrowseEntry[] }>('BrowseRoots', {})).roots.map(browseEntryFrom),
    async browse(request) {
      type Answer = { currentPath: string; parentPath: string; entries: BrowseEntry[] }
      const { currentPath, parentPath, entries } = await call<Answer>('Browse', request)
      return { currentPath, parentPath, entries: entries.map(browseEntryFrom) }
    },
  }
}

/**
 * An object's hash is part of the port and not of the specification's messages: the bytes are hashed here until the plugin
 * has shown that it tells their hash itself.
 */
function createUpload(
  instance: Pick<PluginInstance, 'call' | 'writeStream'>,
): StorageProvider['upload'] {
  let tellsHash = false
  return async (target, chunks) => {
    refuseBadKey(target.path)
    const hash = tellsHash ? undefined : createHash('sha256')
    const answer = await instance.writeStream('Upload', uploadMessages(target, chunks, hash), {
      timeoutMs: transferTimeoutMs,
      ...(target.signal !== undefined && { signal: target.signal }),
    }) as UploadSummary
    tellsHash = answer.sha256 !== ''
    const sha256 = answer.sha256 || hash?.digest('hex') || ''
    if (target.sha256 !== undefined && sha256 !== target.sha256) {
      await instance.call('Delete', fileRequestFrom(target))
      throw wrongBytes(target.path, target.sha256, sha256)
    }
    return { ...summaryFrom(answer), sha256 }
  }
}

function wrongBytes(path: string, expected: string, found: string): WebEncodeError {
  return new WebEncodeError(
    'WE-STO-006',
    `Cannot write object "${path}": its bytes must have the SHA-256 ${expected}, found ${found}`,
  )
}

async function* uploadMessages(
  { bucket, path, contentType = '', sha256 = '', ifAbsent = false }: Target,
  chunks: AsyncIterable<Uint8Array>,
  hash: Hash | undefined,
): AsyncGenerator<object> {
  yield { metadata: { bucket, path, contentType, sha256, saysEnd: true, ifAbsent } }
  for await (const data of messageChunks(chunks)) {
    hash?.update(data)
    yield { data }
  }
  yield { end: {} }
}

async function download(
  instance: Pick<PluginInstance, 'call' | 'readStream'>,
  target: DownloadTarget,
): ReturnType<StorageProvider['download']> {
  const request = fileRequestFrom(target)
  const stream = instance.readStream('Download', request, { timeoutMs: transferTimeoutMs })
  const iterator = (stream as AsyncIterable<FileChunkMessage>)[Symbol.asyncIterator]()
  const first = await iterator.next()
  const head = first.done === true ? undefined : first.value
  const metadata = head?.metadata !== undefined ? objectMetadataFrom(head.metadata) : metadataFrom(
    await instance.call(
      'GetObjectMetadata',
      fileRequestFrom({ bucket: target.bucket, path: target.path }),
    ) as ObjectMetadata,
  )
  const data = dataOf(head?.data, iterator)
  const wanted = slice(data, target.range, head?.metadata?.rangeStart ?? 0)
  return { metadata, body: byteStreamFrom(wanted) }
}

async function* dataOf(
  first: Uint8Array | undefined,
  iterator: AsyncIterator<FileChunkMessage>,
): AsyncGenerator<Uint8Array> {
  try {
    if (first !== undefined) yield first
    for (;;) {
      const next = await iterator.next()
      if (next.done === true) return
      if (next.value.data !== undefined) yield next.value.data
    }
  } finally {
    await iterator.return?.()
  }
}

/** The part that was asked for, also from a plugin that sends more than that. @param sentFrom - what the data begins with */
async function* slice(
  data: AsyncIterable<Uint8Array>,
  range: DownloadTarget['range'],
  sentFrom: number,
): AsyncGenerator<Uint8Array> {
  if (range === undefined) return yield* data
  let at = sentFrom
  const end = range.end === undefined ? Infinity : range.end + 1
  for await (const chunk of data) {
    const part = chunk.subarray(Math.max(0, range.start - at), Math.max(0, end - at))
    if (part.length > 0) yield part
    at += chunk.length
    if (at >= end) return
  }
}
