/** Pillar 2, storage: the port that storage plugins implement, shaped as `storage.proto`. */

export interface SignedUrlRequest {
  readonly bucket: string
  readonly objectKey: string
  readonly expirySeconds: number
  readonly contentType?: string
  readonly method: 'GET' | 'PUT'
  /** Who will use the URL: a process on this machine may be given a `file:` URL, a browser never. */
  readonly audience: 'worker' | 'browser'
  /** Lower-case hex that the bytes of an upload must have: the storage refuses others. */
  readonly sha256?: string
  /** File name that a download is saved as. */
  readonly downloadName?: string
}

export interface SignedUrlResponse {
  /** Absolute, or for a browser a path on this server. */
  readonly url: string
  /** To be sent with the request. */
  readonly headers: Readonly<Record<string, string>>
  readonly expiresAt: number
  /** An upload may come in pieces: `Content-Range: bytes a-b/total`, with `Repr-Digest` on each of them. @default false */
  readonly isResumable?: boolean
}

export interface ObjectInfo {
  readonly key: string
  readonly size: number
  readonly etag: string
  /** Seconds since the epoch. */
  readonly lastModified: number
}

export interface ObjectMetadata extends ObjectInfo {
  readonly contentType: string
}

export interface UploadSummary {
  readonly url: string
  readonly size: number
  readonly etag: string
  readonly sha256: string
}

export interface BrowseEntry {
  readonly name: string
  readonly path: string
  readonly isDirectory: boolean
  readonly size: number
  readonly modTime: number
  readonly extension: string
  readonly isVideo: boolean
  readonly isAudio: boolean
  readonly isImage: boolean
}

/**
 * Keeps objects by bucket and key. Buckets here: `media`.
 * Keys are relative, slash-separated, without `..`: see `object-key.ts`. A bad one is WE-STO-002, a missing object
 * WE-STO-001, a storage that is full WE-STO-003, one that is gone or too slow WE-STO-004, bytes that do not have their hash
 * WE-STO-006.
 */
export interface StorageProvider {
  /**
   * Streams an object in; it appears whole or not at all.
   * @param target.sha256 - lower-case hex that the bytes must have. @throws WE-STO-006 when they have another
   * @param target.ifAbsent - of uploads of one key at the same time, one succeeds. @default false: the last one stays.
   * @throws WE-STO-007 when there is an object
   */
  upload(
    target: {
      bucket: string
      path: string
      contentType?: string
      signal?: AbortSignal
      sha256?: string
      ifAbsent?: boolean
    },
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<UploadSummary>
  download(
    target: { bucket: string; path: string; range?: { start: number; end?: number } },
  ): Promise<{ metadata: ObjectMetadata; body: ReadableStream<Uint8Array> }>
  /** Deletes an object; a missing one is no error. */
  delete(target: { bucket: string; path: string }): Promise<void>
  getUrl(request: SignedUrlRequest): Promise<SignedUrlResponse>
  getUploadUrl(request: SignedUrlRequest): Promise<SignedUrlResponse>
  listObjects(
    request: { bucket: string; prefix: string; maxKeys?: number; continuationToken?: string },
  ): Promise<{ objects: ObjectInfo[]; nextContinuationToken?: string }>
  getObjectMetadata(target: { bucket: string; path: string }): Promise<ObjectMetadata>
  getCapabilities(): Promise<
    {
      supportsBrowse: boolean
      supportsUpload: boolean
      supportsSignedUrls: boolean
      supportsStreaming: boolean
      storageType: string
    }
  >
  browseRoots(): Promise<BrowseEntry[]>
  browse(
    request: { path: string; showHidden?: boolean; mediaOnly?: boolean; searchQuery?: string },
  ): Promise<{ currentPath: string; parentPath: string; entries: BrowseEntry[] }>
}
