/** What the suite of storages works with: the storage under test, and how objects get into it. */
import type { StorageProvider } from './storage.ts'

/** The bucket that every storage which is written has. */
export const bucket = 'media'

/** One storage under test. */
export interface OpenStorage {
  readonly storage: StorageProvider
  /** Where its objects are. @default 'media' */
  readonly bucket?: string
  /** Puts an object where the storage finds it: of one that is only read. @default the storage's own upload() */
  readonly place?: (path: string, text: string) => void
  /** Sends a request to a URL that the storage signed for a browser; the answer has the status an app would give. */
  readonly fetch: (url: string, init?: RequestInit) => Promise<Response>
  readonly close: () => Promise<void>
  /**
   * Makes the storage fail: it is away, answers too late, or has room for a few megabytes at most.
   * @returns mends it; undefined when that cannot be had, e.g. without being root
   */
  readonly fail: (how: 'gone' | 'slow' | 'full') => Promise<(() => Promise<void>) | undefined>
}

/** What a refusal looks like. */
export function isCode(code: string): { name: string; code: string } {
  return { name: 'WebEncodeError', code }
}

export async function* chunksOf(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield await Promise.resolve(new TextEncoder().encode(text))
}

export async function textOf(body: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(body).text()
}

/** The storage, once it is open. */
export type Get = () => OpenStorage

/** The object's place, when it is there. */
export async function placed(opened: OpenStorage, path: string, text: string) {
  if (opened.place === undefined) await put(opened, path, text)
  else opened.place(path, text)
  return placeOf(opened, path)
}

export function placeOf({ bucket: own = bucket }: OpenStorage, path: string) {
  return { bucket: own, path }
}

export function put({ storage }: OpenStorage, path: string, ...texts: string[]) {
  return storage.upload({ bucket, path }, chunksOf(...texts))
}

/** How a browser gets at an object. */
export function signedFor({ bucket, path: objectKey }: { bucket: string; path: string }) {
  return { bucket, objectKey, expirySeconds: 60, method: 'GET', audience: 'browser' } as const
}

/** How a storage may fail, and it is the same to who asks. */
export const waysToFail = ['gone', 'slow'] as const
