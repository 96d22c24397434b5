/** What the tus library keeps its uploads in: the resumable uploads of the storage. */
import { DataStore, Upload } from '@tus/server'
import type { Readable } from 'node:stream'
import { type ResumableUploads, unfinishedUploadMs } from '../resumable-uploads.ts'
import { safeFileName } from './file-name.ts'

/** The library's view of resumable uploads. */
export class TusStore extends DataStore {
  readonly #uploads: ResumableUploads

  constructor(uploads: ResumableUploads) {
    super()
    this.#uploads = uploads
    this.extensions = ['creation', 'creation-with-upload', 'termination', 'expiration']
  }

  override async create(file: Upload): Promise<Upload> {
    const { id, size = 0, metadata = {} } = file
    const name = safeFileName(metadata['filename'] ?? metadata['name'] ?? '')
    const { changedAtMs } = await this.#uploads.create({ id, name, sizeBytes: size, metadata })
    file.creation_date = new Date(changedAtMs).toISOString()
    return file
  }

  override async getUpload(id: string): Promise<Upload> {
    const { sizeBytes: size, offset, metadata, changedAtMs } = await this.#uploads.read(id)
    // An upload expires a day after something last came, and not after it began.
    const creation_date = new Date(changedAtMs).toISOString()
    return new Upload({ id, size, offset, metadata: { ...metadata }, creation_date })
  }

  override async write(stream: Readable, id: string, offset: number): Promise<number> {
    return await this.#uploads.write(id, offset, stream)
  }

  override async remove(id: string): Promise<void> {
    await this.#uploads.remove(id)
  }

  override getExpiration(): number {
    return unfinishedUploadMs
  }
}
