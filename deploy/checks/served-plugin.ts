/** A kernel with one real plugin process that is called while it is upgraded, rolled back or killed: for checks and benchmarks. */
import { createReadStream } from 'node:fs'
import { ann, openWorld } from '../../actors/desk/world.fixture.ts'
import { systemClock } from '../../kernel/clock.ts'
import { readConfig } from '../../kernel/config.ts'
import type { PluginMesh } from '../../kernel/contract/plugin-mesh.ts'
import { silentLog } from '../../kernel/log.ts'
import { createMetrics } from '../../kernel/metrics.ts'
import { createKernelPlugins, type KernelPlugins } from '../box/plugins.ts'
import { packPlugin, type PluginProgram, writePlugin } from './plugin-program.ts'
import { createDataDirectory } from './product.ts'

/** Its id. */
export const servedPluginId = 'publisher-check'

/** The plugin, and what may be done to it. Its folders go with `stopProducts`. */
export interface ServedPlugin {
  readonly plugins: KernelPlugins
  readonly mesh: PluginMesh
  readonly pluginDirectory: string
  /** What is called now. */
  serving(): ReturnType<PluginMesh['listServing']>[number] | undefined
  /** Waits until this version is called. @throws Error after a minute */
  serves(version: string): Promise<void>
  /** Uploads another version; it takes the calls by itself. */
  upgrade(program: PluginProgram): Promise<void>
  close(): Promise<void>
}

/** Calls that were made while something happened. */
export interface Load {
  /** How each call took, in milliseconds, the shortest first; failed ones have none. */
  readonly timesMs: readonly number[]
  /** Why calls failed. */
  readonly failures: readonly string[]
  readonly durationMs: number
}

/** Starts the kernel, and version 1.0.0 of the plugin. */
export async function openServedPlugin(): Promise<ServedPlugin> {
  const world = await openWorld()
  const pluginDirectory = createDataDirectory()
  writePlugin(pluginDirectory, servedPluginId)
  const plugins = createKernelPlugins({
    ...world,
    config: readConfig({
      PLUGIN_DIR: pluginDirectory,
      WEBENCODE_DATA_DIR: createDataDirectory(),
    }),
    log: silentLog,
    metrics: createMetrics({ withProcess: false }),
    isCluster: false,
  })
  const { mesh } = plugins
  if (mesh === undefined) throw new TypeError('PLUGIN_DIR is set, so there must be a mesh')
  const serving = () =>
    mesh.listServing('publisher').find(({ manifest }) => manifest.id === servedPluginId)
  const serves = async (version: string) => {
    const giveUpAt = Date.now() + 60_000
    while (serving()?.manifest.version !== version) {
      if (Date.now() >= giveUpAt) throw new Error(`version ${version} does not serve`)
      await systemClock.sleep(20)
    }
  }
  const close = async () => {
    await plugins.stop()
    await world.close()
  }
  await plugins.start()
  await plugins.commands.enablePlugin(servedPluginId, ann)
  await serves('1.0.0')
  return {
    plugins,
    mesh,
    pluginDirectory,
    serving,
    serves,
    close,
    async upgrade(program) {
      const archive = packPlugin(writePlugin(createDataDirectory(), servedPluginId, program))
      await plugins.commands.upgradePlugin(servedPluginId, createReadStream(archive), ann)
    },
  }
}

/** Takes a version that works, under load. */
export async function upgradeUnderLoad(served: ServedPlugin): Promise<Load> {
  return await callDuring(served, async () => {
    await served.upgrade({ version: '1.1.0' })
    await served.serves('1.1.0')
    await systemClock.sleep(500)
  })
}

/** Then one whose every call fails, which is rolled back to that by itself. */
export async function rollBackUnderLoad(served: ServedPlugin): Promise<Load> {
  return await callDuring(served, async () => {
    await served.upgrade({ version: '1.2.0', fails: true })
    await served.serves('1.2.0')
    await served.serves('1.1.0')
    await systemClock.sleep(500)
  })
}

const betweenCallsMs = 5

/** Calls 200 times a second until `work` has ended; calls that a busy machine has missed are made late, all of them. */
async function callDuring({ mesh }: ServedPlugin, work: () => Promise<unknown>): Promise<Load> {
  const timesMs: number[] = []
  const failures: string[] = []
  const open = new Set<Promise<void>>()
  const begun = performance.now()
  let made = 0
  const callOnce = () => {
    const from = performance.now()
    const call = mesh.call(servedPluginId, 'UpdateMetadata', { title: 'a' })
      .then(() => void timesMs.push(performance.now() - from))
      .catch((failure: Error) => void failures.push(failure.message))
      .finally(() => open.delete(call))
    open.add(call)
  }
  const timer = setInterval(() => {
    for (; made * betweenCallsMs < performance.now() - begun; made++) callOnce()
  }, betweenCallsMs)
  try {
    await work()
  } finally {
    clearInterval(timer)
  }
  const durationMs = performance.now() - begun
  await Promise.all(open)
  return { timesMs: timesMs.toSorted((a, b) => a - b), failures, durationMs }
}
