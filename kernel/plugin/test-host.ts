/** Plugin hosts for tests: over the plugins in `fixtures/`, ending with its test, or for one plugin of any folder. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { PluginManifest } from '../contract/plugin.ts'
import { silentLog } from '../log.ts'
import { openPluginHost, type PluginHostOptions, type ProcessPluginHost } from './host.ts'
import type { HostedPlugin } from './instance.ts'
import { readManifest } from './manifest.ts'

const fixtures = fileURLToPath(new URL('./fixtures', import.meta.url))

/** The host, and what tests do with it. */
export interface TestHost {
  readonly host: ProcessPluginHost
  readonly stateDirectory: string
  find(id: string): Promise<{ folder: string; manifest: PluginManifest }>
  start(id: string, config?: Record<string, unknown>): Promise<HostedPlugin>
}

export async function openTestHost(
  t: TestContext,
  options: Partial<PluginHostOptions> = {},
): Promise<TestHost> {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'plugin-host-'))
  const host = await openPluginHost({ ...usualOptions(fixtures, stateDirectory), ...options })
  t.after(async () => {
    await host.close()
    await rm(stateDirectory, { recursive: true, force: true })
  })
  const find = async (id: string) => {
    const found = (await host.scan()).find(({ folder }) => folder.endsWith(`/${id}`))
    if (found === undefined || !('manifest' in found)) {
      throw new Error(`No plugin "${id}": ${found?.problem}`)
    }
    return found
  }
  return {
    host,
    stateDirectory,
    find,
    async start(id, config = {}) {
      const { folder, manifest } = await find(id)
      return await host.start({ folder, manifest, config: host.checkConfig(manifest, config) })
    },
  }
}

/** One plugin that runs, with a folder for what it keeps. */
export interface TestPlugin {
  readonly host: ProcessPluginHost
  readonly plugin: HostedPlugin
  close(): Promise<void>
}

/** Starts the plugin of a folder. @param configIn - its configuration, given a folder that goes when it is closed */
export async function startTestPlugin(
  folder: string,
  configIn: (directory: string) => Record<string, unknown>,
): Promise<TestPlugin> {
  const directory = await mkdtemp(join(tmpdir(), 'plugin-'))
  const host = await openPluginHost(usualOptions(dirname(folder), join(directory, 'state')))
  const close = async () => {
    await host.close()
    await rm(directory, { recursive: true, force: true })
  }
  try {
    const manifest = await readManifest(folder, kernelVersion)
    const config = host.checkConfig(manifest, configIn(directory))
    return { host, plugin: await host.start({ folder, manifest, config }), close }
  } catch (failure) {
    await close()
    throw failure
  }
}

const kernelVersion = '0.1.0'

function usualOptions(directory: string, stateDirectory: string): PluginHostOptions {
  return {
    directory,
    stateDirectory,
    kernelVersion,
    secrets: { resolve: (reference) => Promise.resolve(`value of ${reference}`) },
    log: silentLog,
    // Two busy cores may take their time.
    startTimeoutMs: 60_000,
  }
}
