/** Where an object lies: checks buckets and keys, and keeps every path inside its bucket, links included. */
import { realpath } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { WebEncodeError } from '../../kernel/errors.ts'
import { objectKeyFault } from '../../kernel/contract/object-key.ts'
import { deny, systemCode } from './failure.ts'

/** The directory of unfinished files inside each bucket; no key may go through it. */
export const partDirectory = '.part'

const maxSegmentBytes = 255

/** What is wrong with a bucket and key, as the end of a sentence; undefined when nothing is. */
export function keyFault(bucket: string, key: string): string | undefined {
  const fault = objectKeyFault(bucket, key)
  if (fault !== undefined) return fault
  for (const segment of key.split('/')) {
    if (segment === partDirectory) return `the key has a "${partDirectory}" segment`
    if (Buffer.byteLength(segment) > maxSegmentBytes) {
      return `a segment of the key is longer than ${maxSegmentBytes} bytes`
    }
  }
  return undefined
}

/** Whether `path` is `directory` or lies below it. Both are absolute and resolved. */
export function isInside(directory: string, path: string): boolean {
  return path === directory ||
    path.startsWith(directory.endsWith(sep) ? directory : directory + sep)
}

/** The place of an object. */
export interface Place {
  /** The bucket's directory, links resolved. */
  readonly bucketPath: string
  /** Where the object is or will be; when it is there, links resolved. */
  readonly path: string
}

/**
 * Finds the place of an object, whether it is there or not.
 * @param root - directory of the buckets; the one of `bucket` must exist
 * @throws WE-STO-002 when the key is bad or a link leads out of the bucket
 */
export async function locate(root: string, bucket: string, key: string): Promise<Place> {
  const action = `use object "${key.slice(0, 200)}"`
  const fault = keyFault(bucket, key)
  if (fault !== undefined) deny(action, fault)
  const bucketPath = await bucketPathIn(root, bucket)
  const wanted = join(bucketPath, ...key.split('/'))
  const existing = await nearestExisting(wanted)
  if (!isInside(bucketPath, existing.real)) deny(action, 'a link leads out of the storage')
  return { bucketPath, path: existing.isWhole ? existing.real : wanted }
}

/** The directory of a bucket, links resolved. @throws WE-STO-004 when it is gone, e.g. with its disk */
export async function bucketPathIn(root: string, bucket: string): Promise<string> {
  try {
    return await realpath(join(root, bucket))
  } catch (cause) {
    if (systemCode(cause) !== 'ENOENT') throw cause
    const problem = `Cannot use the storage: the directory of its bucket "${bucket}" is gone`
    throw new WebEncodeError('WE-STO-004', problem, { cause })
  }
}

/** The resolved path of `path`, or of the first directory above it that exists. */
async function nearestExisting(path: string): Promise<{ real: string; isWhole: boolean }> {
  for (let at = path;; at = dirname(at)) {
    try {
      return { real: await realpath(at), isWhole: at === path }
    } catch (failure) {
      const code = systemCode(failure)
      if ((code !== 'ENOENT' && code !== 'ENOTDIR') || dirname(at) === at) throw failure
    }
  }
}
