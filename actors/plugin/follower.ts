/** Tells the plugin actors of one kernel what admins want, and wants the old version back when an upgrade failed. */
import type { Json } from '../../kernel/contract/json.ts'
import type { Database } from '../../kernel/db/database.ts'
import { type PluginConfig, returnPluginVersion } from '../../kernel/db/plugin-configs.ts'
import type { PluginInstanceRecord } from '../../kernel/db/plugin-instances.ts'
import { pluginActorIdFrom } from '../../kernel/ids.ts'
import type { Log } from '../../kernel/log.ts'
import type { Engine } from '../engine/engine.ts'
import { eventJson } from '../events.ts'
import { idOf, type PluginFolders } from './folders.ts'
import type { PluginInput, PluginTiming, PluginWant } from './model.ts'

export interface FollowerOptions {
  readonly engine: Pick<Engine, 'create' | 'send'>
  readonly db: Database
  readonly folders: PluginFolders
  readonly log: Log
  readonly kernelId: string
  readonly timing: PluginTiming
  readonly kick: () => void
}

/** Compares what is wanted with what the actors know, and tells them the difference. */
export type Follow = (
  wants: ReadonlyMap<string, PluginConfig>,
  instances: readonly PluginInstanceRecord[],
) => Promise<void>

export function createFollower(options: FollowerOptions): Follow {
  const { engine, db, folders, log, kernelId, timing, kick } = options

  async function create(config: PluginConfig): Promise<void> {
    const input: PluginInput = {
      ...wantFrom(config, await versionOf(folders, config)),
      pluginId: config.id,
      kernelId,
      pillar: config.pillar,
      timing,
    }
    await engine.create('plugin', pluginActorIdFrom(config.id, kernelId), input as unknown as Json)
    kick()
  }

  async function tell(config: PluginConfig, { actorId, version }: PluginInstanceRecord) {
    const want = wantFrom(config, await versionOf(folders, config, version))
    await engine.send(actorId, eventJson({ type: 'want', ...want }))
    kick()
  }

  /** One kernel in which a version fails is enough for all to go back. */
  async function giveUp(config: PluginConfig, instance: PluginInstanceRecord): Promise<boolean> {
    const { end } = instance.upgrade
    const isFailed = end !== null && end.outcome !== 'kept' && end.version === config.version &&
      instance.revision === config.revision
    if (!isFailed) return false
    const back = {
      id: config.id,
      failed: end.version,
      version: await pinFor(folders, config.id, instance.version),
    }
    if (!await returnPluginVersion(db, back)) return false
    log.warn('a plugin goes back to its old version', {
      plugin_id: config.id,
      version: instance.version,
      failed: end.version,
      problem: end.problem,
    })
    kick()
    return true
  }

  async function followOne(
    config: PluginConfig,
    instance: PluginInstanceRecord | undefined,
  ): Promise<void> {
    if (instance === undefined) {
      if (config.isEnabled) await create(config)
    } else if (instance.revision !== config.revision) await tell(config, instance)
    else await giveUp(config, instance)
  }

  return async (wants, instances) => {
    const known = new Map(instances.map((instance) => [instance.pluginId, instance]))
    for (const config of wants.values()) {
      try {
        await followOne(config, known.get(config.id))
      } catch (error) {
        // The next look tries again. What is wrong with one plugin is not the others' business.
        log.error('cannot follow what is wanted of a plugin', { plugin_id: config.id, error })
      }
    }
  }
}

function wantFrom(config: PluginConfig, version: string): PluginWant {
  const { revision, configRevision, isEnabled, updatedBy } = config
  return { revision, configRevision, isEnabled, version, by: updatedBy }
}

/** The version that is wanted; when the admin named none, the one of the folder, or else the one that is known. */
async function versionOf(
  folders: PluginFolders,
  { id, version }: PluginConfig,
  known = '0.0.0',
): Promise<string> {
  if (version !== null) return version
  const found = await folders.find(id, known, false)
  return 'manifest' in found ? found.manifest.version : known
}

/** A version that `PLUGIN_DIR` has itself is not pinned: whoever puts a newer one there means it. */
async function pinFor(
  folders: PluginFolders,
  pluginId: string,
  version: string,
): Promise<string | null> {
  const installed = (await folders.list()).find((found) => idOf(found) === pluginId)
  const isInstalled = installed !== undefined && 'manifest' in installed &&
    installed.manifest.version === version
  return isInstalled ? null : version
}
