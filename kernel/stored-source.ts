/** Addresses of stored files as sources: `fs://uploads/…` of the main storage, `storage://<plugin id>/<bucket>/<key>` of any. */
import { pathToFileURL } from 'node:url'

/** An object of a storage. */
export interface StoredSource {
  readonly pluginId: string
  readonly bucket: string
  readonly key: string
}

/** The address of an object. */
export function storedSourceUrl({ pluginId, bucket, key }: StoredSource): string {
  return `storage://${pluginId}/${[bucket, ...key.split('/')].map(encodeURIComponent).join('/')}`
}

/** The address of a file that was browsed to. @param path - absolute on a disk, else the bucket and the key */
export function browsedSourceUrl(pluginId: string, path: string): string {
  if (path.startsWith('/')) return pathToFileURL(path).href
  const [bucket = '', ...rest] = path.split('/')
  return storedSourceUrl({ pluginId, bucket, key: rest.join('/') })
}

/** What a `storage:` address names; undefined when it cannot be read. */
export function parseStoredSource(text: string): StoredSource | undefined {
  const [, pluginId, bucket, path] = /^storage:\/\/([a-z0-9-]{1,64})\/([^/?#]+)\/([^?#]+)$/
    .exec(text) ?? []
  if (pluginId === undefined || bucket === undefined || path === undefined) return undefined
  try {
    return { pluginId, bucket: decodeURIComponent(bucket), key: decodeURIComponent(path) }
  } catch {
    return undefined
  }
}
