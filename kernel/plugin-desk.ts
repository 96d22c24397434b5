/** The ports through which routes and pages see plugins and command them. */
import type { PluginRoutes, PluginRule } from './contract/plugin-route.ts'
import type { Pillar } from './contract/plugin.ts'
import type { PluginLogView, PluginTest, PluginView } from './contract/plugin-view.ts'
import type { Caller } from './gateway.ts'

/** What there is to see of plugins. */
export interface PluginDirectory {
  /** All plugins, by pillar and id. */
  list(): Promise<readonly PluginView[]>
  /** @throws WE-PLG-001 */
  read(pluginId: string): Promise<PluginView>
  /** The stored configuration, for those who may change it: references, no secrets. */
  readConfig(pluginId: string): Promise<Readonly<Record<string, unknown>>>
  /** The last log lines in this kernel, oldest first; `limit` is at most 500. */
  logs(pluginId: string, limit: number): readonly PluginLogView[]
  routes(): Promise<PluginRoutes>
}

/** Commands to plugins. All throw WE-PLG-001 for a plugin that there is not, and WE-PLG-002 for one that is built in; but the built-in encoder can be switched. */
export interface PluginCommands {
  /**
   * Stores a configuration; a plugin that serves gets a new process with it.
   * @throws WE-PLG-003 with `path` when it breaks the schema, or holds a secret in place of a reference to one
   */
  configurePlugin(
    pluginId: string,
    change: {
      readonly config: Readonly<Record<string, unknown>>
      readonly priority?: number | undefined
    },
    caller: Caller,
  ): Promise<PluginView>
  /** Starts it in every kernel. @throws WE-PLG-003 when its stored configuration breaks the schema; WE-PLG-002 when it cannot run here */
  enablePlugin(pluginId: string, caller: Caller): Promise<PluginView>
  disablePlugin(pluginId: string, caller: Caller): Promise<PluginView>
  /** Starts a new process in every kernel and moves the calls to it. @throws WE-PLG-002 when it is disabled */
  restartPlugin(pluginId: string, caller: Caller): Promise<PluginView>
  /** Runs its self-test: in the process that serves, or in one that lives only as long. */
  testPlugin(pluginId: string, caller: Caller): Promise<PluginTest>
  /**
   * Takes a new version, a gzipped tar of its folder, and begins the upgrade.
   * @throws WE-PLG-003 with `path` when the archive, its manifest or its schema does not fit; WE-SYS-006 when it is too large
   */
  upgradePlugin(
    pluginId: string,
    archive: AsyncIterable<Uint8Array>,
    caller: Caller,
  ): Promise<PluginView>
  /** Replaces the routing rules of one pillar. @throws WE-PLG-001 with `path` when a rule names a plugin that there is not */
  setPluginRoutes(
    pillar: Pillar,
    rules: readonly PluginRule[],
    caller: Caller,
  ): Promise<PluginRoutes>
}
