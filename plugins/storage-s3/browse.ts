/** Shows the keys of a bucket as folders and files: a slash ends a folder. */
import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from '@aws-sdk/client-s3'
import type { S3Client } from '@aws-sdk/client-s3'
import { extname } from 'node:path'
import { mediaKindOf } from '../../kernel/contract/content-types.ts'
import type { BrowseEntry, StorageProvider } from '../../kernel/contract/storage.ts'
import { WebEncodeError } from '../../kernel/errors.ts'

type BrowseRequest = Parameters<StorageProvider['browse']>[0]
type BrowseReply = Awaited<ReturnType<StorageProvider['browse']>>

/** Most entries of one folder that are looked at. */
const maxEntries = 10_000

/** The bucket as the one root. */
export function rootOf(bucket: string): BrowseEntry {
  return folderEntry(bucket, bucket)
}

/**
 * The folder `path`, which starts with the bucket's name: folders first, then files, by name.
 * @throws WE-STO-002 when the path is not of this bucket
 */
export async function browseBucket(
  client: Pick<S3Client, 'send'>,
  bucket: string,
  request: BrowseRequest,
  abortSignal: AbortSignal,
): Promise<BrowseReply> {
  const prefix = prefixFrom(bucket, request.path)
  const search = request.searchQuery?.toLowerCase() ?? ''
  const entries: BrowseEntry[] = []
  let seen = 0
  let token: string | undefined
  do {
    const page: ListObjectsV2CommandOutput = await client.send(
      new ListObjectsV2Command({
        Bucket: bucket,
        Prefix: prefix,
        Delimiter: '/',
        ...(token !== undefined && { ContinuationToken: token }),
      }),
      { abortSignal },
    )
    const found = entriesOf(page, bucket, prefix)
    seen += found.length
    entries.push(...found.filter((entry) => isShown(entry, request, search)))
    token = page.NextContinuationToken
  } while (token !== undefined && seen < maxEntries)
  const currentPath = prefix === '' ? bucket : `${bucket}/${prefix.slice(0, -1)}`
  return { currentPath, parentPath: parentOf(currentPath), entries: entries.sort(byKindAndName) }
}

function prefixFrom(bucket: string, path: string): string {
  const [first, ...rest] = path.replace(/\/$/, '').split('/')
  const isPlain = rest.every((segment) => segment !== '' && segment !== '.' && segment !== '..')
  if (first === bucket && isPlain && !path.includes('\0')) return rest.map((s) => `${s}/`).join('')
  throw new WebEncodeError(
    'WE-STO-002',
    `Cannot open "${path.slice(0, 200)}": it is not a folder of the bucket "${bucket}"`,
  )
}

function entriesOf(
  page: ListObjectsV2CommandOutput,
  bucket: string,
  prefix: string,
): BrowseEntry[] {
  const folders = (page.CommonPrefixes ?? []).flatMap(({ Prefix = '' }) => {
    const name = Prefix.slice(prefix.length, -1)
    return name === '' ? [] : [folderEntry(name, `${bucket}/${Prefix.slice(0, -1)}`)]
  })
  const files = (page.Contents ?? []).flatMap(({ Key = '', Size = 0, LastModified }) => {
    const name = Key.slice(prefix.length)
    // An object with the name of the folder stands for an empty folder.
    if (name === '') return []
    return [fileEntry(name, `${bucket}/${Key}`, Size, LastModified)]
  })
  return [...folders, ...files]
}

function folderEntry(name: string, path: string): BrowseEntry {
  return {
    name,
    path,
    isDirectory: true,
    size: 0,
    modTime: 0,
    extension: '',
    isVideo: false,
    isAudio: false,
    isImage: false,
  }
}

function fileEntry(name: string, path: string, size: number, time: Date | undefined): BrowseEntry {
  const kind = mediaKindOf(name)
  return {
    name,
    path,
    isDirectory: false,
    size,
    modTime: Math.floor((time?.getTime() ?? 0) / 1000),
    extension: extname(name).slice(1).toLowerCase(),
    isVideo: kind === 'video',
    isAudio: kind === 'audio',
    isImage: kind === 'image',
  }
}

function isShown(entry: BrowseEntry, request: BrowseRequest, search: string): boolean {
  if (request.showHidden !== true && entry.name.startsWith('.')) return false
  if (!entry.name.toLowerCase().includes(search)) return false
  const isMedia = entry.isDirectory || entry.isVideo || entry.isAudio || entry.isImage
  return request.mediaOnly !== true || isMedia
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

function byKindAndName(one: BrowseEntry, other: BrowseEntry): number {
  if (one.isDirectory !== other.isDirectory) return one.isDirectory ? -1 : 1
  return one.name.localeCompare(other.name, 'en', { numeric: true })
}
