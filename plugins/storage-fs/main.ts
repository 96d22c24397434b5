/** The storage as a plugin: the port behind gRPC, and its own HTTP server for signed URLs. */
import { definePlugin, type PluginContext } from '../../kernel/plugin/sdk.ts'
import { serveSignedUrls } from './listener.ts'
import { readSigningKey } from './plugin-key.ts'
import { parseSettings } from './settings.ts'
import { createFsStorage, type FsStorage } from './storage.ts'

const publicPath = '/objects'

await definePlugin({
  pillar: 'storage',
  implement: openStorage,
  selfTest: tryStorage,
  close: (storage) => storage.stop(),
})

type ServedStorage = FsStorage & { stop(): Promise<void> }

async function openStorage({ config, log, secrets }: PluginContext): Promise<ServedStorage> {
  const settings = parseSettings(config)
  let base = settings.publicUrl
  const storage = createFsStorage({
    root: settings.root,
    signingKey: await readSigningKey(settings, secrets),
    publicPath,
    now: Date.now,
    log,
    mediaRoots: settings.mediaRoots,
    ...(!settings.localWorkers && { workerUrlBase: () => base }),
  })
  const listener = await serveSignedUrls(settings, storage, log)
  if (base === '') base = listener.url
  log.info('Signed URLs are served', { url: base })
  return Object.assign(storage, {
    getUrl: absolute(storage.getUrl, () => base),
    getUploadUrl: absolute(storage.getUploadUrl, () => base),
    stop: listener.close,
  })
}

/** Browsers come from the kernel's pages: a path alone would lead them back there. */
function absolute(sign: FsStorage['getUrl'], base: () => string): FsStorage['getUrl'] {
  return async (request) => {
    const signed = await sign(request)
    return { ...signed, url: new URL(signed.url, base()).href }
  }
}

async function tryStorage(storage: ServedStorage): Promise<readonly string[]> {
  const target = { bucket: 'media', path: `self-test/${crypto.randomUUID()}` }
  async function* chunks() {
    yield await Promise.resolve(new TextEncoder().encode('works'))
  }
  await storage.upload(target, chunks())
  const { size } = await storage.getObjectMetadata(target)
  await storage.delete(target)
  return size === 5 ? [] : [`an object of 5 bytes has ${size} after it was written`]
}
