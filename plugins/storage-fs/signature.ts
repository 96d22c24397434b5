/** Signed URLs: who holds one may do one thing with one object until it expires. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { deny } from './failure.ts'

/** In place of a bucket: files of the media directories, which are only ever read. No bucket may have this name. */
export const libraryBucket = 'library'

/** What a signature grants. */
export interface Grant {
  readonly method: 'GET' | 'PUT'
  /** A bucket, or {@link libraryBucket}; then the key is a path without its first slash. */
  readonly bucket: string
  readonly key: string
  /** Seconds since the epoch. */
  readonly expiresAt: number
  /** For PUT: the content type that the upload must have. */
  readonly contentType?: string | undefined
  readonly downloadName?: string | undefined
}

/** The query of a signed URL. */
export function signedQueryFrom(grant: Grant, signingKey: Uint8Array): URLSearchParams {
  const query = new URLSearchParams({ expires: String(grant.expiresAt) })
  if (grant.contentType !== undefined) query.set('type', grant.contentType)
  if (grant.downloadName !== undefined) query.set('download', grant.downloadName)
  query.set('signature', signatureOf(grant, signingKey).toString('base64url'))
  return query
}

/**
 * The grant of a request, when its signature holds.
 * @param nowSeconds - seconds since the epoch
 * @throws WE-STO-002 when the signature is missing, wrong or expired
 */
export function parseGrant(
  request: { method: 'GET' | 'PUT'; bucket: string; key: string; query: URLSearchParams },
  signingKey: Uint8Array,
  nowSeconds: number,
): Grant {
  const { method, bucket, key, query } = request
  const grant: Grant = {
    method,
    bucket,
    key,
    expiresAt: Number(query.get('expires') ?? Number.NaN),
    contentType: query.get('type') ?? undefined,
    downloadName: query.get('download') ?? undefined,
  }
  const action = `${method} object "${key}"`
  const given = Buffer.from(query.get('signature') ?? '', 'base64url')
  const expected = signatureOf(grant, signingKey)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    deny(action, 'the signature of the URL is missing or wrong')
  }
  if (grant.expiresAt <= nowSeconds) deny(action, 'the URL has expired')
  return grant
}

/** HMAC-SHA256 over a form in which no two grants look alike. */
function signatureOf(grant: Grant, signingKey: Uint8Array): Buffer {
  const { method, bucket, key, expiresAt, contentType = null, downloadName = null } = grant
  const fields = ['webencode-object-1', method, bucket, key, expiresAt, contentType, downloadName]
  return createHmac('sha256', signingKey).update(JSON.stringify(fields)).digest()
}
