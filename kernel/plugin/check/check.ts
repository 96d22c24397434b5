/** The contract test of any plugin program: manifest, handshake, health, and the calls of its pillar with their edge cases. */
import { dirname, resolve } from 'node:path'
import type { SecretResolver } from '../../contract/plugin.ts'
import { messageOf, WebEncodeError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { openPluginHost, type ProcessPluginHost } from '../host.ts'
import type { HostedPlugin } from '../instance.ts'
import { metricsPrefixOf } from '../metrics-text.ts'
import { readManifest } from '../manifest.ts'
import { authChecks } from './auth.ts'
import { must } from './must.ts'
import { storageChecks } from './storage.ts'

/** One thing that must hold. */
export interface Check {
  readonly title: string
  /** @throws when it does not hold */
  readonly run: () => Promise<void>
}

/** How one check ended. */
export interface CheckResult {
  readonly title: string
  /** What is wrong; absent when it holds. */
  readonly problem?: string
}

export interface CheckOptions {
  readonly folder: string
  readonly config: unknown
  readonly kernelVersion: string
  /** Folder that may be written. */
  readonly stateDirectory: string
  readonly secrets: SecretResolver
  readonly log: Log
  /** Told of each check as it ends. */
  readonly onResult: (result: CheckResult) => void
}

/** Starts the plugin and runs every check. What it stores, it deletes again. @returns whether all hold */
export async function checkPlugin(options: CheckOptions): Promise<boolean> {
  const folder = resolve(options.folder)
  const host = await openPluginHost({ ...options, directory: dirname(folder) })
  const results: CheckResult[] = []
  const attempt = async <T>(title: string, work: () => Promise<T>): Promise<T | undefined> => {
    const result = await resultOf(title, work)
    results.push(result)
    options.onResult(result)
    return result.value
  }
  try {
    await runChecks(host, folder, options, attempt)
  } finally {
    await host.close()
  }
  return results.every(({ problem }) => problem === undefined)
}

type Attempt = <T>(title: string, work: () => Promise<T>) => Promise<T | undefined>

async function runChecks(
  host: ProcessPluginHost,
  folder: string,
  { kernelVersion, config: given }: CheckOptions,
  attempt: Attempt,
): Promise<void> {
  const manifest = await attempt('the manifest is valid', () => readManifest(folder, kernelVersion))
  if (manifest === undefined) return
  const config = await attempt(
    'the configuration matches its schema',
    () => Promise.resolve().then(() => host.checkConfig(manifest, given)),
  )
  if (config === undefined) return
  const plugin = await attempt(
    'it starts, shakes hands and says that it serves',
    () => host.start({ folder, manifest, config }),
  )
  if (plugin === undefined) return
  await attempt('its self-test passes, where it has one', () => plugin.check())
  await attempt('its metrics have the right prefix, where it has some', () => checkMetrics(plugin))
  for (const { title, run } of checksOf(plugin)) await attempt(title, run)
  await attempt('it ends within five seconds of SIGTERM', () => checkStop(plugin))
}

/** What publishers and live engines are asked to do has effects outside: their calls are not tried. */
function checksOf(plugin: HostedPlugin): readonly Check[] {
  switch (plugin.manifest.type) {
    case 'storage':
      return storageChecks(plugin)
    case 'auth':
      return authChecks(plugin)
    case 'encoder':
      return [{ title: 'GetCapabilities answers', run: () => checkEncoder(plugin) }]
    default:
      return []
  }
}

async function resultOf<T>(
  title: string,
  work: () => Promise<T>,
): Promise<CheckResult & { value?: T }> {
  try {
    return { title, value: await work() }
  } catch (failure) {
    const code = failure instanceof WebEncodeError ? `${failure.code} ` : ''
    return { title, problem: code + messageOf(failure) }
  }
}

async function checkMetrics(plugin: HostedPlugin): Promise<void> {
  const prefix = metricsPrefixOf(plugin.manifest.id)
  const lines = (await plugin.metrics()).split('\n')
  const wrong = lines.find((line) =>
    line !== '' && !line.startsWith('#') && !line.startsWith(prefix)
  )
  must(wrong === undefined, `a name must begin with ${prefix}, found "${wrong}"`)
}

async function checkEncoder(plugin: HostedPlugin): Promise<void> {
  const { videoCodecs } = await plugin.call('GetCapabilities', {}) as { videoCodecs: string[] }
  must(videoCodecs.length > 0, 'it must name at least one video codec')
}

async function checkStop(plugin: HostedPlugin): Promise<void> {
  const { signal } = await plugin.stop()
  must(signal !== 'SIGKILL', 'it must end by itself, and had to be killed')
}
