/** Walks the objects of a bucket in the order of their keys. */
import type { Stats } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from './failure.ts'
import { partDirectory } from './keys.ts'

/** A regular file and its key. Links and unfinished files are not listed. */
export interface WalkedObject {
  readonly key: string
  readonly stats: Stats
}

/**
 * Objects whose key starts with `prefix` and comes after `after`, in code unit order.
 * What disappears during the walk is left out.
 */
export async function* walk(
  bucketPath: string,
  prefix: string,
  after: string,
): AsyncGenerator<WalkedObject> {
  yield* walkDirectory(bucketPath, '', prefix, after)
}

async function* walkDirectory(
  path: string,
  directoryKey: string,
  prefix: string,
  after: string,
): AsyncGenerator<WalkedObject> {
  for (const { name, isDirectory } of await entriesOf(path)) {
    const key = directoryKey + name
    if (isDirectory) {
      if (isWorthEntering(key, prefix, after)) {
        yield* walkDirectory(join(path, name), key, prefix, after)
      }
    } else if (key.startsWith(prefix) && key > after) {
      const stats = await statsOf(join(path, name))
      if (stats !== undefined) yield { key, stats }
    }
  }
}

/** Names in key order: a directory sorts with the slash that its keys have. */
async function entriesOf(path: string): Promise<{ name: string; isDirectory: boolean }[]> {
  const entries = await ifPresent(readdir(path, { withFileTypes: true })) ?? []
  return entries
    .filter((entry) => entry.name !== partDirectory && (entry.isDirectory() || entry.isFile()))
    .map((entry) => {
      const isDirectory = entry.isDirectory()
      return { name: isDirectory ? `${entry.name}/` : entry.name, isDirectory }
    })
    .sort((one, other) => (one.name < other.name ? -1 : 1))
}

function isWorthEntering(directoryKey: string, prefix: string, after: string): boolean {
  const mayMatch = prefix.startsWith(directoryKey) || directoryKey.startsWith(prefix)
  return mayMatch && (after.startsWith(directoryKey) || directoryKey > after)
}

function statsOf(path: string): Promise<Stats | undefined> {
  return ifPresent(lstat(path))
}

async function ifPresent<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (failure) {
    if (systemCode(failure) === 'ENOENT') return undefined
    throw failure
  }
}
