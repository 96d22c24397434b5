/** The folders of plugins: those of `PLUGIN_DIR`, and the versions that were uploaded beside them. */
import { basename, join } from 'node:path'
import type { FoundPlugin } from '../../kernel/contract/plugin.ts'
import { versionFolder } from '../../kernel/plugin/version-folder.ts'

/** A folder that can be started. */
export type UsablePlugin = Extract<FoundPlugin, { readonly manifest: unknown }>

export interface FoldersOptions {
  /** `PLUGIN_DIR`. */
  readonly directory: string
  /** Reads every manifest one folder below it. */
  readonly scan: () => Promise<readonly FoundPlugin[]>
  /** Reads the manifest of one folder. */
  readonly readFolder: (folder: string) => Promise<FoundPlugin>
  readonly now: () => number
  /** Ids of what is a part of the kernel: no folder may have one of them. @default none */
  readonly taken?: ReadonlySet<string>
}

export interface PluginFolders {
  /** What is in `PLUGIN_DIR`; at most some seconds old. */
  list(): Promise<readonly FoundPlugin[]>
  /** The next look reads anew. */
  forget(): void
  /**
   * The folder of a version.
   * @param isPinned - exactly this version; otherwise whatever `PLUGIN_DIR` has will do
   */
  find(pluginId: string, version: string, isPinned: boolean): Promise<FoundPlugin>
  /** Where an uploaded version belongs. */
  versionFolder(pluginId: string, version: string): string
}

/** A look at the disk serves this long, in milliseconds. */
const freshMs = 5000

export function createFolders(
  { directory, scan, readFolder, now, taken = new Set() }: FoldersOptions,
): PluginFolders {
  let seen: { readonly atMs: number; readonly found: Promise<readonly FoundPlugin[]> } | undefined

  /** Calls, routes and pages know a plugin by its id alone. */
  const refuseTaken = (plugin: FoundPlugin): FoundPlugin =>
    taken.has(idOf(plugin)) ? { folder: plugin.folder, problem: takenProblem(plugin) } : plugin

  const list = () => {
    if (seen === undefined || now() - seen.atMs > freshMs) {
      const found = scan().then((plugins) => plugins.map(refuseTaken))
      const looked = { atMs: now(), found }
      seen = looked
      // A failure is answered to whoever asked, and not kept.
      looked.found.catch(() => seen === looked && (seen = undefined))
    }
    return seen.found
  }

  return {
    list,
    forget: () => void (seen = undefined),
    versionFolder: (pluginId, version) => versionFolder(directory, pluginId, version),
    async find(pluginId, version, isPinned) {
      const installed = (await list()).find((plugin) => idOf(plugin) === pluginId)
      if (installed !== undefined && 'problem' in installed) return installed
      if (installed !== undefined && (!isPinned || installed.manifest.version === version)) {
        return installed
      }
      const uploaded = refuseTaken(await readFolder(versionFolder(directory, pluginId, version)))
      if (!('problem' in uploaded)) return uploaded
      const folder = installed?.folder ?? join(directory, pluginId)
      const problem = installed === undefined
        ? `There is no plugin "${pluginId}" in PLUGIN_DIR`
        : `Version ${version} of "${pluginId}" is not in PLUGIN_DIR`
      return { folder, problem }
    },
  }
}

function takenProblem(plugin: FoundPlugin): string {
  const id = JSON.stringify(idOf(plugin))
  return `The folder ${id} of PLUGIN_DIR is not used: its id must be free, and a part of the kernel has it`
}

/** The plugin that a folder holds; a folder bears its id as its name. */
export function idOf(plugin: FoundPlugin): string {
  return 'manifest' in plugin ? plugin.manifest.id : basename(plugin.folder)
}
