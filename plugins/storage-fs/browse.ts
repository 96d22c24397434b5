/** Lets people pick source files from the media directories of this machine, and from nowhere else. */
import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, extname, isAbsolute, join } from 'node:path'
import type { BrowseEntry, StorageProvider } from '../../kernel/contract/storage.ts'
import { mediaKindOf } from '../../kernel/contract/content-types.ts'
import { deny, storageFailure } from './failure.ts'
import { isInside } from './keys.ts'

/** Files looked at in parallel. */
const batchSize = 32

type BrowseRequest = Parameters<StorageProvider['browse']>[0]
type BrowseReply = Awaited<ReturnType<StorageProvider['browse']>>

/**
 * A path below a media directory, links resolved.
 * @param roots - resolved media directories
 * @throws WE-STO-002 when it is not below one, WE-STO-001 when it is missing
 */
export async function locateMedia(roots: readonly string[], path: string): Promise<string> {
  const action = `open "${path.slice(0, 200)}"`
  if (!isAbsolute(path) || path.includes('\0')) deny(action, 'the path must be absolute')
  // A path outside is refused before it is looked at, so that nobody can ask what exists there.
  const isNamedInside = roots.some((root) => isInside(root, join(path)))
  const real = isNamedInside ? await realpathOf(path, action) : undefined
  if (real === undefined || !roots.some((root) => isInside(root, real))) {
    deny(action, 'it is not below a media directory')
  }
  return real
}

async function realpathOf(path: string, action: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (failure) {
    throw storageFailure(failure, action)
  }
}

/** The media directories themselves; one that is missing is left out. */
export async function listRoots(roots: readonly string[]): Promise<BrowseEntry[]> {
  const entries = await Promise.all(roots.map((root) => entryOf(roots, root)))
  return entries.filter((entry) => entry !== undefined)
}

/** The directory `path`, directories first, then files, by name. */
export async function browseDirectory(
  roots: readonly string[],
  request: BrowseRequest,
): Promise<BrowseReply> {
  const currentPath = await locateMedia(roots, request.path)
  const parentPath = roots.includes(currentPath) ? '' : dirname(currentPath)
  const search = request.searchQuery?.toLowerCase() ?? ''
  const names = (await namesIn(currentPath, request.path)).filter((name) =>
    (request.showHidden === true || !name.startsWith('.')) && name.toLowerCase().includes(search)
  )
  const entries: BrowseEntry[] = []
  for (let at = 0; at < names.length; at += batchSize) {
    const batch = names.slice(at, at + batchSize)
    const found = await Promise.all(batch.map((name) => entryOf(roots, join(currentPath, name))))
    entries.push(...found.filter((entry) => entry !== undefined))
  }
  const shown = request.mediaOnly === true ? entries.filter(isMedia) : entries
  return { currentPath, parentPath, entries: shown.sort(byKindAndName) }
}

async function namesIn(directory: string, asked: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (failure) {
    throw storageFailure(failure, `list "${asked}"`)
  }
}

/** The entry of a path, or undefined when it is a broken link, leads outside, may not be read, or is neither file nor directory. */
async function entryOf(roots: readonly string[], path: string): Promise<BrowseEntry | undefined> {
  const real = await realpath(path).catch(() => undefined)
  if (real === undefined || !roots.some((root) => isInside(root, real))) return undefined
  const stats = await stat(real).catch(() => undefined)
  if (stats === undefined || !(stats.isFile() || stats.isDirectory())) return undefined
  const name = basename(path)
  const kind = stats.isFile() ? mediaKindOf(name) : 'other'
  return {
    name,
    path,
    isDirectory: stats.isDirectory(),
    size: stats.isFile() ? stats.size : 0,
    modTime: Math.floor(stats.mtimeMs / 1000),
    extension: stats.isFile() ? extname(name).slice(1).toLowerCase() : '',
    isVideo: kind === 'video',
    isAudio: kind === 'audio',
    isImage: kind === 'image',
  }
}

function isMedia(entry: BrowseEntry): boolean {
  return entry.isDirectory || entry.isVideo || entry.isAudio || entry.isImage
}

function byKindAndName(one: BrowseEntry, other: BrowseEntry): number {
  if (one.isDirectory !== other.isDirectory) return one.isDirectory ? -1 : 1
  return one.name.localeCompare(other.name, 'en', { numeric: true })
}
