/** The built assets: their hashed URLs, and their bytes from memory. */
import { readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { z } from 'zod'

const manifestSchema = z.object({ files: z.record(z.string(), z.string()) })

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** One asset, whole. */
export interface Asset {
  readonly body: Uint8Array<ArrayBuffer>
  /** The same, compressed. */
  readonly gzip: Uint8Array<ArrayBuffer>
  readonly contentType: string
}

export interface Assets {
  /** URL of an asset by its plain name, e.g. `app.css`. @throws RangeError when there is none */
  url(name: string): string
  /** An asset by its hashed name; undefined when there is none. */
  find(hashedName: string): Asset | undefined
  /** An asset by its plain name, as it is now. */
  findByPlainName(name: string): Asset | undefined
}

/**
 * Where the build puts the assets: `dist/ui/assets`, seen from the sources and from `dist` alike.
 */
export function defaultAssetsDirectory(): string {
  const here = fileURLToPath(new URL('.', import.meta.url))
  return /[\\/]dist[\\/]ui[\\/]$/.test(here)
    ? join(here, 'assets')
    : join(here, '../dist/ui/assets')
}

/**
 * Reads and compresses all assets of `directory` (about 300 kB) at once.
 * @throws Error with the missing file when the assets were not built
 */
export function loadAssets(directory: string): Assets {
  const manifest = manifestSchema.parse(
    JSON.parse(readFileSync(join(directory, 'manifest.json'), 'utf8')),
  )
  const hashedNames = new Map(Object.entries(manifest.files))
  const assets = new Map<string, Asset>()
  for (const name of hashedNames.values()) assets.set(name, readAsset(directory, name))
  return {
    url(name) {
      const hashedName = hashedNames.get(name)
      if (hashedName === undefined) throw new RangeError(`There is no asset "${name}"`)
      return `/assets/${hashedName}`
    },
    find: (hashedName) => assets.get(hashedName),
    findByPlainName: (name) => assets.get(hashedNames.get(name) ?? ''),
  }
}

function readAsset(directory: string, name: string): Asset {
  const contentType = contentTypes[extname(name)]
  if (contentType === undefined) throw new TypeError(`Asset "${name}" has an unknown extension`)
  const body = new Uint8Array(readFileSync(join(directory, name)))
  return { body, gzip: new Uint8Array(gzipSync(body)), contentType }
}
