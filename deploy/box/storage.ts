/** Opens the storages of a kernel: an S3 bucket when one is configured, else a directory; media folders are files always. */
import { systemClock } from '../../kernel/clock.ts'
import type { Config } from '../../kernel/config.ts'
import type { StorageProvider } from '../../kernel/contract/storage.ts'
import type { Log } from '../../kernel/log.ts'
import { createStorages, type PluginStorages, type Storages } from '../../kernel/storages.ts'
import {
  createFsStorage,
  type FsStorage,
  type FsStorageOptions,
} from '../../plugins/storage-fs/storage.ts'
import type { S3StorageOptions } from '../../plugins/storage-s3/options.ts'
import { dataPathsOf, objectsPath } from './paths.ts'
import { readOrCreateKey } from './secret-file.ts'

/** The storages of a kernel, and what only files on its own disk can do. */
export interface KernelStorages {
  readonly storages: Storages
  /** The main one. */
  readonly storage: StorageProvider
  /** Workers of this machine may open the objects as files. */
  readonly hasFiles: boolean
  /** Answers the URLs that files are signed with. */
  readonly serveObject: FsStorage['serve']
  /** What a worker opens to read a file below a media folder. */
  readonly getMediaUrl: FsStorage['getMediaUrl']
  /** Counts what the objects take; absent for a bucket, which would have to be listed to the end. */
  readonly usage?: FsStorage['usage']
  close(): Promise<void>
}

/**
 * Opens them.
 * @param workerUrlBase - where workers on other machines reach this kernel; absent: they are on this one
 * @param plugins - storages that are plugins
 * @throws WE-STO-002 or WE-STO-004 when the bucket cannot be used
 */
export async function openStorages(
  config: Config,
  log: Log,
  workerUrlBase?: FsStorageOptions['workerUrlBase'],
  plugins?: PluginStorages,
): Promise<KernelStorages> {
  const files = await openFiles(config, log, workerUrlBase)
  const s3 = s3OptionsFrom(config)
  const fileParts = { serveObject: files.serve, getMediaUrl: files.getMediaUrl }
  if (s3 === undefined) {
    const storages = createStorages({ id: 'storage-fs', storage: files }, [], plugins)
    const { usage, close } = files
    return { storages, storage: files, hasFiles: true, ...fileParts, usage, close }
  }
  // Loaded where it is used: the SDK takes 30 MB.
  const { createS3Storage } = await import('../../plugins/storage-s3/storage.ts')
  const storage = createS3Storage(s3, log)
  try {
    await storage.check()
  } catch (failure) {
    await storage.close()
    throw failure
  }
  const local = config.mediaRoots.length > 0 ? [{ id: 'storage-fs', storage: files }] : []
  return {
    storages: createStorages({ id: 'storage-s3', storage }, local, plugins),
    storage,
    hasFiles: false,
    ...fileParts,
    async close() {
      await storage.close()
      await files.close()
    },
  }
}

/** Complete or absent: the configuration was checked when it was read. */
function s3OptionsFrom(config: Config): S3StorageOptions | undefined {
  const { s3Bucket: bucket, s3AccessKeyId: accessKeyId, s3SecretAccessKey } = config
  if (bucket === undefined || accessKeyId === undefined || s3SecretAccessKey === undefined) {
    return undefined
  }
  return {
    bucket,
    accessKeyId,
    secretAccessKey: s3SecretAccessKey,
    region: config.s3Region,
    signedUrlExpirySeconds: config.s3SignedUrlSeconds,
    ...(config.s3Endpoint !== undefined && { endpoint: config.s3Endpoint }),
    ...(config.s3PublicEndpoint !== undefined && { publicEndpoint: config.s3PublicEndpoint }),
  }
}

async function openFiles(
  config: Config,
  log: Log,
  workerUrlBase: FsStorageOptions['workerUrlBase'],
): Promise<FsStorage> {
  const paths = dataPathsOf(config.dataDirectory)
  return createFsStorage({
    root: paths.objects,
    signingKey: await readOrCreateKey(paths.signingKey),
    publicPath: objectsPath,
    now: systemClock.now,
    mediaRoots: config.mediaRoots,
    log,
    ...(workerUrlBase !== undefined && { workerUrlBase }),
  })
}
