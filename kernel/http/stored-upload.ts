/** Uploads into storage: where they go, and what is refused. */
import { randomUUID } from 'node:crypto'
import type { Context } from 'hono'
import type { ObjectRef } from '../contract/media.ts'
import type { StorageProvider } from '../contract/storage.ts'
import { WebEncodeError } from '../errors.ts'
import { currentIdentity } from './auth.ts'
import { checkCsrfToken } from './csrf.ts'
import type { AppEnv } from './deps.ts'
import { safeFileName } from './file-name.ts'
import { receiveFile, type ReceiveOptions } from './upload.ts'

const bucket = 'media'

/**
 * Streams the file of a request to `uploads/<random>/<safe name>`; `fs://<key>` is then a source. A form of a browser
 * without scripts has its field `_csrf` before the file.
 * @throws WE-JOB-001 without a file, WE-SYS-006 above the limit, WE-AUTH-003, WE-STO-003
 */
export async function storeUpload(
  c: Context<AppEnv>,
  storage: Pick<StorageProvider, 'upload' | 'delete'>,
  options: ReceiveOptions,
): Promise<ObjectRef> {
  const identity = currentIdentity(c)
  return await receiveFile(
    c.req.raw,
    options,
    async ({ name, contentType, fields, chunks }) => {
      if (c.get('isCsrfOpen')) checkCsrfToken(identity, fields.get('_csrf'))
      const key = `uploads/${randomUUID()}/${safeFileName(name)}`
      const { size, sha256 } = await storage.upload({ bucket, path: key, contentType }, chunks)
      if (size > 0 || name !== '') return { key, sizeBytes: size, sha256 }
      // What a browser sends when no file was chosen. A named empty file is the probe's to judge.
      await storage.delete({ bucket, path: key })
      throw new WebEncodeError('WE-JOB-001', 'No file was chosen', { path: 'file' })
    },
  )
}
