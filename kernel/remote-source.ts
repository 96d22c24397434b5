/** Sources at http(s) addresses that a storage plugin takes in place of the kernel: which plugin has it, and what a worker opens. */
import type { SignedUrlRequest } from './contract/storage.ts'
import type { SourceRef } from './contract/task.ts'
import { WebEncodeError } from './errors.ts'
import type { Outbound } from './outbound.ts'
import { type PlacedObject, placeObject } from './routed-source.ts'
import type { Storages } from './storages.ts'

export interface RemotePlacingOptions {
  readonly outbound: Pick<Outbound, 'check'>
  readonly storages?: Pick<Storages, 'get'>
  /** Ids of the storages that take it, the best first. @default none takes any */
  readonly routeStorage?: (url: string) => Promise<readonly string[]>
}

/**
 * Finds the plugin that has a source: its origin is the bucket, path and query are the key, as they stand. The address must be one
 * that the kernel itself would fetch, whoever fetches it then.
 * @returns undefined when no plugin takes the address: the kernel and its workers fetch it themselves
 */
export function createRemotePlacing(
  { outbound, storages, routeStorage }: RemotePlacingOptions,
): (url: URL) => Promise<PlacedObject | undefined> {
  return async (url) => {
    const ids = await routeStorage?.(url.href) ?? []
    if (ids.length === 0 || storages === undefined) return undefined
    await outbound.check(url.href)
    const place = { bucket: url.origin, objectKey: `${url.pathname.slice(1)}${url.search}` }
    const found = await placeObject(place, ids.map((id) => storages.get(id)))
    if (found !== undefined) return found
    // Without the address: its query may be a signature.
    const problem = `The source does not exist in ${ids.join(', ')}, which takes ${url.host}`
    throw new WebEncodeError('WE-JOB-002', problem, { path: 'source_url' })
  }
}

/**
 * What a worker opens. Where the plugin answers with the host that the user named, it is fetched with the checks of every address
 * of a user: names may lead elsewhere by then.
 */
export async function remoteRefFrom(
  url: URL,
  { storage, ...object }: PlacedObject,
  sign: Omit<SignedUrlRequest, 'bucket' | 'objectKey'>,
): Promise<SourceRef> {
  const signed = await storage.getUrl({ ...object, ...sign })
  const isUsers = URL.parse(signed.url)?.hostname === url.hostname
  return { url: signed.url, name: nameOf(url), ...(!isUsers && { isStored: true }) }
}

/** The last part of the path, or the host. */
export function nameOf(url: URL): string {
  return url.pathname.split('/').at(-1) || url.hostname
}
