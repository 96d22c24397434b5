/** Routes of files: what the storage can do, what lies in it, and uploads. */
import { z } from 'zod'
import type { BrowseEntry } from '../../contract/storage.ts'
import { WebEncodeError } from '../../errors.ts'
import { noteAudit } from '../audit.ts'
import type { HttpDeps } from '../deps.ts'
import { createApi, json, route } from '../openapi.ts'
import { storeUpload } from '../stored-upload.ts'
import { plainText } from './input.ts'

const flag = z.enum(['true', 'false', '1', '0']).default('false').transform((text) =>
  text === 'true' || text === '1'
)

const entry = z.strictObject({
  name: z.string(),
  path: z.string(),
  is_directory: z.boolean(),
  size: z.number(),
  modified_at: z.string(),
  extension: z.string(),
  is_video: z.boolean(),
  is_audio: z.boolean(),
  is_image: z.boolean(),
}).meta({ id: 'FileEntry' })

const uploaded = z.strictObject({
  object_key: z.string(),
  /** For `source_url` of a job. */
  url: z.string(),
  size_bytes: z.int(),
  sha256: z.string(),
}).meta({ id: 'UploadedFile' })

const capabilities = route('get', '/v1/files/capabilities', {
  summary: 'Say what the storages can do',
  responses: {
    200: json(
      z.array(z.strictObject({
        plugin_id: z.string(),
        storage_type: z.string(),
        supports_browse: z.boolean(),
        supports_upload: z.boolean(),
        supports_signed_urls: z.boolean(),
      })),
      'One per storage',
    ),
  },
})

const roots = route('get', '/v1/files/roots', {
  summary: 'List the folders that sources may be picked from',
  responses: {
    200: json(
      z.array(z.strictObject({
        plugin_id: z.string(),
        name: z.string(),
        path: z.string(),
        storage_type: z.string(),
      })),
      'The roots',
    ),
  },
})

const browse = route('get', '/v1/files/browse', {
  summary: 'List a folder',
  request: {
    query: z.strictObject({
      plugin: z.string().max(64).optional(),
      path: plainText(z.string().max(4096)).default(''),
      media_only: flag,
      show_hidden: flag,
      search: plainText(z.string().max(200)).optional(),
    }),
  },
  responses: {
    200: json(
      z.strictObject({
        plugin_id: z.string(),
        current_path: z.string(),
        parent_path: z.string(),
        entries: z.array(entry),
      }),
      'The folder',
    ),
  },
})

const upload = route('post', '/v1/files/upload', {
  summary: 'Upload a file: a form with the field `file`, or the bytes with ?name= or X-File-Name',
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

/** Routes below `/v1/files`. */
export function fileRoutes({ storage, config }: HttpDeps) {
  return createApi()
    .openapi(capabilities, async (c) => {
      const can = await storage.getCapabilities()
      return c.json([{
        plugin_id: pluginId(can.storageType),
        storage_type: can.storageType,
        supports_browse: can.supportsBrowse,
        supports_upload: can.supportsUpload,
        supports_signed_urls: can.supportsSignedUrls,
      }], 200)
    })
    .openapi(roots, async (c) => {
      const { storageType } = await storage.getCapabilities()
      const facts = { plugin_id: pluginId(storageType), storage_type: storageType }
      const entries = await storage.browseRoots()
      return c.json(entries.map(({ name, path }) => ({ name, path, ...facts })), 200)
    })
    .openapi(browse, async (c) => {
      const query = c.req.valid('query')
      const { storageType } = await storage.getCapabilities()
      const plugin_id = pluginId(storageType)
      if (query.plugin !== undefined && query.plugin !== plugin_id) {
        throw new WebEncodeError('WE-PLG-001', `No storage plugin has the ID: ${query.plugin}`)
      }
      const folder = await storage.browse({
        path: query.path,
        mediaOnly: query.media_only,
        showHidden: query.show_hidden,
        ...(query.search === undefined ? {} : { searchQuery: query.search }),
      })
      const { currentPath: current_path, parentPath: parent_path } = folder
      const entries = folder.entries.map(entryView)
      return c.json({ plugin_id, current_path, parent_path, entries }, 200)
    })
    .openapi(upload, async (c) => {
      const bareName = c.req.valid('query').name ?? decodedName(c.req.header('x-file-name'))
      const { maxUploadBytes: maxBytes } = config
      const { key, sizeBytes, sha256 } = await storeUpload(c, storage, { maxBytes, bareName })
      noteAudit(c, { resourceId: key, detail: { size_bytes: sizeBytes } })
      return c.json({ object_key: key, url: `fs://${key}`, size_bytes: sizeBytes, sha256 }, 201)
    })
}

function pluginId(storageType: string): string {
  return `storage-${storageType}`
}

function entryView(entry: BrowseEntry) {
  return {
    name: entry.name,
    path: entry.path,
    is_directory: entry.isDirectory,
    size: entry.size,
    modified_at: new Date(entry.modTime * 1000).toISOString(),
    extension: entry.extension,
    is_video: entry.isVideo,
    is_audio: entry.isAudio,
    is_image: entry.isImage,
  }
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
