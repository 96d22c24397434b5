/** Commands of people to plugins. Each is durable as a row; the supervisors of all kernels follow it. */
import type { Json } from '../../kernel/contract/json.ts'
import type { PluginView } from '../../kernel/contract/plugin-view.ts'
import {
  deletePluginConfig,
  writePluginConfig,
  writePluginEnabled,
} from '../../kernel/db/plugin-configs.ts'
import { listPluginInstances } from '../../kernel/db/plugin-instances.ts'
import { readPluginRoutes, writePluginRoutes } from '../../kernel/db/plugin-routes.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Caller } from '../../kernel/gateway.ts'
import type { PluginCommands } from '../../kernel/plugin-desk.ts'
import { eventJson } from '../events.ts'
import { createPluginLookup, type PluginCommandOptions } from './plugin-lookup.ts'
import { mustReferToSecrets } from './plugin-secrets.ts'
import { createPluginTrials } from './plugin-trials.ts'

/** Creates the part of the gateway that is about plugins. */
export function createPluginCommands(options: PluginCommandOptions): PluginCommands {
  const { engine, db, directory } = options
  const { find, folderOf, note } = createPluginLookup(options)

  /** Of a built-in one there is a row only while it is off: no process of the kernel is to follow it. */
  async function switchBuiltIn({ id }: PluginView, isEnabled: boolean, { username }: Caller) {
    if (isEnabled) await deletePluginConfig(db, id)
    else await writePluginEnabled(db, { id, pillar: 'encoder', by: username, isEnabled })
  }

  async function switchRunning(pluginId: string, isEnabled: boolean, { username }: Caller) {
    const commanded = await find(pluginId)
    const { pillar, supervisor } = commanded
    if (isEnabled) {
      const { found, config } = await folderOf(commanded)
      const host = await supervisor.host()
      host.checkConfig(found.manifest, config)
    }
    await writePluginEnabled(db, { id: pluginId, pillar, by: username, isEnabled })
    supervisor.wanted(pluginId)
  }

  async function switchTo(pluginId: string, isEnabled: boolean, caller: Caller) {
    const plugin = await directory.read(pluginId)
    if (plugin.is_built_in && plugin.can_be_disabled) await switchBuiltIn(plugin, isEnabled, caller)
    else await switchRunning(pluginId, isEnabled, caller)
    note(isEnabled ? 'plugin enabled' : 'plugin disabled', caller, { plugin_id: pluginId })
    return await directory.read(pluginId)
  }

  return {
    enablePlugin: (pluginId, caller) => switchTo(pluginId, true, caller),
    disablePlugin: (pluginId, caller) => switchTo(pluginId, false, caller),

    async configurePlugin(pluginId, { config, priority }, caller) {
      const commanded = await find(pluginId)
      const { plugin, pillar, supervisor } = commanded
      const { found } = await folderOf(commanded)
      mustReferToSecrets(pluginId, config)
      const host = await supervisor.host()
      host.checkConfig(found.manifest, config)
      await writePluginConfig(db, {
        id: pluginId,
        pillar,
        by: caller.username,
        // As it was sent: what the schema presets is not what the admin chose.
        config: config as Readonly<Record<string, Json>>,
        priority: priority ?? plugin.priority,
      })
      supervisor.wanted(pluginId)
      note('plugin configured', caller, { plugin_id: pluginId, fields: Object.keys(config) })
      return await directory.read(pluginId)
    },

    async restartPlugin(pluginId, caller) {
      const { plugin } = await find(pluginId)
      if (plugin.state === 'disabled') {
        throw new WebEncodeError('WE-PLG-002', `Cannot restart "${pluginId}": it is disabled`)
      }
      const event = eventJson({ type: 'restart', by: caller.username })
      const instances = await listPluginInstances(db, { pluginId })
      await Promise.all(instances.map(({ actorId }) => engine.send(actorId, event)))
      note('plugin restarted', caller, { plugin_id: pluginId })
      return await directory.read(pluginId)
    },

    ...createPluginTrials(options),

    async setPluginRoutes(pillar, rules, caller) {
      const known = new Set((await directory.list()).map(({ id }) => id))
      rules.forEach(({ plugin_id: id }, i) => {
        if (known.has(id)) return
        throw new WebEncodeError('WE-PLG-001', `Cannot route to "${id}": there is no such plugin`, {
          path: `${i}.plugin_id`,
        })
      })
      await db.transaction((tx) => writePluginRoutes(tx, pillar, rules))
      note('plugin routes set', caller, { pillar, rules: rules.length })
      return await readPluginRoutes(db)
    },
  }
}
