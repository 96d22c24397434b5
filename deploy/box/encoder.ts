/** Chooses the encoder of this machine: FFmpeg behind its plugin where it runs, FFmpeg as WebAssembly where it does not. */
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { systemClock } from '../../kernel/clock.ts'
import type { Config } from '../../kernel/config.ts'
import type { EncoderEngine } from '../../kernel/contract/encoder.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Log } from '../../kernel/log.ts'
import { openEncoderPlugin } from '../../workers/encoder-plugin.ts'
import { createEncoderRouter } from '../../workers/encoder-router.ts'
import { createWasmEncoder } from '../../workers/wasm/engine.ts'
import { pluginsDirectory } from './paths.ts'
import { version } from './version.ts'

/** What a person without FFmpeg should know. Measured: 30 s of 480p took 36 s in one WASM thread and 5 s native. */
const wasmNotice =
  'FFmpeg was not found: encoding with its WebAssembly build, about seven times slower. ' +
  'Install it with: apt-get install ffmpeg'

/**
 * The encoder of this machine, and behind it the encoder plugins of `PLUGIN_DIR`.
 * @throws WE-PLG-001 when FFmpeg is demanded and does not run
 */
export async function chooseEncoder(config: Config, log: Log): Promise<EncoderEngine> {
  const main = await chooseMain(config, log)
  const { pluginDirectory } = config
  if (pluginDirectory === undefined) return main
  return createEncoderRouter([main, ...await openOthers(pluginDirectory, config, log)], log)
}

async function chooseMain(config: Config, log: Log): Promise<EncoderEngine> {
  if (config.encoder === 'wasm') return createWasmEncoder({ log, threads: config.workerSlots })
  const encoder = await openFfmpeg(config, log)
  try {
    await encoder.getCapabilities()
    await tryProbe(encoder, config)
    return encoder
  } catch (cause) {
    await encoder.close()
    if (config.encoder === 'ffmpeg') {
      const problem =
        `WEBENCODE_ENCODER is ffmpeg, and "${config.ffmpegPath}" or "${config.ffprobePath}" does not run`
      throw new WebEncodeError('WE-PLG-001', problem, { cause })
    }
    log.warn(wasmNotice)
    return createWasmEncoder({ log, threads: config.workerSlots })
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
async function openFfmpeg(config: Config, log: Log): Promise<EncoderEngine> {
  const folder = join(pluginsDirectory, 'encoder-ffmpeg')
  return await openPlugin(folder, config, log, {
    ffmpeg_path: config.ffmpegPath,
    ffprobe_path: config.ffprobePath,
    pid_directory: join(config.dataDirectory, 'run', 'ffmpeg'),
  })
}

/** Encoder plugins with what their manifests preset: a worker has no database to read another configuration from. */
async function openOthers(
  pluginDirectory: string,
  config: Config,
  log: Log,
): Promise<EncoderEngine[]> {
  const { readManifest } = await import('../../kernel/plugin/manifest.ts')
  const engines: EncoderEngine[] = []
  for (const name of existsSync(pluginDirectory) ? readdirSync(pluginDirectory).sort() : []) {
    const folder = join(pluginDirectory, name)
    try {
      const { type } = await readManifest(folder, version)
      if (type === 'encoder') engines.push(await openPlugin(folder, config, log, {}))
    } catch (error) {
      log.warn('an encoder plugin cannot be used', { folder: name, error })
    }
  }
  return engines
}

async function openPlugin(
  folder: string,
  { dataDirectory }: Config,
  log: Log,
  settings: Record<string, unknown>,
): Promise<EncoderEngine> {
  const { openPluginHost } = await import('../../kernel/plugin/host.ts')
  const { readManifest } = await import('../../kernel/plugin/manifest.ts')
  const host = await openPluginHost({
    directory: dirname(folder),
    stateDirectory: join(dataDirectory, 'run', 'encoder-host', basename(folder)),
    kernelVersion: version,
    secrets: { resolve: noSecrets },
    log,
  })
  const manifest = await readManifest(folder, version)
  const plugin = { folder, manifest, config: host.checkConfig(manifest, settings) }
  const encoder = await openEncoderPlugin({ host, plugin, clock: systemClock, log })
  return {
    ...encoder,
    async close() {
      await encoder.close()
      await host.close()
    },
  }
}

function noSecrets(reference: string): Promise<string> {
  return Promise.reject(
    new WebEncodeError('WE-PLG-003', `Cannot resolve "${reference}": an encoder has no secrets`),
  )
}
