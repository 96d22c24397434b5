/** A storage plugin that does what the bytes of an upload say: keeps them, or behaves as badly as a storage can. Of keys with DEAF it never tells. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What the first word of an upload makes it do. */
export type Wildness = 'FULL' | 'GONE' | 'LEAK'

/** Writes it into `parent`, under this id. @returns its folder */
export function writeWildStorage(parent: string, id: string, version = '1.0.0'): string {
  const folder = join(parent, id)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'plugin.toml'), manifest(id, version))
  writeFileSync(join(folder, 'main.ts'), program)
  return folder
}

const manifest = (id: string, version: string) => `
[plugin]
id = "${id}"
type = "storage"
version = "${version}"
protocol_version = "1"
supported_kernel_versions = [">=0.1.0"]
main = "main.ts"

[capabilities]
storage_type = "wild"

[config_schema]
type = "object"
additionalProperties = false

[config_schema.properties.root]
type = "string"

[permissions]
read = ["\${root}"]
write = ["\${root}"]

[limits]
memory_mb = 64
`

const program = `
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { definePlugin } from 'webencode/plugin'
import { WebEncodeError } from 'webencode/errors'

const leaked: number[][] = []

async function misbehave(how: string, seen: number): Promise<void> {
  if (how === 'LEAK') for (;;) leaked.push(Array.from({ length: 1_000_000 }, () => leaked.length))
  if (seen < 100_000) return
  if (how === 'FULL') throw new WebEncodeError('WE-STO-003', 'Cannot store: no space is left')
  if (how === 'GONE') process.exit(3)
}

await definePlugin({
  pillar: 'storage',
  implement: ({ config }) => {
    const pathOf = (bucket: string, path: string) => join(String(config.root), bucket, path)
    const metadataOf = ({ bucket, path }: { bucket: string; path: string }) => {
      const found = statSync(pathOf(bucket, path), { throwIfNoEntry: false })
      if (found === undefined) throw new WebEncodeError('WE-STO-001', 'There is no such object')
      const lastModified = Math.floor(found.mtimeMs / 1000)
      return { key: path, size: found.size, etag: String(found.mtimeMs), contentType: '', lastModified }
    }
    const no = (what: string) => () => Promise.reject(new WebEncodeError('WE-STO-004', what))
    return {
      async upload({ bucket, path }, chunks) {
        const parts: Uint8Array[] = []
        let seen = 0
        let how: string | undefined
        for await (const chunk of chunks) {
          how ??= new TextDecoder().decode(chunk.slice(0, 4))
          parts.push(chunk)
          seen += chunk.length
          await misbehave(how, seen)
        }
        const file = pathOf(bucket, path)
        mkdirSync(dirname(file), { recursive: true })
        writeFileSync(file + '.part', new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer()))
        renameSync(file + '.part', file)
        return { url: 'wild://' + path, size: seen, etag: '', sha256: '' }
      },
      getObjectMetadata: async (target) =>
        target.path.includes('DEAF') ? await new Promise(() => {}) : metadataOf(target),
      delete: no('It deletes nothing'),
      download: no('It gives nothing back'),
      getUrl: no('It signs nothing'),
      getUploadUrl: no('It signs nothing'),
      listObjects: no('It lists nothing'),
      browse: no('It shows nothing'),
      browseRoots: () => Promise.resolve([]),
      getCapabilities: () =>
        Promise.resolve({
          supportsBrowse: false,
          supportsUpload: true,
          supportsSignedUrls: false,
          supportsStreaming: true,
          storageType: 'wild',
        }),
    }
  },
})
`
