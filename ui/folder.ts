/** Folders of the storages, as pages show them. */
import type { BrowseEntry } from '../kernel/contract/storage.ts'
import type { Storages } from '../kernel/storages.ts'

/** An entry, and the storage it is in. */
export interface FolderEntry extends BrowseEntry {
  readonly pluginId: string
}

/** One folder, or the list of roots. */
export interface Folder {
  /** Absent for the list of roots. */
  readonly path?: string
  /** The storage of a folder. */
  readonly pluginId?: string
  /** Absent in a root. */
  readonly parentPath?: string
  readonly entries: readonly FolderEntry[]
}

/** Which folder is wanted. */
export interface FolderWish {
  /** @default the main storage */
  readonly pluginId?: string | undefined
  /** Empty for the roots of all storages. */
  readonly path: string
  readonly search?: string | undefined
  readonly showHidden?: boolean
}

/** Reads a folder, media only, or the roots of every storage. @throws WE-STO-001, WE-STO-002, WE-PLG-001 */
export async function loadFolder(storages: Storages, wish: FolderWish): Promise<Folder> {
  if (wish.path === '') return { entries: await rootsOf(storages) }
  const { id: pluginId, storage } = storages.get(wish.pluginId)
  const found = await storage.browse({
    path: wish.path,
    mediaOnly: true,
    showHidden: wish.showHidden ?? false,
    ...(wish.search !== undefined && { searchQuery: wish.search }),
  })
  return {
    path: found.currentPath,
    pluginId,
    ...(found.parentPath !== '' && { parentPath: found.parentPath }),
    entries: found.entries.map((entry) => ({ ...entry, pluginId })),
  }
}

async function rootsOf(storages: Storages): Promise<FolderEntry[]> {
  const roots = storages.list().map(async ({ id: pluginId, storage }) =>
    (await storage.browseRoots()).map((entry) => ({ ...entry, pluginId }))
  )
  return (await Promise.all(roots)).flat()
}
