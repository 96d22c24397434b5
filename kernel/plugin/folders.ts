/** The folders of plugins on this machine: what is in each, or what is wrong with it. Nothing is started. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { FoundPlugin } from '../contract/plugin.ts'
import { messageOf } from '../errors.ts'
import { readManifest } from './manifest.ts'

/** Every folder of plugins, by name, with its manifest or what is wrong with that. @throws when `directory` cannot be read */
export async function scanPluginFolders(
  directory: string,
  kernelVersion: string,
): Promise<readonly FoundPlugin[]> {
  const entries = await readdir(directory, { withFileTypes: true })
  const folders = entries
    .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    .filter(({ name }) => !name.startsWith('.'))
    .map(({ name }) => join(directory, name))
    .sort()
  return await Promise.all(folders.map((folder) => readPluginFolder(folder, kernelVersion)))
}

/** The plugin of one folder. */
export async function readPluginFolder(
  folder: string,
  kernelVersion: string,
): Promise<FoundPlugin> {
  try {
    return { folder, manifest: await readManifest(folder, kernelVersion) }
  } catch (failure) {
    return { folder, problem: messageOf(failure) }
  }
}
