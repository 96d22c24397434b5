/** Where jobs may read from: checks the source a user names, and gives workers something they can open. */
import { realpath, stat } from 'node:fs/promises'
import { basename, resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { StorageProvider } from './contract/storage.ts'
import type { SourceRef } from './contract/task.ts'
import { messageOf, WebEncodeError } from './errors.ts'
import type { Outbound } from './outbound.ts'
import { createRemotePlacing, nameOf, remoteRefFrom } from './remote-source.ts'
import type { Storages } from './storages.ts'
import { parseRoutedSource, type PlacedObject, placeObject } from './routed-source.ts'
import { parseStoredSource } from './stored-source.ts'

/** What a job reads from, checked. */
export interface CheckedSource {
  readonly type: 'url' | 'upload'
  readonly url: string
}

/** Sources of jobs. */
export interface Sources {
  /**
   * Checks a source that a user names.
   * @throws WE-JOB-002 when it cannot be a source or is not there; WE-STO-002 when it is outside the allowed folders
   */
  readonly checkSource: (url: string) => Promise<CheckedSource>
  /**
   * What a worker opens. Files and uploads are checked again, because files and links change; remote addresses are not.
   * @throws WE-JOB-002, WE-STO-002
   */
  readonly resolveSource: (url: string) => Promise<SourceRef>
}

export interface SourcesOptions {
  /** Folders whose files may be sources. */
  readonly roots: readonly string[]
  readonly storage: Pick<StorageProvider, 'getObjectMetadata' | 'getUrl'>
  readonly outbound: Pick<Outbound, 'open' | 'check'>
  /** Bucket of the uploads. */
  readonly uploadsBucket: string
  /** Whose objects may be sources. @default none */
  readonly storages?: Pick<Storages, 'get'>
  /**
   * Ids of the storages that may take an address such as `s3://media/film.mp4`, the best first: the rules of the admin, then what
   * the plugins say of themselves. Of http(s), none means that workers fetch it themselves. @default none takes any
   */
  readonly routeStorage?: (url: string) => Promise<readonly string[]>
  /** Seconds that a signed URL is valid. @default 86_400 */
  readonly urlSeconds?: number
  /** What a worker opens to read a file below a root. @default its `file:` URL: workers are on this machine */
  readonly getMediaUrl?: (path: string, expirySeconds: number) => Promise<string>
}

/** Lists of other files: they could make FFmpeg read what was never checked. */
const playlist = /\.(m3u8?|mpd|(ff)?concat|ffcat|txt|pls|xspf|sdp|ism|asx|wpl)$/i

/** Creates the guard of sources. It keeps no state between calls. */
export function createSources(options: SourcesOptions): Sources {
  const { roots, storage, outbound, uploadsBucket, urlSeconds = 86_400, getMediaUrl } = options
  const sign = { expirySeconds: urlSeconds, method: 'GET', audience: 'worker' } as const

  async function checkUpload(url: string): Promise<string> {
    const key = uploadKeyFrom(url)
    await storage.getObjectMetadata({ bucket: uploadsBucket, path: key }).catch((failure) => {
      if (failure instanceof WebEncodeError && failure.code !== 'WE-STO-001') throw failure
      throw refused(`The upload "${url}" does not exist`, failure)
    })
    return key
  }

  const checkObject = createPlacing(options)
  const placeRemote = createRemotePlacing(options)

  return {
    async checkSource(text) {
      const url = parseSource(text)
      if (isObject(url, text)) {
        await checkObject(text)
        return { type: 'url', url: text }
      }
      if (url.protocol === 'fs:') {
        await checkUpload(text)
        return { type: 'upload', url: text }
      }
      if (url.protocol === 'file:') {
        await checkFile(url, roots)
      } else {
        refusePlaylist(url.pathname)
        if (await placeRemote(url) === undefined) await reach(outbound, url.href)
      }
      return { type: 'url', url: url.href }
    },
    async resolveSource(text) {
      const url = parseSource(text)
      if (url.protocol === 'file:') {
        const path = await checkFile(url, roots)
        const name = basename(path)
        if (getMediaUrl === undefined) return { url: pathToFileURL(path).href, name }
        return { url: await getMediaUrl(path, urlSeconds), name, isStored: true }
      }
      if (isObject(url, text)) {
        const { storage: place, ...object } = await checkObject(text)
        const signed = await place.getUrl({ ...object, ...sign })
        return { url: signed.url, name: basename(object.objectKey), isStored: true }
      }
      if (url.protocol !== 'fs:') {
        const placed = await placeRemote(url)
        if (placed !== undefined) return await remoteRefFrom(url, placed, sign)
        // Whoever fetches it checks the address at every request; a name may lead elsewhere by then.
        return { url: url.href, name: nameOf(url) }
      }
      const objectKey = uploadKeyFrom(text)
      const [signed] = await Promise.all([
        storage.getUrl({ bucket: uploadsBucket, objectKey, ...sign }),
        checkUpload(text),
      ])
      return { url: signed.url, name: basename(objectKey), isStored: true }
    },
  }
}

/** Finds objects of storages, by the address that people picked or that the storage itself uses. */
function createPlacing(
  { storages, routeStorage }: SourcesOptions,
): (url: string) => Promise<PlacedObject> {
  /** An object that people picked; where it is. */
  async function checkPicked(url: string): Promise<PlacedObject> {
    const source = parseStoredSource(url)
    if (source === undefined || storages === undefined) {
      throw refused(
        `The stored source must be storage://<plugin id>/<bucket>/<key>; found "${url}"`,
      )
    }
    const { pluginId, bucket, key } = source
    refusePlaylist(key)
    const named = storages.get(pluginId)
    await named.storage.getObjectMetadata({ bucket, path: key }).catch((failure) => {
      if (failure instanceof WebEncodeError && failure.code !== 'WE-STO-001') throw failure
      throw refused(`The stored source "${url}" does not exist`, failure)
    })
    return { storage: named.storage, bucket, objectKey: key }
  }

  /** An object by the address that its storage uses; where it is. */
  async function checkRouted(url: string): Promise<PlacedObject> {
    const source = parseRoutedSource(url)
    const ids = await routeStorage?.(url) ?? []
    if (source === undefined || storages === undefined || ids.length === 0) {
      // One that took it before may be starting again: a job that was accepted waits for it.
      const problem = `No storage that serves now takes the source "${url}"; ${sourceKinds}`
      throw new WebEncodeError('WE-JOB-002', problem, { path: 'source_url', next: 'retry' })
    }
    refusePlaylist(source.objectKey)
    const found = await placeObject(source, ids.map((id) => storages.get(id)))
    if (found !== undefined) return found
    throw refused(`The stored source "${url}" does not exist in ${ids.join(', ')}`)
  }

  return (url) => url.startsWith('storage:') ? checkPicked(url) : checkRouted(url)
}

/** Bytes that show whether an answer is a list of other files. */
const peekBytes = 1024
const peekMs = 20_000

/** Asks for the first bytes, so that a wrong address, a redirect astray or a playlist is refused before there is a job. */
async function reach(outbound: Pick<Outbound, 'open'>, url: string): Promise<void> {
  const signal = AbortSignal.timeout(peekMs)
  const { status, body } = await outbound.open(url, {
    range: { start: 0, end: peekBytes - 1 },
    signal,
  })
  try {
    // 416: an empty file, which is the probe's to judge.
    if (status >= 400 && status !== 416) throw refused(`The source answers with status ${status}`)
    for await (const chunk of body) {
      refuseList(String(chunk).slice(0, peekBytes))
      break
    }
  } finally {
    body.destroy()
  }
}

function refuseList(beginning: string): void {
  if (/^\uFEFF?\s*(#EXTM3U|ffconcat|<\?xml[^>]*>\s*<MPD|<MPD)/.test(beginning)) {
    throw refused('The source must be one media file, and this one is a list of others')
  }
}

const sourceKinds =
  'it must be an http, https, file, fs://uploads/ or storage:// URL, or one that a storage takes'

function parseSource(text: string): URL {
  const url = URL.parse(text)
  if (url !== null) return url
  throw refused(`The source is not a URL; ${sourceKinds}`)
}

/** Whether a storage is asked for it: anything but what the kernel itself fetches, reads or keeps. */
function isObject({ protocol }: URL, text: string): boolean {
  return !['http:', 'https:', 'file:'].includes(protocol) && !text.startsWith('fs://uploads/')
}

/** Keys are taken as they stand: what an upload answered is not percent-encoded. */
function uploadKeyFrom(url: string): string {
  const key = url.slice('fs://'.length)
  const segments = key.split('/')
  const isPlain = segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..')
  if (url.startsWith('fs://') && segments.length >= 3 && segments[0] === 'uploads' && isPlain) {
    refusePlaylist(key)
    return key
  }
  throw refused(
    `A stored source must be fs://uploads/ and what the upload answered; found "${url}"`,
  )
}

/** The real path of a file below a root. */
async function checkFile(url: URL, roots: readonly string[]): Promise<string> {
  const path = pathOf(url)
  const realRoots = (await Promise.all(roots.map(realFolder))).filter((root) => root !== undefined)
  // Before the disk is asked, so that nobody learns what exists elsewhere.
  if (![...roots.map((root) => resolve(root)), ...realRoots].some((root) => isBelow(root, path))) {
    throw outside(path)
  }
  const { real, facts } = await lookUp(path).catch((failure: unknown) => {
    if (isDenied(failure)) throw outside(path, failure)
    throw refused(`The source "${path}" does not exist`, failure)
  })
  if (!realRoots.some((root) => isBelow(root, real))) throw outside(path)
  if (!facts.isFile()) {
    throw denied(`Cannot read "${path}": it must be a file, and it is a folder or a device`)
  }
  refusePlaylist(path)
  refusePlaylist(real)
  return real
}

/** Where a path leads and what is there, as one step: a file may vanish between the two. */
async function lookUp(path: string) {
  const real = await realpath(path)
  return { real, facts: await stat(real) }
}

function pathOf(url: URL): string {
  try {
    const path = fileURLToPath(url)
    if (!path.includes('\0')) return resolve(path)
  } catch (failure) {
    throw refused(`The file URL cannot be read: ${messageOf(failure)}`, failure)
  }
  throw refused('The file URL cannot be read: its path holds a zero byte')
}

/** A root that does not exist, or cannot be entered, allows nothing. */
async function realFolder(root: string): Promise<string | undefined> {
  return await realpath(root).catch(() => undefined)
}

function isBelow(root: string, path: string): boolean {
  return path.startsWith(root.endsWith(sep) ? root : root + sep)
}

function refusePlaylist(path: string): void {
  if (playlist.test(path)) {
    throw refused('The source must be one media file, and playlists name others')
  }
}

function isDenied(failure: unknown): boolean {
  return failure instanceof Error && 'code' in failure && failure.code === 'EACCES'
}

function outside(path: string, cause?: unknown): WebEncodeError {
  return denied(`Cannot read "${path}": it is not below a folder that sources may come from`, cause)
}

function denied(problem: string, cause?: unknown): WebEncodeError {
  return new WebEncodeError('WE-STO-002', problem, { path: 'source_url', cause })
}

function refused(problem: string, cause?: unknown): WebEncodeError {
  return new WebEncodeError('WE-JOB-002', problem, { path: 'source_url', cause })
}
