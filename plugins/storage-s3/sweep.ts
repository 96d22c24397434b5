/** Throws away the parts of uploads that nobody will finish: servers keep them, and charge for them, for ever. */
import {
  AbortMultipartUploadCommand,
  ListMultipartUploadsCommand,
  type MultipartUpload,
  type S3Client,
} from '@aws-sdk/client-s3'

/** A day after it began an upload is forgotten. */
const partLifeMs = 24 * 3600 * 1000
/** Prefixes of this product's objects: others may use the bucket too. */
const prefixes = ['uploads/', 'jobs/', 'tus/']
/** Most uploads thrown away in one sweep; the rest waits for the next. */
const maxSwept = 1000

/** @returns how many were thrown away */
export async function sweepParts(
  client: Pick<S3Client, 'send'>,
  bucket: string,
  nowMs: number,
  abortSignal: AbortSignal,
): Promise<number> {
  let swept = 0
  for (const Prefix of prefixes) {
    const list = new ListMultipartUploadsCommand({ Bucket: bucket, Prefix, MaxUploads: maxSwept })
    const { Uploads = [] } = await client.send(list, { abortSignal })
    for (const { Key, UploadId } of Uploads.filter((upload) => isForgotten(upload, nowMs))) {
      const abort = new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId })
      await client.send(abort, { abortSignal })
      swept++
    }
  }
  return swept
}

function isForgotten({ Initiated }: MultipartUpload, nowMs: number): boolean {
  return Initiated !== undefined && Initiated.getTime() < nowMs - partLifeMs
}
