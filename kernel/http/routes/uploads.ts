/** Routes that bring files in: through this server, or by a signed URL straight into a storage. */
import { z } from 'zod'
import { contentTypeOf } from '../../contract/content-types.ts'
import { WebEncodeError } from '../../errors.ts'
import { noteAudit } from '../audit.ts'
import type { HttpDeps } from '../deps.ts'
import { createApi, json, route } from '../openapi.ts'
import { placeUpload, storeUpload } from '../stored-upload.ts'
import { plainText } from './input.ts'

/** Seconds that a signed upload may begin in. */
const signedSeconds = 3600

const uploaded = z.strictObject({
  plugin_id: z.string(),
  bucket: z.string(),
  object_key: z.string(),
  /** For `source_url` of a job. */
  url: z.string(),
  size_bytes: z.int(),
  sha256: z.string(),
}).meta({ id: 'UploadedFile' })

const upload = route('post', '/v1/files/upload', {
  summary:
    'Upload a file: a form with `file` as its last field, or the bytes with ?name= or X-File-Name, checked by Repr-Digest',
  description:
    'A form may name its `object_key` below `uploads/`. A key is used once: of several uploads of one, one is stored, and the others are refused with WE-STO-007 (409), whenever they began.',
  request: {
    query: z.strictObject({ name: plainText(z.string().min(1).max(1000)).optional() }),
    body: {
      content: {
        'multipart/form-data': {
          schema: {
            type: 'object',
            required: ['file'],
            properties: { file: { type: 'string', format: 'binary' } },
          },
        },
        'application/octet-stream': { schema: { type: 'string', format: 'binary' } },
      },
    },
  },
  responses: { 201: json(uploaded, 'The stored file') },
})

const uploadUrlRequest = z.strictObject({
  plugin_id: z.string().min(1).max(64).optional(),
  bucket: z.string().min(1).max(63).optional(),
  /** Below `uploads/`; a new one when it is absent. */
  object_key: plainText(z.string().min(1).max(1024)).optional(),
  /** Ends the new key. @default 'upload' */
  file_name: plainText(z.string().min(1).max(1000)).optional(),
  content_type: z.string().regex(/^[\w.+-]+\/[\w.+-]+(; ?[\w.+-]+=[\w.+-]+)*$/).max(255).optional(),
  /** Of the bytes that will come: the storage refuses others. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/).optional(),
}).meta({ id: 'UploadUrlRequest' })

const uploadUrl = route('post', '/v1/files/upload-url', {
  summary: 'Sign an upload that goes straight to a storage',
  description:
    'A key that is taken is refused with WE-STO-007 (409). Of several uploads by signed URLs of one key, the last one stays; one with the header `If-None-Match: *` is refused with 412 where there is an object.',
  request: {
    body: { content: { 'application/json': { schema: uploadUrlRequest } }, required: false },
  },
  responses: {
    201: json(
      z.strictObject({
        plugin_id: z.string(),
        bucket: z.string(),
        object_key: z.string(),
        method: z.literal('PUT'),
        upload_url: z.string(),
        /** To be sent with the bytes. */
        headers: z.record(z.string(), z.string()),
        expires_at: z.string(),
        /** For `source_url` of a job, when the file is there. */
        url: z.string(),
      }).meta({ id: 'SignedUpload' }),
      'Where to send the bytes',
    ),
  },
})

/** Routes that bring files in. */
export function uploadRoutes({ storages, config }: HttpDeps) {
  return createApi()
    .openapi(upload, async (c) => {
      const bareName = c.req.valid('query').name ?? decodedName(c.req.header('x-file-name'))
      const { maxUploadBytes: maxBytes } = config
      const stored = await storeUpload(c, storages, { maxBytes, bareName })
      noteAudit(c, { resourceId: stored.key, detail: { size_bytes: stored.sizeBytes } })
      return c.json({
        plugin_id: stored.pluginId,
        bucket: stored.bucket,
        object_key: stored.key,
        url: stored.sourceUrl,
        size_bytes: stored.sizeBytes,
        sha256: stored.sha256,
      }, 201)
    })
    .openapi(uploadUrl, async (c) => {
      const { plugin_id, object_key, file_name, content_type, sha256, ...wish } = c.req.valid(
        'json',
      )
      const place = await placeUpload(storages, {
        ...wish,
        pluginId: plugin_id,
        objectKey: object_key,
        fileName: file_name ?? 'upload',
      })
      const signed = await place.storage.storage.getUploadUrl({
        bucket: place.bucket,
        objectKey: place.key,
        contentType: content_type ?? contentTypeOf(place.key),
        expirySeconds: signedSeconds,
        method: 'PUT',
        audience: 'browser',
        ...(sha256 !== undefined && { sha256 }),
      })
      noteAudit(c, { resourceId: place.key, detail: { plugin_id: place.storage.id } })
      const base = config.publicUrl ?? new URL(c.req.url).origin
      return c.json({
        plugin_id: place.storage.id,
        bucket: place.bucket,
        object_key: place.key,
        method: 'PUT' as const,
        upload_url: new URL(signed.url, base).href,
        headers: { ...signed.headers },
        expires_at: new Date(signed.expiresAt * 1000).toISOString(),
        url: place.sourceUrl,
      }, 201)
    })
}

/** Headers carry ASCII only, so that a name in one is percent-encoded. */
function decodedName(header: string | undefined): string | undefined {
  if (header === undefined) return undefined
  try {
    return decodeURIComponent(header)
  } catch (cause) {
    throw new WebEncodeError('WE-JOB-001', 'X-File-Name must be percent-encoded UTF-8', {
      path: 'X-File-Name',
      cause,
    })
  }
}
