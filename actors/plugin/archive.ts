/** Takes a new version of a plugin out of its archive, checks it, and puts its folder in place. */
import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { chmod, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { FoundPlugin } from '../../kernel/contract/plugin.ts'
import { untar } from '../../kernel/db/untar.ts'
import { messageOf, WebEncodeError } from '../../kernel/errors.ts'
import type { TakeTurn } from '../engine/turns.ts'
import type { PluginFolders, UsablePlugin } from './folders.ts'

export interface ArchiveOptions {
  /** `PLUGIN_DIR`. */
  readonly directory: string
  readonly folders: PluginFolders
  readonly readFolder: (folder: string) => Promise<FoundPlugin>
  /** Refuses a version that does not fit. */
  readonly check: (plugin: UsablePlugin) => Promise<void>
  /** Lets one version at a time be put in place. */
  readonly takeTurn: TakeTurn
}

/** Most bytes that a version takes on disk. */
const maxUnpackedBytes = 1024 ** 3

/**
 * Unpacks a gzipped tar that holds the folder of plugin `pluginId`, or its contents, and puts it beside the version that runs.
 * Nothing is left of one that is refused.
 * @throws WE-PLG-003 when it cannot be unpacked or its manifest is wrong; what `check` and the archive throw
 */
export async function takeVersion(
  pluginId: string,
  archive: AsyncIterable<Uint8Array>,
  options: ArchiveOptions,
): Promise<UsablePlugin> {
  const { directory, readFolder, takeTurn } = options
  const draft = join(directory, '.versions', `.draft-${randomUUID()}`)
  const folder = join(draft, pluginId)
  await mkdir(draft, { recursive: true, mode: 0o700 })
  try {
    const packed = join(draft, 'archive')
    await pipeline(archive, createWriteStream(packed, { mode: 0o600 }))
    await rename(await unpack(packed, join(draft, 'unpacked')), folder)
    const plugin = usable(await readFolder(folder))
    return await takeTurn(() => putInPlace(plugin, options))
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

async function putInPlace(
  plugin: UsablePlugin,
  { folders, check }: ArchiveOptions,
): Promise<UsablePlugin> {
  const { folder, manifest } = plugin
  await check(plugin)
  const target = folders.versionFolder(manifest.id, manifest.version)
  // The archive's own modes are not kept.
  await chmod(join(folder, manifest.main), 0o700)
  await rm(target, { recursive: true, force: true })
  await mkdir(dirname(target), { recursive: true, mode: 0o700 })
  await rename(folder, target)
  return { folder: target, manifest }
}

/** Removes the uploaded versions of a plugin that nothing runs or goes back to. */
export async function pruneVersions(
  directory: string,
  pluginId: string,
  keep: ReadonlySet<string>,
): Promise<void> {
  const versions = join(directory, '.versions')
  const names = await readdir(versions)
  const old = names.filter((name) =>
    name.startsWith(`${pluginId}@`) && !keep.has(name.slice(pluginId.length + 1))
  )
  await Promise.all(old.map((name) => rm(join(versions, name), { recursive: true, force: true })))
}

/** @returns the folder of `plugin.toml`: the archive's own, or the only one in it */
async function unpack(packed: string, into: string): Promise<string> {
  try {
    await mkdir(into, { mode: 0o700 })
    await untar(packed, into, { maxBytes: maxUnpackedBytes })
  } catch (failure) {
    const problem = `The archive must be a gzipped tar of the plugin’s folder: ${
      messageOf(failure)
    }`
    throw new WebEncodeError('WE-PLG-003', problem, { path: 'archive', cause: failure })
  }
  const entries = await readdir(into)
  const [only, ...others] = entries
  return entries.includes('plugin.toml') || only === undefined || others.length > 0
    ? into
    : join(into, only)
}

function usable(found: FoundPlugin): UsablePlugin {
  if ('manifest' in found) return found
  throw new WebEncodeError('WE-PLG-003', found.problem, { path: 'plugin.toml' })
}
