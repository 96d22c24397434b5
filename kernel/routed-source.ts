/** Sources by the address that a storage uses itself, such as `s3://media/film.mp4`: which storage has the object. */
import type { StorageProvider } from './contract/storage.ts'
import { WebEncodeError } from './errors.ts'
import type { NamedStorage } from './storages.ts'

/** An object, and the storage that has it. */
export interface PlacedObject {
  readonly storage: StorageProvider
  readonly bucket: string
  readonly objectKey: string
}

/** Bucket and key as they stand: nothing is percent-decoded. Undefined when there are none. */
export function parseRoutedSource(
  text: string,
): Pick<PlacedObject, 'bucket' | 'objectKey'> | undefined {
  const [, bucket, objectKey] = /^[a-z][a-z0-9+.-]*:\/\/([^/]+)\/(.+)$/is.exec(text) ?? []
  return bucket === undefined || objectKey === undefined ? undefined : { bucket, objectKey }
}

/**
 * Asks each candidate in turn: several may stand for one kind of address, each with other buckets, and one may be out.
 * @returns undefined when all answer and none has it
 * @throws what the first one said that could not answer, when no other one has it
 */
export async function placeObject(
  { bucket, objectKey }: Pick<PlacedObject, 'bucket' | 'objectKey'>,
  candidates: readonly NamedStorage[],
): Promise<PlacedObject | undefined> {
  let failure: unknown
  for (const { storage } of candidates) {
    try {
      await storage.getObjectMetadata({ bucket, path: objectKey })
      return { storage, bucket, objectKey }
    } catch (cause) {
      if (!(cause instanceof WebEncodeError)) throw cause
      if (cause.code !== 'WE-STO-001') failure ??= cause
    }
  }
  if (failure !== undefined) throw failure
  return undefined
}
