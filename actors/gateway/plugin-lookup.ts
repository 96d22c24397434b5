/** Finds what a command to a plugin needs: the plugin, what runs it, and the folder of the version that is wanted. */
import type { Clock } from '../../kernel/clock.ts'
import type { FoundPlugin, Pillar } from '../../kernel/contract/plugin.ts'
import type { PluginView } from '../../kernel/contract/plugin-view.ts'
import type { Database } from '../../kernel/db/database.ts'
import { readPluginConfig } from '../../kernel/db/plugin-configs.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Caller } from '../../kernel/gateway.ts'
import type { Log } from '../../kernel/log.ts'
import type { PluginDirectory } from '../../kernel/plugin-desk.ts'
import type { Engine } from '../engine/engine.ts'
import type { PluginFolders, UsablePlugin } from '../plugin/folders.ts'
import type { Supervisor } from '../plugin/supervisor.ts'

/** What runs plugins in this kernel. */
export interface RunningPlugins {
  readonly supervisor: Supervisor
  readonly folders: PluginFolders
  /** `PLUGIN_DIR`. */
  readonly pluginDirectory: string
  readonly readFolder: (folder: string) => Promise<FoundPlugin>
}

export interface PluginCommandOptions {
  readonly engine: Pick<Engine, 'send'>
  readonly db: Database
  readonly log: Log
  readonly clock: Clock
  readonly directory: PluginDirectory
  /** Absent: `PLUGIN_DIR` is not set. */
  readonly running: RunningPlugins | undefined
}

/** A plugin that commands are for. */
export interface CommandedPlugin extends RunningPlugins {
  readonly plugin: PluginView
  readonly pillar: Pillar
}

/** A folder, and the configuration that is stored for it. */
export interface ConfiguredFolder {
  readonly found: UsablePlugin
  readonly config: Readonly<Record<string, unknown>>
}

export interface PluginLookup {
  /** @throws WE-PLG-001; WE-PLG-002 for a plugin that is built in, or cannot run here; WE-PLG-003 for a folder with the id of one */
  find(pluginId: string): Promise<CommandedPlugin>
  /** The folder of the version that is wanted. @throws WE-PLG-002 when it cannot run here */
  folderOf(commanded: CommandedPlugin): Promise<ConfiguredFolder>
  /** Logs what somebody did. */
  note(message: string, caller: Caller, fields: object): void
}

export function createPluginLookup(options: PluginCommandOptions): PluginLookup {
  const { db, directory, log, running } = options
  return {
    async find(pluginId) {
      const plugin = await directory.read(pluginId)
      if (plugin.is_built_in && plugin.problem !== null) {
        const sentence = `Cannot change "${pluginId}": ${plugin.problem}`
        throw new WebEncodeError('WE-PLG-003', sentence, { path: 'plugin.id' })
      }
      if (plugin.is_built_in) {
        const problem = `Cannot change "${pluginId}": it is a part of the kernel`
        throw new WebEncodeError('WE-PLG-002', problem)
      }
      if (running === undefined || plugin.type === null) {
        const problem = plugin.problem ?? 'PLUGIN_DIR is not set'
        throw new WebEncodeError('WE-PLG-002', `Cannot use "${pluginId}": ${problem}`)
      }
      return { ...running, plugin, pillar: plugin.type }
    },
    async folderOf({ folders, plugin }) {
      const stored = await readPluginConfig(db, plugin.id)
      const wanted = stored?.version ?? null
      folders.forget()
      const found = await folders.find(plugin.id, wanted ?? plugin.version ?? '', wanted !== null)
      if ('manifest' in found) return { found, config: stored?.config ?? {} }
      throw new WebEncodeError('WE-PLG-002', `Cannot use "${plugin.id}": ${found.problem}`)
    },
    note: (message, { username, correlationId }, fields) =>
      log.info(message, { ...fields, by: username, correlation_id: correlationId }),
  }
}
