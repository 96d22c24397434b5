/** A kernel with plugins for tests: the product of `world.fixture.ts`, a supervisor, and a host without processes. */
import { systemClock } from '../../kernel/clock.ts'
import type { FoundPlugin, PluginCall } from '../../kernel/contract/plugin.ts'
import { type PluginConfig, readPluginConfig } from '../../kernel/db/plugin-configs.ts'
import { listPluginInstances } from '../../kernel/db/plugin-instances.ts'
import { silentLog } from '../../kernel/log.ts'
import type { World } from '../desk/world.fixture.ts'
import { createFolders } from './folders.ts'
import { createFakeHost, type FakeHost } from './host.fixture.ts'
import { type PluginTiming, usualTiming } from './model.ts'
import { createSupervisor } from './supervisor.ts'

export type PluginKernel = Awaited<ReturnType<typeof openPluginKernel>>

/** Times for impatient tests. */
const quickTiming: PluginTiming = {
  ...usualTiming,
  backoffMs: 5,
  failingMs: 300,
  watchMs: 1500,
}
const quickRuns = { checkEveryMs: 50, checkTimeoutMs: 1000, judgeEveryMs: 20, drainMs: 5000 }

/** Starts a supervisor over a world. */
export async function openPluginKernel(
  { engine, db, bus }: World,
  options: {
    readonly kernelId?: string
    readonly host?: FakeHost
    readonly timing?: PluginTiming
    readonly checkEveryMs?: number
    /** `PLUGIN_DIR`, where there is one. */
    readonly directory?: string
    readonly readFolder?: (folder: string) => Promise<FoundPlugin>
    /** Ids of what is a part of the kernel. */
    readonly taken?: ReadonlySet<string>
  } = {},
) {
  const { kernelId = 'k1', host = createFakeHost(), timing = quickTiming } = options
  const calls: (PluginCall & { readonly id: string })[] = []
  const opened = { times: 0 }
  const folders = createFolders({
    directory: options.directory ?? '/plugins',
    scan: host.scan,
    readFolder: options.readFolder ??
      ((folder) =>
        Promise.resolve(host.uploaded.get(folder) ?? { folder, problem: 'It has no plugin.toml' })),
    now: systemClock.now,
    ...options.taken && { taken: options.taken },
  })
  const supervisor = createSupervisor({
    engine,
    db,
    bus,
    folders,
    openHost() {
      opened.times += 1
      return Promise.resolve(host)
    },
    clock: systemClock,
    log: silentLog,
    kernelId,
    timing,
    runTiming: { ...quickRuns, checkEveryMs: options.checkEveryMs ?? quickRuns.checkEveryMs },
    onCall: (id, call) => void calls.push({ id, ...call }),
    onLogLine: () => {},
    lookEveryMs: 50,
  })
  await supervisor.start()
  const instance = async (pluginId: string) =>
    (await listPluginInstances(db, { kernelId, pluginId }))[0]
  return {
    supervisor,
    mesh: supervisor.mesh,
    host,
    folders,
    calls,
    opened,
    instance,
    config: (id: string): Promise<PluginConfig | undefined> => readPluginConfig(db, id),
    /** As a death of the kernel: nothing is told, and no process is left. */
    async kill() {
      await supervisor.stop()
    },
  }
}
