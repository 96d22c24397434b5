/** The storage service, served from a storage port: the plugin's end. */
import type { StorageProvider } from '../../contract/storage.ts'
import { WebEncodeError } from '../../errors.ts'
import type { ServedCall, ServedMethods } from '../serve.ts'
import { messageChunks } from '../wire.ts'
import { refuseBadKey } from './storage-key.ts'
import {
  browseEntryFrom,
  type BrowseRequestMessage,
  downloadHead,
  type FileChunkMessage,
  type FileRequestMessage,
  type ListRequestMessage,
  metadataFrom,
  objectInfoFrom,
  signedUrlFrom,
  signedUrlRequestFrom,
  type SignedUrlRequestMessage,
  summaryFrom,
  targetFrom,
} from './storage-messages.ts'

/** The functions of the service. */
export function storageMethods(storage: StorageProvider): ServedMethods {
  return { ...fileMethods(storage), ...urlMethods(storage), ...listMethods(storage) }
}

function fileMethods(storage: StorageProvider): ServedMethods {
  return {
    Upload: (requests: AsyncIterable<object>, call: ServedCall) =>
      receive(storage, requests as AsyncIterable<FileChunkMessage>, call),
    Download: (request: object, call: ServedCall) =>
      send(storage, request as FileRequestMessage, call),
    Delete: async (request: object) => {
      await storage.delete(targetFrom(request as FileRequestMessage))
      return {}
    },
    GetObjectMetadata: async (request: object) =>
      metadataFrom(await storage.getObjectMetadata(targetFrom(request as FileRequestMessage))),
  }
}

function urlMethods(storage: StorageProvider): ServedMethods {
  return {
    GetURL: async (request: object) => {
      const wanted = signedUrlRequestFrom(request as SignedUrlRequestMessage, 'GET')
      return signedUrlFrom(await storage.getUrl(wanted))
    },
    GetUploadURL: async (request: object) => {
      const wanted = signedUrlRequestFrom(request as SignedUrlRequestMessage, 'PUT')
      return signedUrlFrom(await storage.getUploadUrl(wanted))
    },
  }
}

function listMethods(storage: StorageProvider): ServedMethods {
  return {
    ListObjects: async (request: object) => await list(storage, request as ListRequestMessage),
    GetCapabilities: async () => await storage.getCapabilities(),
    BrowseRoots: async () => ({ roots: (await storage.browseRoots()).map(browseEntryFrom) }),
    Browse: async (request: object) => {
      const { path, showHidden, mediaOnly, searchQuery } = request as BrowseRequestMessage
      const search = searchQuery === '' ? {} : { searchQuery }
      const found = await storage.browse({ path, showHidden, mediaOnly, ...search })
      return { ...found, entries: found.entries.map(browseEntryFrom) }
    },
  }
}

async function receive(
  storage: StorageProvider,
  requests: AsyncIterable<FileChunkMessage>,
  { signal }: ServedCall,
): Promise<object> {
  const iterator = requests[Symbol.asyncIterator]()
  const first = await iterator.next()
  const metadata = first.done === true ? undefined : first.value.metadata
  if (metadata === undefined) {
    throw new WebEncodeError(
      'WE-STO-002',
      'Cannot take an upload: its first message must be the metadata, and is not',
    )
  }
  const { bucket, path, contentType, sha256, saysEnd = false, ifAbsent = false } = metadata
  refuseBadKey(path)
  const target = {
    bucket,
    path,
    signal,
    ifAbsent,
    ...(contentType !== '' && { contentType }),
    ...(sha256 !== '' && { sha256 }),
  }
  return summaryFrom(await storage.upload(target, dataOf(iterator, saysEnd)))
}

/** @param saysEnd - without an end the stream has broken off, and what came of the object is not the object */
async function* dataOf(
  iterator: AsyncIterator<FileChunkMessage>,
  saysEnd: boolean,
): AsyncGenerator<Uint8Array> {
  for (;;) {
    const next = await iterator.next()
    if (next.done === true && saysEnd) {
      throw new WebEncodeError('WE-STO-004', 'Cannot take an upload: it broke off')
    }
    if (next.done === true || next.value.end) return
    if (next.value.data !== undefined) yield next.value.data
  }
}

async function* send(
  storage: StorageProvider,
  request: FileRequestMessage,
  { signal }: ServedCall,
): AsyncGenerator<object> {
  const { metadata, body } = await storage.download(targetFrom(request))
  const reader = body.getReader()
  // A caller that is gone must not leave a file open; without an abort the loop below ends it.
  const cancel = () => void reader.cancel().catch(() => {})
  signal.addEventListener('abort', cancel, { once: true })
  try {
    yield { metadata: downloadHead(request, metadata) }
    for await (const data of messageChunks(chunksOf(reader))) yield { data }
  } finally {
    signal.removeEventListener('abort', cancel)
    await reader.cancel()
  }
}

async function* chunksOf(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    yield value
  }
}

async function list(
  storage: StorageProvider,
  { bucket, prefix, maxKeys, continuationToken }: ListRequestMessage,
): Promise<object> {
  const page = await storage.listObjects({
    bucket,
    prefix,
    ...(maxKeys > 0 && { maxKeys }),
    ...(continuationToken !== '' && { continuationToken }),
  })
  return {
    objects: page.objects.map(objectInfoFrom),
    nextContinuationToken: page.nextContinuationToken ?? '',
    isTruncated: page.nextContinuationToken !== undefined,
  }
}
