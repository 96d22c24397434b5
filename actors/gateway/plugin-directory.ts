/** What there is to see of plugins: folders, what admins want, how each kernel has them, and what is built in. */
import type { Clock } from '../../kernel/clock.ts'
import { type FoundPlugin, pillars } from '../../kernel/contract/plugin.ts'
import type { PluginView } from '../../kernel/contract/plugin-view.ts'
import type { Database } from '../../kernel/db/database.ts'
import {
  listPluginConfigs,
  type PluginConfig,
  readPluginConfig,
} from '../../kernel/db/plugin-configs.ts'
import { listPluginInstances } from '../../kernel/db/plugin-instances.ts'
import { readPluginRoutes } from '../../kernel/db/plugin-routes.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { PluginDirectory } from '../../kernel/plugin-desk.ts'
import type { PluginFolders } from '../plugin/folders.ts'
import type { LogBook } from '../plugin/log-book.ts'
import {
  type BuiltInPlugin,
  builtInViewFrom,
  idOfFound,
  type PluginFacts,
  pluginViewFrom,
} from './plugin-views.ts'

export interface DirectoryOptions {
  readonly db: Database
  /** Absent: `PLUGIN_DIR` is not set, and there are only the built-in ones. */
  readonly folders: PluginFolders | undefined
  readonly logs: LogBook
  readonly kernelId: string
  /** Whether a process of this kernel is called for the plugin now. */
  readonly isServing: (pluginId: string) => boolean
  /** What is a part of the kernel. */
  readonly readBuiltIn: () => Promise<readonly BuiltInPlugin[]>
  readonly clock: Clock
}

export function createPluginDirectory(options: DirectoryOptions): PluginDirectory {
  const { db, folders, logs, kernelId, isServing, readBuiltIn, clock } = options

  /** The manifest of a version that was uploaded says more than that of the folder it began with. */
  async function withServing(facts: PluginFacts): Promise<PluginFacts> {
    const version = facts.instances.find((instance) => instance.kernelId === kernelId)?.version
    if (folders === undefined || version === undefined || !isPinned(facts.config)) {
      return facts
    }
    return { ...facts, found: await folders.find(facts.id, version, true) }
  }

  async function listRunning(): Promise<PluginView[]> {
    const [found, configs, instances] = await Promise.all([
      folders?.list() ?? [],
      listPluginConfigs(db),
      listPluginInstances(db),
    ])
    const byId = new Map<string, FoundPlugin>(found.map((plugin) => [idOfFound(plugin), plugin]))
    const ids = new Set([...byId.keys(), ...configs.map(({ id }) => id)])
    const facts = [...ids].map((id): PluginFacts => ({
      id,
      found: byId.get(id),
      config: configs.find((config) => config.id === id),
      instances: instances.filter(({ pluginId }) => pluginId === id),
      kernelId,
      isServing: isServing(id),
      nowMs: clock.now(),
    }))
    return (await Promise.all(facts.map(withServing))).map(pluginViewFrom)
  }

  /** Workers can do without the encoder that they all have, where plugins may stand in for it. */
  async function listBuiltIn(found: readonly FoundPlugin[]): Promise<PluginView[]> {
    const [builtIn, configs] = await Promise.all([readBuiltIn(), listPluginConfigs(db)])
    return builtIn.map((plugin) => {
      const { id, type } = plugin.manifest
      const canBeDisabled = type === 'encoder' && folders !== undefined
      const isOff = configs.some((config) => config.id === id && !config.isEnabled)
      const isEnabled = !(canBeDisabled && isOff)
      const namesake = found.find((folder) => idOfFound(folder) === id)
      const problem = namesake !== undefined && 'problem' in namesake ? namesake.problem : null
      return builtInViewFrom(plugin, { nowMs: clock.now(), canBeDisabled, isEnabled, problem })
    })
  }

  async function list(): Promise<PluginView[]> {
    const [found, running] = await Promise.all([folders?.list() ?? [], listRunning()])
    const parts = await listBuiltIn(found)
    const taken = new Set(parts.map(({ id }) => id))
    return [...parts, ...running.filter(({ id }) => !taken.has(id))].sort(byPillarAndId)
  }

  return {
    list,
    async read(pluginId) {
      const found = (await list()).find(({ id }) => id === pluginId)
      if (found !== undefined) return found
      throw new WebEncodeError('WE-PLG-001', `There is no plugin "${pluginId}"`)
    },
    readConfig: async (pluginId) => (await readPluginConfig(db, pluginId))?.config ?? {},
    logs: (pluginId, limit) =>
      logs.read(pluginId, limit).map(({ correlationId, ...line }) => ({
        ...line,
        ...correlationId !== undefined && { correlation_id: correlationId },
      })),
    routes: () => readPluginRoutes(db),
  }
}

/** Somebody chose the version. */
function isPinned(config: PluginConfig | undefined): boolean {
  return (config?.version ?? null) !== null
}

function byPillarAndId(a: PluginView, b: PluginView): number {
  const rank = ({ type }: PluginView) => type === null ? pillars.length : pillars.indexOf(type)
  return rank(a) - rank(b) || (a.id < b.id ? -1 : 1)
}
