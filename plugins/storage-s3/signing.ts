/** URLs that let others read or write one object for a while, without the keys. */
import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { contentTypeOf } from '../../kernel/contract/content-types.ts'
import { attachmentOf } from '../../kernel/contract/disposition.ts'
import type { SignedUrlRequest } from '../../kernel/contract/storage.ts'

/** What is signed. */
export interface SigningOrder {
  readonly bucket: string
  readonly expirySeconds: number
  readonly request: SignedUrlRequest
}

/** The URL, and what must be sent with it. */
export interface Signed {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** For reading. The content type follows the name, so that nothing is shown that a browser would run. */
export async function signRead(client: S3Client, order: SigningOrder): Promise<Signed> {
  const { objectKey: Key, downloadName } = order.request
  const command = new GetObjectCommand({
    Bucket: order.bucket,
    Key,
    ResponseContentType: contentTypeOf(Key),
    ...(downloadName !== undefined && { ResponseContentDisposition: attachmentOf(downloadName) }),
  })
  return {
    url: await getSignedUrl(client, command, { expiresIn: order.expirySeconds }),
    headers: {},
  }
}

/** For writing an object of this content type, and of this SHA-256 when one is named: the server checks both. */
export async function signWrite(client: S3Client, order: SigningOrder): Promise<Signed> {
  const { objectKey: Key, sha256 } = order.request
  // The SDK would sign a type of its own.
  const ContentType = order.request.contentType ?? contentTypeOf(Key)
  const checksum = sha256 && Buffer.from(sha256, 'hex').toString('base64')
  const command = new PutObjectCommand({
    Bucket: order.bucket,
    Key,
    ContentType,
    ...(checksum !== undefined && { ChecksumSHA256: checksum }),
  })
  const url = await getSignedUrl(client, command, {
    expiresIn: order.expirySeconds,
    signableHeaders: new Set(['host', 'content-type', 'x-amz-checksum-sha256']),
    // As parts of the URL they would be promises that not every server keeps.
    unhoistableHeaders: new Set(['x-amz-checksum-sha256']),
  })
  return {
    url,
    headers: {
      'content-type': ContentType,
      ...(checksum !== undefined && { 'x-amz-checksum-sha256': checksum }),
    },
  }
}
