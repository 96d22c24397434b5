/** Uploads into storage: where they go, and what is refused. */
import { randomUUID } from 'node:crypto'
import type { Context } from 'hono'
import type { ObjectRef } from '../contract/media.ts'
import { objectKeyFault } from '../contract/object-key.ts'
import { WebEncodeError } from '../errors.ts'
import type { NamedStorage, Storages } from '../storages.ts'
import { storedSourceUrl } from '../stored-source.ts'
import { currentIdentity } from './auth.ts'
import { checkCsrfToken } from './csrf.ts'
import type { AppEnv } from './deps.ts'
import { safeFileName } from './file-name.ts'
import { receiveFile, type ReceiveOptions } from './upload.ts'

const mainBucket = 'media'

/** A file that was stored, and where. */
export interface StoredUpload extends ObjectRef {
  readonly pluginId: string
  readonly bucket: string
  /** What a job takes as its source. */
  readonly sourceUrl: string
}

/** Where a client wants its file. */
export interface UploadWish {
  /** @default the main storage */
  readonly pluginId?: string | undefined
  /** @default 'media', which every storage has */
  readonly bucket?: string | undefined
  /** Below `uploads/`. @default a new one */
  readonly objectKey?: string | undefined
  /** As the client named the file; untrusted. */
  readonly fileName: string
}

/** Where a file goes. */
export interface UploadPlace {
  readonly storage: NamedStorage
  readonly bucket: string
  readonly key: string
  readonly sourceUrl: string
}

/** Decides where a file goes. @throws WE-PLG-001 for an unknown storage, WE-STO-002 for a key that is not an upload's, WE-STO-007 for one that is taken */
export async function placeUpload(storages: Storages, wish: UploadWish): Promise<UploadPlace> {
  const named = storages.get(wish.pluginId)
  const bucket = wish.bucket ?? mainBucket
  const key = wish.objectKey ?? `uploads/${randomUUID()}/${safeFileName(wish.fileName)}`
  if (wish.objectKey !== undefined) await checkKey(named, bucket, key)
  const isMainUpload = named === storages.main && key.split('/').length >= 3
  const sourceUrl = isMainUpload
    ? `fs://${key}`
    : storedSourceUrl({ pluginId: named.id, bucket, key })
  return { storage: named, bucket, key, sourceUrl }
}

/** Outputs and logs are not for uploads, and what one job reads is not to be changed by another upload. */
async function checkKey({ storage }: NamedStorage, bucket: string, key: string): Promise<void> {
  const action = `Cannot upload to "${key.slice(0, 200)}"`
  const fault = objectKeyFault(bucket, key) ??
    (key.startsWith('uploads/') ? undefined : 'the key must start with "uploads/"')
  if (fault !== undefined) {
    throw new WebEncodeError('WE-STO-002', `${action}: ${fault}`, { path: 'object_key' })
  }
  try {
    await storage.getObjectMetadata({ bucket, path: key })
  } catch (failure) {
    if (failure instanceof WebEncodeError && failure.code === 'WE-STO-001') return
    throw failure
  }
  const problem = `${action}: there is a file with this key`
  throw new WebEncodeError('WE-STO-007', problem, { path: 'object_key' })
}

/**
 * Streams the file of a request into a storage. A form of a browser without scripts has its field `_csrf` before the file;
 * `plugin_id`, `bucket` and `object_key` may be there too.
 * @throws WE-JOB-001 without a file, WE-SYS-006 above the limit, WE-AUTH-003, WE-STO-002, WE-STO-003, WE-STO-006, WE-STO-007
 */
export async function storeUpload(
  c: Context<AppEnv>,
  storages: Storages,
  options: ReceiveOptions,
): Promise<StoredUpload> {
  const identity = currentIdentity(c)
  const wished = (fields: ReadonlyMap<string, string>, name: string) =>
    fields.get(name) || undefined
  return await receiveFile(c.req.raw, options, async (file) => {
    const { name, contentType, fields, chunks } = file
    if (c.get('isCsrfOpen')) checkCsrfToken(identity, fields.get('_csrf'))
    const objectKey = wished(fields, 'object_key')
    const { storage: { id: pluginId, storage }, bucket, key, sourceUrl } = await placeUpload(
      storages,
      {
        pluginId: wished(fields, 'plugin_id'),
        bucket: wished(fields, 'bucket'),
        objectKey,
        fileName: name,
      },
    )
    const target = {
      bucket,
      path: key,
      contentType,
      ...(file.sha256 && { sha256: file.sha256 }),
      // It was looked up, and may be taken by now: another upload of it may have ended meanwhile.
      ...(objectKey !== undefined && { ifAbsent: true }),
    }
    const { size, sha256 } = await storage.upload(target, chunks)
    const stored = { key, sizeBytes: size, sha256, pluginId, bucket, sourceUrl }
    if (size > 0 || name !== '') return stored
    // What a browser sends when no file was chosen. A named empty file is the probe's to judge.
    await storage.delete({ bucket, path: key })
    throw new WebEncodeError('WE-JOB-001', 'No file was chosen', { path: 'file' })
  })
}
