/** What a plugin costs: a call over one in the process, files through its streams and signed URLs, a restart, and an upgrade. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import type { StorageProvider } from '../../kernel/contract/storage.ts'
import { silentLog } from '../../kernel/log.ts'
import { storageFrom } from '../../kernel/plugin/adapters/storage.ts'
import { openPluginHost } from '../../kernel/plugin/host.ts'
import type { HostedPlugin } from '../../kernel/plugin/instance.ts'
import { readManifest } from '../../kernel/plugin/manifest.ts'
import { createFsStorage } from '../../plugins/storage-fs/storage.ts'
import { version } from '../box/version.ts'
import { stopProducts } from '../checks/product.ts'
import {
  type Load,
  openServedPlugin,
  rollBackUnderLoad,
  upgradeUnderLoad,
} from '../checks/served-plugin.ts'
import { endLater } from '../cluster/endings.ts'
import { type Figure, median, type Section } from './figure.ts'
import { measureCalls } from './plugin-calls.ts'

const fileMegabytes = 512
const restarts = 5
const target = { bucket: 'media', path: 'bench/file.bin' }

export const pluginsSection: Section = {
  name: 'plugins',
  async measure(say) {
    const directory = await mkdtemp(join(tmpdir(), 'bench-plugins-'))
    const clear = endLater(() => rm(directory, { recursive: true, force: true }))
    try {
      return [...await measureIn(directory, say), await measureUpgrade(say)]
    } finally {
      await clear()
    }
  },
}

async function measureIn(directory: string, say: (line: string) => void): Promise<Figure[]> {
  const plugins = fileURLToPath(new URL('../../plugins', import.meta.url))
  const folder = join(plugins, 'storage-fs')
  const manifest = await readManifest(folder, version)
  const host = await openPluginHost({
    directory: plugins,
    stateDirectory: join(directory, 'state'),
    kernelVersion: version,
    secrets: { resolve: () => Promise.reject(new Error('not asked for')) },
    log: silentLog,
  })
  const close = endLater(() => host.close())
  const config = host.checkConfig(manifest, { root: join(directory, 'plugin') })
  const start = () => host.start({ folder, manifest, config })
  try {
    const plugin = await start()
    const [remote, local] = [storageFrom(plugin), localStorage(directory)]
    await Promise.all([remote, local].map((storage) => storage.upload(target, megabytesOf(1))))
    return [
      ...await measureCalls({ remote, local, target, directory }, say),
      ...await measureTransfers(remote, local, say),
      await measureRestart(plugin, start, say),
    ]
  } finally {
    await close()
  }
}

/** The same storage without a process between. */
function localStorage(directory: string): StorageProvider {
  return createFsStorage({
    root: join(directory, 'local'),
    signingKey: new Uint8Array(32).fill(1),
    publicPath: '/objects',
    now: Date.now,
    log: silentLog,
  })
}

async function measureTransfers(
  remote: StorageProvider,
  local: StorageProvider,
  say: (line: string) => void,
): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const [name, transfer] of [['upload', upload], ['download', download]] as const) {
    const [through, direct] = [await transfer(remote), await transfer(local)]
    const line = `${name} of ${fileMegabytes} MB: ${Math.round(through)} MB/s through the plugin, ${
      Math.round(direct)
    } MB/s in the process`
    say(line)
    figures.push(rateFigure(`plugin ${name}, gRPC stream`, through, line))
  }
  const { url } = await remote.getUrl({
    bucket: target.bucket,
    objectKey: target.path,
    expirySeconds: 600,
    method: 'GET',
    audience: 'browser',
  })
  const signed = await rateOf(async () => await drain((await fetch(url)).body))
  figures.push(
    rateFigure('plugin download, signed URL', signed, 'over HTTP from the plugin itself'),
  )
  return figures
}

function rateFigure(name: string, value: number, detail: string): Figure {
  return { name, value, unit: 'MB/s', goal: '>= 100 MB/s', reached: value >= 100, detail }
}

function upload(storage: StorageProvider): Promise<number> {
  return rateOf(() => storage.upload(target, megabytesOf(fileMegabytes)))
}

function download(storage: StorageProvider): Promise<number> {
  return rateOf(async () => await drain((await storage.download(target)).body))
}

async function rateOf(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await work()
  return fileMegabytes / ((performance.now() - begun) / 1000)
}

async function drain(body: ReadableStream<Uint8Array> | null): Promise<void> {
  let bytes = 0
  for await (const chunk of body ?? []) bytes += chunk.length
  if (bytes !== fileMegabytes * 1e6) throw new Error(`${bytes} bytes came, not all`)
}

async function* megabytesOf(count: number): AsyncGenerator<Uint8Array> {
  const megabyte = new Uint8Array(1e6).fill(7)
  for (let i = 0; i < count; i++) yield await Promise.resolve(megabyte)
}

/** From kill -9 until the next process answers; the wait before a restart is the actor's own. */
async function measureRestart(
  first: HostedPlugin,
  start: () => Promise<HostedPlugin>,
  say: (line: string) => void,
): Promise<Figure> {
  let plugin = first
  const times: number[] = []
  for (let i = 0; i < restarts; i++) {
    const begun = performance.now()
    process.kill(plugin.pid, 'SIGKILL')
    await plugin.exited
    plugin = await start()
    await plugin.call('GetCapabilities', {})
    times.push((performance.now() - begun) / 1000)
  }
  const value = median(times)
  say(`kill -9 to serving again: ${times.map((seconds) => seconds.toFixed(2)).join(', ')} s`)
  return {
    name: 'plugin crash to serving',
    value,
    unit: 's',
    goal: '<= 2 s',
    reached: value <= 2,
    detail: `median of ${restarts}, without the backoff`,
  }
}

/** A version that works takes over, then one that fails is rolled back; the kernel and its plugins are a whole one. */
async function measureUpgrade(say: (line: string) => void): Promise<Figure> {
  const served = await openServedPlugin()
  const close = endLater(() => served.close())
  try {
    const [over, back] = [await upgradeUnderLoad(served), await rollBackUnderLoad(served)]
    const value = over.failures.length + back.failures.length
    const detail = `${loadWords(over)} of an upgrade, ${loadWords(back)} of a rollback`
    say(`${value} calls failed: ${detail}`)
    for (const problem of new Set([...over.failures, ...back.failures])) say(problem)
    return {
      name: 'plugin upgrade under 200 calls/s: failed calls',
      value,
      unit: '',
      goal: '0',
      reached: value === 0,
      detail,
    }
  } finally {
    await close()
    await stopProducts()
  }
}

function loadWords({ timesMs, failures, durationMs }: Load): string {
  return `${timesMs.length + failures.length} calls in ${(durationMs / 1000).toFixed(1)} s`
}
