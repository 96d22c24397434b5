/** The files of a new plugin, for each pillar: small, and it works as it is. */
import type { Pillar } from '../../kernel/contract/plugin.ts'

/** The files by name. */
export function pluginFiles(
  id: string,
  pillar: Pillar,
  kernelVersion: string,
): Readonly<Record<string, string>> {
  return {
    'plugin.toml': manifestText(id, pillar, kernelVersion),
    'main.ts': mains[pillar],
    'README.md': readmeText(id, pillar),
  }
}

function manifestText(id: string, pillar: Pillar, kernelVersion: string): string {
  const settings = pillar === 'auth'
    ? `
[config_schema.properties.user]
type = "string"
default = "admin"
description = "The one user of this example"

[config_schema.properties.password_ref]
type = "string"
description = "Reference to the password of that user"
`
    : `
[config_schema.properties.greeting]
type = "string"
default = "hello"
description = "An example of a setting"
`
  return `[plugin]
id = "${id}"
type = "${pillar}"
version = "0.1.0"
protocol_version = "1"
supported_kernel_versions = ["^${kernelVersion}"]
main = "main.ts"

[capabilities]

[config_schema]
type = "object"
additionalProperties = false
${settings}
# What the plugin may reach; everything else is refused, and the refusal is in its log.
# A setting may be named: net = ["\${endpoint}"].
[permissions]
net = []
read = []
write = []
env = []
run = []

[limits]
memory_mb = 256
`
}

function readmeText(id: string, pillar: Pillar): string {
  return `# ${id}

A ${pillar} plugin of WebEncode. Try it against its contract:

    webencode plugin check .

To use it, put this folder into \`PLUGIN_DIR\`.
`
}

const storage =
  `/** A storage that keeps objects in memory: replace the Map with what keeps yours. */
import { definePlugin, type PluginContext, type StorageProvider } from 'webencode/plugin'
import { WebEncodeError } from 'webencode/errors'

await definePlugin({ pillar: 'storage', implement: createStorage })

interface Stored {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly contentType: string
  readonly lastModified: number
}

function createStorage({ log }: PluginContext): StorageProvider {
  const objects = new Map<string, Stored>()
  const find = (path: string): Stored => {
    const found = objects.get(path)
    if (found === undefined) throw new WebEncodeError('WE-STO-001', \`There is no object "\${path}"\`)
    return found
  }
  const metadataOf = (key: string) => {
    const { bytes, contentType, lastModified } = find(key)
    return { key, size: bytes.length, etag: String(lastModified), contentType, lastModified }
  }
  return {
    async upload({ path, contentType = 'application/octet-stream' }, chunks) {
      const bytes = await new Response(ReadableStream.from(chunks)).bytes()
      // Only now: an upload that breaks off throws above, and leaves nothing.
      objects.set(path, { bytes, contentType, lastModified: Math.floor(Date.now() / 1000) })
      log.info('An object was stored', { path, size: bytes.length })
      return { url: \`memory://\${path}\`, size: bytes.length, etag: metadataOf(path).etag, sha256: '' }
    },
    async download({ path, range = { start: 0 } }) {
      const part = find(path).bytes.slice(range.start, (range.end ?? Infinity) + 1)
      return { metadata: metadataOf(path), body: new Blob([part]).stream() }
    },
    async delete({ path }) {
      objects.delete(path)
    },
    async getObjectMetadata({ path }) {
      return metadataOf(path)
    },
    async listObjects({ prefix, maxKeys = 1000, continuationToken: after = '' }) {
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort()
      const page = keys.slice(0, maxKeys)
      const last = page.at(-1)
      const more = keys.length > page.length && last !== undefined
      return { objects: page.map(metadataOf), ...(more && { nextContinuationToken: last }) }
    },
    async getCapabilities() {
      return {
        supportsBrowse: false,
        supportsUpload: true,
        supportsSignedUrls: false,
        supportsStreaming: true,
        storageType: 'memory',
      }
    },
    getUrl: noUrls,
    getUploadUrl: noUrls,
    async browseRoots() {
      return []
    },
    async browse({ path }) {
      throw new WebEncodeError('WE-STO-002', \`Cannot browse "\${path}": this storage has no folders\`)
    },
  }
}

async function noUrls(): Promise<never> {
  throw new WebEncodeError('WE-STO-004', 'Cannot sign a URL: memory has none')
}
`

const auth = `/** Signs one user in: replace the comparison with the directory that knows yours. */
import { type Authenticator, definePlugin, type PluginContext } from 'webencode/plugin'

await definePlugin({ pillar: 'auth', implement: createAuthenticator })

async function createAuthenticator(context: PluginContext): Promise<Authenticator> {
  const { user, password_ref: reference } = context.config
  const name = String(user)
  const password = typeof reference === 'string' ? await context.secrets.resolve(reference) : undefined
  const profile = {
    userId: name,
    username: name,
    email: '',
    displayName: name,
    role: 'admin',
    createdAtUnix: 0,
    lastLoginUnix: 0,
  } as const
  return {
    async authenticate({ scheme, token }) {
      const valid = scheme === 'basic' && password !== undefined && token === btoa(\`\${name}:\${password}\`)
      return { ...profile, valid, metadata: {}, expiresAtUnix: 0 }
    },
    async getUserProfile(userId) {
      return userId === name ? profile : undefined
    },
    async listUsers() {
      return { users: [profile], totalCount: 1 }
    },
    // The kernel decides by its own table of roles; this is for others who ask.
    async authorize({ userId }) {
      return userId === name
        ? { allowed: true, reason: '' }
        : { allowed: false, reason: 'There is no such user' }
    },
    async refreshToken() {
      return { ...profile, valid: false, metadata: {}, expiresAtUnix: 0 }
    },
    async logout() {},
  }
}
`

const publisher = `/** Publishes nothing yet: say how in PublishVOD. */
import { definePlugin } from 'webencode/plugin'

await definePlugin({
  pillar: 'publisher',
  implement: ({ log }) => ({
    PublishVOD: async (request, { signal }) => {
      log.info('Asked to publish', { request })
      signal.throwIfAborted()
      return { success: false, publicUrl: '', platformId: '' }
    },
    UpdateMetadata: async () => ({ success: false }),
  }),
})
`

const live = `/** Lets nobody stream yet: say who may in OnPublishAttempt. */
import { definePlugin } from 'webencode/plugin'

await definePlugin({
  pillar: 'live',
  implement: () => ({
    async *StartIngest(request, { signal }) {
      yield { ...request, state: 'listening' }
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    },
    OnPublishAttempt: async () => ({ allowed: false, reason: 'This plugin is an example' }),
    async *StreamTelemetry() {},
    StopIngest: async () => ({}),
  }),
})
`

const encoder = `/** Encodes nothing yet: say how in run. */
import { definePlugin, type EncoderEngine, type PluginContext } from 'webencode/plugin'

await definePlugin({ pillar: 'encoder', implement: createEncoder })

function createEncoder({ log }: PluginContext): EncoderEngine {
  return {
    async getCapabilities() {
      return {
        name: 'ffmpeg',
        version: 'example',
        videoCodecs: ['example'],
        audioCodecs: [],
        gpuAccelerated: false,
        gpuType: 'none',
      }
    },
    // The signal is aborted when nobody wants the run any more: answer when everything it started is gone.
    async run({ taskId, arguments: words }, { signal, onProgress } = {}) {
      log.info('Asked to encode', { taskId, words })
      if (signal?.aborted) return { status: 'cancelled', stdout: '', stderr: '', wallMs: 0 }
      onProgress?.({ fraction: 0 })
      const stderr = 'This plugin is an example'
      return { status: 'failed', exitCode: 1, signal: null, stdout: '', stderr, wallMs: 0 }
    },
    async close() {},
  }
}
`

const mains: Readonly<Record<Pillar, string>> = { storage, auth, publisher, live, encoder }
