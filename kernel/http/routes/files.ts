/** Routes of files: what the storages can do, and what lies in them. */
import { z } from 'zod'
import type { BrowseEntry } from '../../contract/storage.ts'
import { browsedSourceUrl } from '../../stored-source.ts'
import type { HttpDeps } from '../deps.ts'
import { createApi, json, route } from '../openapi.ts'
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
  /** For `source_url` of a job; null for a folder. */
  source_url: z.string().nullable(),
}).meta({ id: 'FileEntry' })

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

/** Routes that look at files. */
export function fileRoutes({ storages }: HttpDeps) {
  return createApi()
    .openapi(capabilities, async (c) => {
      const views = storages.list().map(async ({ id, storage }) => {
        const can = await storage.getCapabilities()
        return {
          plugin_id: id,
          storage_type: can.storageType,
          supports_browse: can.supportsBrowse,
          supports_upload: can.supportsUpload,
          supports_signed_urls: can.supportsSignedUrls,
        }
      })
      return c.json(await Promise.all(views), 200)
    })
    .openapi(roots, async (c) => {
      const views = storages.list().map(async ({ id, storage }) => {
        const { storageType } = await storage.getCapabilities()
        const facts = { plugin_id: id, storage_type: storageType }
        return (await storage.browseRoots()).map(({ name, path }) => ({ name, path, ...facts }))
      })
      return c.json((await Promise.all(views)).flat(), 200)
    })
    .openapi(browse, async (c) => {
      const query = c.req.valid('query')
      const { id, storage } = storages.get(query.plugin)
      const folder = await storage.browse({
        path: query.path,
        mediaOnly: query.media_only,
        showHidden: query.show_hidden,
        ...(query.search === undefined ? {} : { searchQuery: query.search }),
      })
      const { currentPath: current_path, parentPath: parent_path } = folder
      const entries = folder.entries.map((found) => entryView(id, found))
      return c.json({ plugin_id: id, current_path, parent_path, entries }, 200)
    })
}

function entryView(pluginId: string, entry: BrowseEntry) {
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
    source_url: entry.isDirectory ? null : browsedSourceUrl(pluginId, entry.path),
  }
}
