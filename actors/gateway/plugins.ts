/** Commands of people to plugins. Each is durable as a row; the supervisors of all kernels follow it. */
import type { Clock } from '../../kernel/clock.ts'
import type { Json } from '../../kernel/contract/json.ts'
import { type Pillar, pillars } from '../../kernel/contract/plugin.ts'
import type { PluginView } from '../../kernel/contract/plugin-view.ts'
import type { Database } from '../../kernel/db/database.ts'
import {
  readPluginConfig,
  writePluginConfig,
  writePluginEnabled,
  writePluginVersion,
} from '../../kernel/db/plugin-configs.ts'
import { listPluginInstances } from '../../kernel/db/plugin-instances.ts'
import { readPluginRoutes, writePluginRoutes } from '../../kernel/db/plugin-routes.ts'
import { messageOf, WebEncodeError } from '../../kernel/errors.ts'
import type { Caller } from '../../kernel/gateway.ts'
import type { Log } from '../../kernel/log.ts'
import type { PluginCommands, PluginDirectory } from '../../kernel/plugin-desk.ts'
import type { Engine } from '../engine/engine.ts'
import { eventJson } from '../events.ts'
import { pruneVersions, takeVersion } from '../plugin/archive.ts'
import type { PluginFolders, UsablePlugin } from '../plugin/folders.ts'
import type { Supervisor } from '../plugin/supervisor.ts'
import { mustReferToSecrets } from './plugin-secrets.ts'

export interface PluginCommandOptions {
  readonly engine: Pick<Engine, 'send'>
  readonly db: Database
  readonly log: Log
  readonly clock: Clock
  readonly directory: PluginDirectory
  /** Absent: `PLUGIN_DIR` is not set. */
  readonly running:
    | {
      readonly supervisor: Supervisor
      readonly folders: PluginFolders
      /** `PLUGIN_DIR`. */
      readonly pluginDirectory: string
      readonly readFolder: (
        folder: string,
      ) => Promise<UsablePlugin | { folder: string; problem: string }>
    }
    | undefined
}

type Running = NonNullable<PluginCommandOptions['running']>

/** How long a test may take, in milliseconds. */
const testTimeoutMs = 10_000

/** Creates the part of the gateway that is about plugins. */
export function createPluginCommands(options: PluginCommandOptions): PluginCommands {
  const { engine, db, directory, clock } = options
  const note = (message: string, { username, correlationId }: Caller, fields: object) =>
    options.log.info(message, { ...fields, by: username, correlation_id: correlationId })

  /** The plugin, and what runs plugins. @throws WE-PLG-001, WE-PLG-002 for a built-in one */
  async function find(pluginId: string): Promise<Running & { plugin: PluginView; pillar: Pillar }> {
    const plugin = await directory.read(pluginId)
    const { running } = options
    if (plugin.is_built_in) {
      const problem = `Cannot change "${pluginId}": it is a part of the kernel`
      throw new WebEncodeError('WE-PLG-002', problem)
    }
    if (running === undefined || plugin.type === null) {
      const problem = plugin.problem ?? 'PLUGIN_DIR is not set'
      throw new WebEncodeError('WE-PLG-002', `Cannot use "${pluginId}": ${problem}`)
    }
    return { ...running, plugin, pillar: plugin.type }
  }

  /** The folder of the version that is wanted. @throws WE-PLG-002 when it cannot run here */
  async function folderOf({ folders, plugin }: { folders: PluginFolders; plugin: PluginView }) {
    const config = await readPluginConfig(db, plugin.id)
    folders.forget()
    const version = config?.version ?? plugin.version ?? ''
    const found = await folders.find(plugin.id, version, config?.version != null)
    if ('manifest' in found) return { found, config: config?.config ?? {} }
    throw new WebEncodeError('WE-PLG-002', `Cannot use "${plugin.id}": ${found.problem}`)
  }

  async function switchTo(pluginId: string, isEnabled: boolean, caller: Caller) {
    const { plugin, pillar, supervisor, folders } = await find(pluginId)
    if (isEnabled) {
      const { found, config } = await folderOf({ folders, plugin })
      const host = await supervisor.host()
      host.checkConfig(found.manifest, config)
    }
    await writePluginEnabled(db, { id: pluginId, pillar, by: caller.username, isEnabled })
    supervisor.kick()
    note(isEnabled ? 'plugin enabled' : 'plugin disabled', caller, { plugin_id: pluginId })
    return await directory.read(pluginId)
  }

  return {
    enablePlugin: (pluginId, caller) => switchTo(pluginId, true, caller),
    disablePlugin: (pluginId, caller) => switchTo(pluginId, false, caller),

    async configurePlugin(pluginId, { config, priority }, caller) {
      const { plugin, pillar, supervisor, folders } = await find(pluginId)
      const { found } = await folderOf({ folders, plugin })
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
      supervisor.kick()
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

    async testPlugin(pluginId, caller) {
      const { plugin, supervisor, folders } = await find(pluginId)
      const from = clock.now()
      const run = supervisor.mesh.lane(pluginId)?.current
      const problem = run?.state === 'up'
        ? await problemOf(run.use((instance) => instance.check({ timeoutMs: testTimeoutMs })))
        : await problemOf(testAlone(supervisor, await folderOf({ folders, plugin })))
      note('plugin tested', caller, { plugin_id: pluginId, problem })
      return { ok: problem === null, duration_ms: clock.now() - from, problem }
    },

    async upgradePlugin(pluginId, archive, caller) {
      const { plugin, pillar, supervisor, folders, pluginDirectory, readFolder } = await find(
        pluginId,
      )
      const config = await readPluginConfig(db, pluginId)
      const host = await supervisor.host()
      const { manifest } = await takeVersion(pluginId, archive, {
        directory: pluginDirectory,
        folders,
        readFolder,
        check(taken) {
          mustReplace(plugin, taken)
          host.checkConfig(taken.manifest, config?.config ?? {})
        },
      })
      const { version } = manifest
      await writePluginVersion(db, { id: pluginId, pillar, by: caller.username, version })
      supervisor.kick()
      const instances = await listPluginInstances(db, { pluginId })
      const used = instances.flatMap(({ processes }) => processes.map((process) => process.version))
      await pruneVersions(pluginDirectory, pluginId, new Set([version, ...used]))
      note('plugin upgrade begun', caller, { plugin_id: pluginId, version })
      return await directory.read(pluginId)
    },

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

/** Runs the self-test in a process of its own. */
async function testAlone(
  supervisor: Supervisor,
  { found, config }: { found: UsablePlugin; config: Readonly<Record<string, unknown>> },
): Promise<void> {
  const host = await supervisor.host()
  const checked = host.checkConfig(found.manifest, config)
  const instance = await host.start({ ...found, config: checked })
  try {
    await instance.check({ timeoutMs: testTimeoutMs })
  } finally {
    await instance.stop()
  }
}

/** What went wrong, in a sentence; null when nothing did. A configuration that is wrong is the caller's to correct. */
async function problemOf(test: Promise<void>): Promise<string | null> {
  try {
    await test
    return null
  } catch (failure) {
    if (failure instanceof WebEncodeError && failure.code === 'WE-PLG-003') throw failure
    return messageOf(failure)
  }
}

/** @throws WE-PLG-003 when it is not another version of the same plugin */
function mustReplace({ id, type, version }: PluginView, { manifest }: UsablePlugin): void {
  const refuse = (path: string, must: string, found: string) => {
    const problem = `Cannot upgrade "${id}": ${path} must be ${must}, and it is ${found}`
    throw new WebEncodeError('WE-PLG-003', problem, { path })
  }
  if (manifest.type !== type) {
    refuse('plugin.type', `${type ?? pillars.join(', ')}`, manifest.type)
  }
  if (manifest.version === version) refuse('plugin.version', 'another than now', manifest.version)
}
