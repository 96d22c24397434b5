/** The messages of `storage.proto` and the shapes of the storage port, each made from the other. Used by both ends. */
import type {
  BrowseEntry,
  ObjectInfo,
  ObjectMetadata,
  SignedUrlRequest,
  SignedUrlResponse,
  UploadSummary,
} from '../../contract/storage.ts'
import { refuseBadKey } from './storage-key.ts'

/** A message as it is decoded: fields that were not sent have their defaults, optional ones may be absent. */
export interface FileMetadataMessage {
  readonly bucket: string
  readonly path: string
  readonly size: number
  readonly contentType: string
  readonly sha256: string
  readonly etag: string
  readonly lastModified: number
  readonly rangeStart: number
  readonly saysEnd?: boolean
  readonly ifAbsent?: boolean
}

export interface FileChunkMessage {
  readonly content?: 'metadata' | 'data' | 'end'
  readonly metadata?: FileMetadataMessage
  readonly data?: Uint8Array
  readonly end?: object
}

export interface FileRequestMessage {
  readonly bucket: string
  readonly path: string
  readonly rangeStart?: number
  readonly rangeEnd?: number
}

export interface SignedUrlRequestMessage {
  readonly bucket: string
  readonly objectKey: string
  readonly expirySeconds: number
  readonly contentType: string
  readonly method: string
  readonly audience: string
  readonly downloadName: string
  readonly sha256: string
}

export interface ListRequestMessage {
  readonly bucket: string
  readonly prefix: string
  readonly maxKeys: number
  readonly continuationToken: string
}

export interface BrowseRequestMessage {
  readonly path: string
  readonly showHidden: boolean
  readonly mediaOnly: boolean
  readonly searchQuery: string
}

type Range = { readonly start: number; readonly end?: number }

/** The request for an object, or for a part of it. */
export function fileRequestFrom(
  { bucket, path, range }: { bucket: string; path: string; range?: Range },
): FileRequestMessage {
  refuseBadKey(path)
  return {
    bucket,
    path,
    ...(range !== undefined && { rangeStart: range.start }),
    ...(range?.end !== undefined && { rangeEnd: range.end }),
  }
}

export function targetFrom(
  { bucket, path, rangeStart, rangeEnd }: FileRequestMessage,
): { bucket: string; path: string; range?: Range } {
  refuseBadKey(path)
  if (rangeStart === undefined && rangeEnd === undefined) return { bucket, path }
  const end = rangeEnd === undefined ? {} : { end: rangeEnd }
  return { bucket, path, range: { start: rangeStart ?? 0, ...end } }
}

/** What a download begins with. */
export function downloadHead(
  { bucket, path, rangeStart }: FileRequestMessage,
  { size, contentType, etag, lastModified }: ObjectMetadata,
): FileMetadataMessage {
  return {
    bucket,
    path,
    size,
    contentType,
    etag,
    lastModified,
    sha256: '',
    rangeStart: rangeStart ?? 0,
  }
}

/** The facts of an object from the head of its download. */
export function objectMetadataFrom(
  { path, size, contentType, etag, lastModified }: FileMetadataMessage,
): ObjectMetadata {
  return { key: path, size, contentType, etag, lastModified }
}

export function signedUrlRequestMessage(request: SignedUrlRequest): SignedUrlRequestMessage {
  refuseBadKey(request.objectKey)
  return { contentType: '', downloadName: '', sha256: '', ...request }
}

/** @param method - of the call, for a caller that leaves it out */
export function signedUrlRequestFrom(
  message: SignedUrlRequestMessage,
  method: 'GET' | 'PUT',
): SignedUrlRequest {
  const { bucket, objectKey, expirySeconds, contentType, audience, downloadName, sha256 } = message
  refuseBadKey(objectKey)
  return {
    bucket,
    objectKey,
    expirySeconds,
    method,
    audience: audience === 'worker' ? 'worker' : 'browser',
    ...(contentType !== '' && { contentType }),
    ...(downloadName !== '' && { downloadName }),
    ...(sha256 !== '' && { sha256 }),
  }
}

export function signedUrlFrom(
  { url, headers, expiresAt, isResumable }: SignedUrlResponse,
): SignedUrlResponse {
  return { url, headers: { ...headers }, expiresAt, ...(isResumable === true && { isResumable }) }
}

export function summaryFrom({ url, size, etag, sha256 }: UploadSummary): UploadSummary {
  return { url, size, etag, sha256 }
}

export function objectInfoFrom({ key, size, etag, lastModified }: ObjectInfo): ObjectInfo {
  return { key, size, etag, lastModified }
}

export function metadataFrom(
  { key, size, etag, lastModified, contentType }: ObjectMetadata,
): ObjectMetadata {
  return { key, size, etag, lastModified, contentType }
}

export function browseEntryFrom(entry: BrowseEntry): BrowseEntry {
  const { name, path, isDirectory, size, modTime, extension, isVideo, isAudio, isImage } = entry
  return { name, path, isDirectory, size, modTime, extension, isVideo, isAudio, isImage }
}
