/** Files of web servers as objects that are read: the bucket is a server's origin, the key the rest of the address. */
import { keyFault } from '../../kernel/contract/object-key.ts'
import type { SignedUrlRequest, StorageProvider } from '../../kernel/contract/storage.ts'
import { WebEncodeError } from '../../kernel/errors.ts'
import type { Outbound } from '../../kernel/outbound.ts'
import { type Answer, answerFrom, metadataOf, type Range } from './answer.ts'
import { streamOf } from './body.ts'
import { storageFailure } from './failure.ts'

export interface HttpStorageOptions {
  /** The guard of addresses that people name. */
  readonly outbound: Outbound
  /** Milliseconds since the epoch. @default the system's */
  readonly now?: () => number
}

/** What is asked for to learn about an object: a HEAD is what many servers, and signed addresses, do not answer. */
const firstByte: Range = { start: 0, end: 0 }

/** The storage. It keeps no state and no connection between calls. */
export function createHttpStorage(
  { outbound, now = Date.now }: HttpStorageOptions,
): StorageProvider {
  async function open(bucket: string, key: string, range?: Range): Promise<Answer> {
    const url = addressOf(bucket, key)
    try {
      return answerFrom(await outbound.open(url, range && { range }), range)
    } catch (failure) {
      throw storageFailure(failure)
    }
  }

  return {
    async download({ bucket, path, range }) {
      const answer = await open(bucket, path, range)
      return { metadata: metadataOf(path, answer), body: streamOf(answer, range) }
    },
    async getObjectMetadata({ bucket, path }) {
      const answer = await open(bucket, path, firstByte)
      answer.body.destroy()
      return metadataOf(path, answer)
    },
    async getUrl({ bucket, objectKey, expirySeconds }) {
      const url = addressOf(bucket, objectKey)
      await outbound.check(url).catch((failure: unknown) => {
        throw storageFailure(failure)
      })
      return { url, headers: {}, expiresAt: Math.floor(now() / 1000) + expirySeconds }
    },
    getCapabilities: () =>
      Promise.resolve({
        supportsBrowse: false,
        supportsUpload: false,
        supportsSignedUrls: false,
        supportsStreaming: true,
        storageType: 'http',
      }),
    browseRoots: () => Promise.resolve([]),
    ...refusals,
  }
}

const refusals = {
  upload: ({ bucket, path }) => refuse('write', bucket, path),
  delete: ({ bucket, path }) => refuse('delete', bucket, path),
  getUploadUrl: ({ bucket, objectKey }: SignedUrlRequest) => refuse('write', bucket, objectKey),
  listObjects: ({ bucket }) => refuse('list', bucket),
  browse: ({ path }) => refuse('list', path),
} satisfies Partial<StorageProvider>

function refuse(action: string, ...place: readonly string[]): Promise<never> {
  const problem = `Cannot ${action} "${shown(place.join('/'))}": web servers are only read`
  return Promise.reject(new WebEncodeError('WE-STO-002', problem))
}

/** The address as it stands, and as it can be sent: a space becomes `%20`. @throws WE-STO-002 */
function addressOf(bucket: string, key: string): string {
  const url = URL.parse(`${bucket}/${key}`)
  const fault = keyFault(key) ??
    (url !== null && url.origin === bucket
      ? undefined
      : 'its bucket must be the origin of a web server, such as "https://media.example.org"')
  if (fault === undefined && url !== null) return url.href
  throw new WebEncodeError('WE-STO-002', `Cannot read "${shown(key)}": ${fault}`)
}

/** As people may be told: without its query, which may be a signature. */
function shown(address: string): string {
  return address.replace(/\?.*/s, '').slice(0, 200)
}
