/** Deletes what jobs leave in storage. */
import type { StorageProvider } from '../../kernel/contract/storage.ts'
import type { Reader } from '../../kernel/db/database.ts'
import { readJobOutputs } from '../../kernel/db/jobs.ts'
import { mediaBucket, outPrefix, workPrefix } from '../desk/keys.ts'

type Objects = Pick<StorageProvider, 'listObjects' | 'delete'>

/** Deletes the objects below a prefix, except those to keep. @returns how many */
export async function deletePrefix(
  storage: Objects,
  prefix: string,
  keep: ReadonlySet<string> = new Set(),
): Promise<number> {
  let deleted = 0
  let continuationToken: string | undefined
  do {
    const page = await storage.listObjects({
      bucket: mediaBucket,
      prefix,
      ...(continuationToken !== undefined && { continuationToken }),
    })
    for (const { key } of page.objects) {
      if (keep.has(key)) continue
      await storage.delete({ bucket: mediaBucket, path: key })
      deleted++
    }
    continuationToken = page.nextContinuationToken
  } while (continuationToken !== undefined)
  return deleted
}

/**
 * Creates the handler of the `clean` effect: deletes the intermediates of a job, and final files that verification did
 * not accept. Doing it again changes nothing.
 */
export function createCleaner(
  { storage, db }: { readonly storage: Objects; readonly db: Reader },
): (params: { readonly jobId: string }) => Promise<void> {
  return async function clean({ jobId }) {
    const outputs = await readJobOutputs(db, jobId)
    await deletePrefix(storage, workPrefix(jobId))
    await deletePrefix(storage, outPrefix(jobId), new Set(outputs.map(({ object }) => object.key)))
  }
}
