/** A plugin host for tests, over the plugins in `fixtures/`, that ends with its test. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { PluginManifest } from '../contract/plugin.ts'
import { silentLog } from '../log.ts'
import { openPluginHost, type PluginHostOptions, type ProcessPluginHost } from './host.ts'
import type { HostedPlugin } from './instance.ts'

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
  const host = await openPluginHost({
    directory: fixtures,
    stateDirectory,
    kernelVersion: '0.1.0',
    secrets: { resolve: (reference) => Promise.resolve(`value of ${reference}`) },
    log: silentLog,
    // Two busy cores may take their time.
    startTimeoutMs: 60_000,
    ...options,
  })
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
