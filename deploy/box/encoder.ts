/** Chooses the encoder of this machine: FFmpeg behind its plugin where it runs, FFmpeg as WebAssembly where it does not. */
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { systemClock } from '../../kernel/clock.ts'
import type { Config } from '../../kernel/config.ts'
import type { EncoderEngine } from '../../kernel/contract/encoder.ts'
import { builtInEncoderId, type EncoderRouting } from '../../kernel/contract/encoder-routing.ts'
import type { PluginHost, PluginManifest, SecretResolver } from '../../kernel/contract/plugin.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'
import { versionFolder } from '../../kernel/plugin/version-folder.ts'
import { encodersOf } from '../../kernel/video-codecs.ts'
import { type KeptEncoder, openEncoderPlugin } from '../../workers/encoder-plugin.ts'
import { EncoderPool, type PoolOptions } from '../../workers/encoder-pool.ts'
import {
  createEncoderRouter,
  type RoutedEncoder,
  type RouterOptions,
} from '../../workers/encoder-router.ts'
import type { FoundEncoder } from '../../workers/installed-encoders.ts'
import { createWasmEncoder } from '../../workers/wasm/engine.ts'
import { pluginsDirectory } from './paths.ts'
import { version } from './version.ts'

/** What a person without FFmpeg should know. Measured: 30 s of 480p took 36 s in one WASM thread and 5 s native. */
const wasmNotice =
  'FFmpeg was not found: encoding with its WebAssembly build, about seven times slower. ' +
  'Install it with: apt-get install ffmpeg'

/** What an encoder is chosen by, besides the settings of the process. */
export interface EncoderChoice {
  /** Of this machine. */
  readonly secrets: SecretResolver
  /** What the kernel says. @default every plugin of this machine is used, with presets, in the order of their folders */
  readonly routing?: EncoderRouting
}

/**
 * The encoder of this machine, and beside it the encoder plugins of `PLUGIN_DIR`, as the kernel wants them.
 * @throws WE-PLG-001 when FFmpeg is demanded and does not run
 */
export async function chooseEncoder(
  config: Config,
  log: Log,
  { secrets, routing }: EncoderChoice,
): Promise<RoutedEncoder> {
  const { pluginDirectory } = config
  const installed = pluginDirectory === undefined
    ? nothingInstalled
    : await openInstalled(pluginDirectory, { config, log, secrets })
  try {
    const first = routing ?? presetRouting(await installed.list())
    const { main, version: mainVersion } = await chooseMain(config, log)
    const router = await createEncoderRouter({
      main,
      ...(mainVersion !== undefined && { mainVersion }),
      find: async () => (await installed.listLately()).map(foundFrom),
      pool: new EncoderPool({ open: installed.open, clock: systemClock, log }),
      routing: first,
      log,
    })
    return closingToo(router, installed)
  } catch (failure) {
    await installed.close()
    throw failure
  }
}

const nothingInstalled: Installed = {
  list: () => Promise.resolve([]),
  listLately: () => Promise.resolve([]),
  open: ({ id }) =>
    Promise.reject(
      new WebEncodeError(
        'WE-PLG-001',
        `Cannot start "${id}": PLUGIN_DIR of this worker is not set`,
      ),
    ),
  close: () => Promise.resolve(),
}

function presetRouting(installed: readonly PluginManifest[]): EncoderRouting {
  const preset = { isEnabled: true, priority: 0, version: null, config: {} }
  return { rules: [], plugins: installed.map(({ id }) => ({ id, ...preset })) }
}

/** The encoder that every worker has. */
interface MainEncoder {
  readonly main: RouterOptions['main']
  /** Of its plugin, if it is one. */
  readonly version?: string
}

async function chooseMain(config: Config, log: Log): Promise<MainEncoder> {
  const openWasm = () => ({ main: createWasmEncoder({ log, threads: config.workerSlots }) })
  if (config.encoder === 'wasm') return openWasm()
  const { encoder, version } = await openFfmpeg(config, log)
  try {
    await encoder.getCapabilities()
    await tryProbe(encoder, config)
    return { main: encoder, version }
  } catch (cause) {
    await encoder.close()
    if (config.encoder === 'ffmpeg') {
      const problem =
        `WEBENCODE_ENCODER is ffmpeg, and "${config.ffmpegPath}" or "${config.ffprobePath}" does not run`
      throw new WebEncodeError('WE-PLG-001', problem, { cause })
    }
    log.warn(wasmNotice)
    return openWasm()
  }
}

/** Most that a program may take to say its version, in milliseconds. */
const versionMs = 10_000

/** A run as every task will have it: a wrong path shows now, and the first task finds everything loaded. */
async function tryProbe(encoder: EncoderEngine, config: Config): Promise<void> {
  const outcome = await encoder.run({
    taskId: 'start',
    correlationId: 'start',
    tool: 'ffprobe',
    arguments: ['-version'],
    inputs: [],
    outputs: [],
    workingDirectory: config.dataDirectory,
    timeoutMs: versionMs,
  })
  if (outcome.status === 'finished') return
  throw new WebEncodeError(
    'WE-PLG-001',
    `"${config.ffprobePath} -version" must run, and it ${outcome.status}: ${outcome.stderr.trim()}`,
  )
}

/** FFmpeg in a process of its own: a small one, which starts programs ten times faster than ours. */
async function openFfmpeg(
  config: Config,
  log: Log,
): Promise<{ readonly encoder: KeptEncoder; readonly version: string }> {
  const folder = join(pluginsDirectory, builtInEncoderId)
  const host = await openHost(builtInEncoderId, pluginsDirectory, {
    config,
    log,
    secrets: noSecrets,
  })
  const { readManifest } = await import('../../kernel/plugin/manifest.ts')
  const manifest = await readManifest(folder, version)
  const settings = host.checkConfig(manifest, {
    ffmpeg_path: config.ffmpegPath,
    ffprobe_path: config.ffprobePath,
    pid_directory: join(config.dataDirectory, 'run', 'ffmpeg'),
  })
  const plugin = { folder, manifest, config: settings }
  const encoder = await openEncoderPlugin({ host, plugin, clock: systemClock, log })
  return { encoder: closingToo(encoder, host), version: manifest.version }
}

/** The encoder plugins of a folder. */
interface Installed {
  /** Those that are there now, in the order of their folders. */
  list(): Promise<readonly PluginManifest[]>
  /** The same, as it was not long ago. */
  listLately(): Promise<readonly PluginManifest[]>
  open: PoolOptions['open']
  close(): Promise<void>
}

/** The folder of plugins is looked at again after this time, in milliseconds: people may add some while the worker runs. */
const lookAgainMs = 30_000

async function openInstalled(directory: string, parts: HostParts): Promise<Installed> {
  const host = await openHost('plugins', directory, parts)
  const { readManifest } = await import('../../kernel/plugin/manifest.ts')
  /** Folders that were warned of. */
  const warned = new Set<string>()
  const warnOnce = (folder: string, problem: string) => {
    if (!warned.has(folder)) parts.log.warn('a plugin cannot be used', { folder, problem })
    warned.add(folder)
  }
  let lately: { readonly atMs: number; readonly list: readonly PluginManifest[] } | undefined
  const list = async () => {
    const found = existsSync(directory) ? await host.scan() : []
    const manifests = found.flatMap((plugin) => {
      if ('manifest' in plugin) return isEncoder(plugin.manifest) ? [plugin.manifest] : []
      warnOnce(basename(plugin.folder), plugin.problem)
      return []
    })
    lately = { atMs: systemClock.now(), list: manifests }
    return manifests
  }
  return {
    list,
    async listLately() {
      const isFresh = lately !== undefined && systemClock.now() - lately.atMs < lookAgainMs
      return isFresh ? lately!.list : await list()
    },
    async open({ id, version: wanted, config }) {
      const uploaded = wanted === null ? '' : versionFolder(directory, id, wanted)
      const folder = existsSync(uploaded) ? uploaded : join(directory, id)
      if (!existsSync(folder)) {
        throw new WebEncodeError('WE-PLG-001', `Cannot start "${id}": PLUGIN_DIR has it not`)
      }
      const manifest = await readManifest(folder, version)
      const plugin = { folder, manifest, config: host.checkConfig(manifest, config) }
      return {
        engine: await openEncoderPlugin({ host, plugin, clock: systemClock, log: parts.log }),
        version: manifest.version,
        tools: textsOf(manifest.capabilities['tools']) ?? [],
      }
    },
    close: () => host.close(),
  }
}

function foundFrom({ id, version, capabilities }: PluginManifest): FoundEncoder {
  const videoCodecs = textsOf(capabilities['video_codecs'])
  return {
    id,
    version,
    ...(videoCodecs !== undefined && { videoCodecs: videoCodecs.flatMap(encodersOf) }),
    tools: textsOf(capabilities['tools']) ?? [],
  }
}

/** Undefined when the manifest names no list. */
function textsOf(value: unknown): string[] | undefined {
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : undefined
}

/** Every worker has FFmpeg already. */
function isEncoder({ id, type }: PluginManifest): boolean {
  return type === 'encoder' && id !== builtInEncoderId
}

interface HostParts {
  readonly config: Config
  readonly log: Log
  readonly secrets: SecretResolver
}

/** A host of its own for each kind: opening one ends what a killed worker's host of that name left behind. */
async function openHost(
  name: string,
  directory: string,
  { config, log, secrets }: HostParts,
): Promise<PluginHost> {
  const { openPluginHost } = await import('../../kernel/plugin/host.ts')
  return await openPluginHost({
    directory,
    stateDirectory: join(config.dataDirectory, 'run', 'encoder-host', name),
    kernelVersion: version,
    secrets,
    log,
  })
}

function closingToo<T extends EncoderEngine>(encoder: T, other: Pick<EncoderEngine, 'close'>): T {
  return {
    ...encoder,
    async close() {
      await encoder.close()
      await other.close()
    },
  }
}

const noSecrets: SecretResolver = {
  resolve: (reference) =>
    Promise.reject(
      new WebEncodeError('WE-PLG-003', `Cannot resolve "${reference}": FFmpeg has no secrets`),
    ),
}
