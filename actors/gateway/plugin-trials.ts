/** Tries plugins: the test of a connection, and the upgrade to a version that has to prove itself. */
import { pillars } from '../../kernel/contract/plugin.ts'
import type { PluginView } from '../../kernel/contract/plugin-view.ts'
import { readPluginConfig, writePluginVersion } from '../../kernel/db/plugin-configs.ts'
import type { Reader } from '../../kernel/db/database.ts'
import { listPluginInstances } from '../../kernel/db/plugin-instances.ts'
import { messageOf, WebEncodeError } from '../../kernel/errors.ts'
import type { PluginCommands } from '../../kernel/plugin-desk.ts'
import { createTurns } from '../engine/turns.ts'
import { pruneVersions, takeVersion } from '../plugin/archive.ts'
import type { UsablePlugin } from '../plugin/folders.ts'
import type { Supervisor } from '../plugin/supervisor.ts'
import {
  type ConfiguredFolder,
  createPluginLookup,
  type PluginCommandOptions,
} from './plugin-lookup.ts'

/** How long a test may take, in milliseconds. */
const testTimeoutMs = 10_000

/** Creates the part of the commands that starts processes to see whether they work. */
export function createPluginTrials(
  options: PluginCommandOptions,
): Pick<PluginCommands, 'testPlugin' | 'upgradePlugin'> {
  const { db, directory, clock } = options
  const { find, folderOf, note } = createPluginLookup(options)
  // Two archives of one version would be put in one place.
  const takeTurn = createTurns()
  return {
    async testPlugin(pluginId, caller) {
      const commanded = await find(pluginId)
      const { supervisor } = commanded
      const from = clock.now()
      const run = supervisor.mesh.lane(pluginId)?.current
      const problem = run?.state === 'up'
        ? await problemOf(run.use((instance) => instance.check({ timeoutMs: testTimeoutMs })))
        : await problemOf(testAlone(supervisor, await folderOf(commanded)))
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
        takeTurn,
        async check(taken) {
          mustReplace(plugin, taken, await listUsedVersions(db, pluginId))
          host.checkConfig(taken.manifest, config?.config ?? {})
        },
      })
      const { version } = manifest
      await writePluginVersion(db, { id: pluginId, pillar, by: caller.username, version })
      supervisor.wanted(pluginId)
      const used = await listUsedVersions(db, pluginId)
      await pruneVersions(pluginDirectory, pluginId, new Set([version, ...used]))
      note('plugin upgrade begun', caller, { plugin_id: pluginId, version })
      return await directory.read(pluginId)
    },
  }
}

/** Versions that serve, are tried, or wait, in any kernel. */
async function listUsedVersions(db: Reader, pluginId: string): Promise<readonly string[]> {
  const instances = await listPluginInstances(db, { pluginId })
  return instances.flatMap(({ version, processes }) => [
    version,
    ...processes.map((process) => process.version),
  ])
}

/** Runs the self-test in a process of its own. */
async function testAlone(
  supervisor: Supervisor,
  { found, config }: ConfiguredFolder,
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
function mustReplace(
  { id, type, version }: PluginView,
  { manifest }: UsablePlugin,
  used: readonly string[],
): void {
  const refuse = (path: string, must: string, found: string) => {
    const problem = `Cannot upgrade "${id}": ${path} must be ${must}, and it is ${found}`
    throw new WebEncodeError('WE-PLG-003', problem, { path })
  }
  if (manifest.type !== type) {
    refuse('plugin.type', type ?? pillars.join(', '), manifest.type)
  }
  if (manifest.version === version || used.includes(manifest.version)) {
    refuse('plugin.version', 'one that is not in use', manifest.version)
  }
}
